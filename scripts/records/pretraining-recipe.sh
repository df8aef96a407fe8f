#!/usr/bin/env bash
# Record of a run: a recipe of pretraining/recipes from text to scores. Vocabulary, prepared text, the pretraining itself, then all eight tasks (three
# seeds of CoLA, MRPC, STS-B and RTE, one of the rest) from its checkpoint and from random weights of the same shape, and the report.
#   bash scripts/records/pretraining-recipe.sh RECIPE VOCAB_SIZE CORPUS_DIR GLUE_DIR OUTPUT_DIR
# RECIPE: the name of a file of pretraining/recipes without .json; VOCAB_SIZE: entries of the vocabulary, as its first lines say. Other work should be
# stopped while it pretrains: it counts time. What is finished is not run again; a cut run goes on when the same line is given again.
set -euo pipefail
recipe=$1 entries=$2 corpus=$3 glue=$4 out=$5
here=$(cd "$(dirname "$0")/../.." && pwd)
bertwright() { node "$here/dist/scripts/cli.js" "$@"; }

[ -e "$out/vocab/vocab.txt" ] || bertwright vocab --corpus "$corpus"/*.txt --vocab-size "$entries" --output "$out/vocab"
bertwright prepare --corpus "$corpus"/*.txt --tokenizer "$out/vocab" --output "$out/prepared"
bertwright pretrain --recipe "$recipe" --data "$out/prepared" --output "$out/$recipe"
suites() {
  bertwright suite --model "$out/$recipe" --tasks cola,mrpc,stsb,rte --seeds 1,2,3 --concurrency 2 --data "$glue" --no-predict "$@"
  bertwright suite --model "$out/$recipe" --tasks sst2,qnli,qqp,mnli --seeds 1 --concurrency 2 --data "$glue" --no-predict "$@"
}
suites --output "$out/glue"
suites --init random --output "$out/glue-random"
bertwright report "$out/$recipe" "$out/glue" "$out/glue-random" --output "$out"
