#!/usr/bin/env bash
# Record of a run: raw text to report on full data, one seed. The figures that it gave are in first-whole.md beside it.
#   bash scripts/records/first-whole.sh CORPUS_DIR GLUE_DIR OUTPUT_DIR
# CORPUS_DIR holds *.txt, one sentence a line, a blank line between documents; GLUE_DIR holds CoLA, SST-2, MRPC, STS-B and RTE.
# A cut run goes on when the same line is given again: each step keeps what it finished.
set -euo pipefail
corpus=$1 glue=$2 out=$3
bertwright() { node "$(dirname "$0")/../../dist/scripts/cli.js" "$@"; }

[ -e "$out/tokenizer/vocab.txt" ] || bertwright vocab --corpus "$corpus"/*.txt --vocab-size 16384 --output "$out/tokenizer"
bertwright prepare --corpus "$corpus"/*.txt --tokenizer "$out/tokenizer" --output "$out/prepared"
bertwright pretrain --data "$out/prepared" --model-config tiny --time-budget 20m --learning-rate 2e-3 --eval-steps 1000 --logging-steps 100 --save-steps 2000 --output "$out/tiny"
bertwright suite --model "$out/tiny" --tasks cola,mrpc,rte,stsb,sst2 --seeds 1 --data "$glue" --output "$out/glue"
bertwright suite --model "$out/tiny" --init random --tasks cola,mrpc,rte,stsb,sst2 --seeds 1 --data "$glue" --output "$out/glue-random"
bertwright report "$out/tiny" "$out/glue" "$out/glue-random" --published bert-tiny,bert-mini,bert-base --title "tiny, 20 minutes of pretraining on two cores" --output "$out/report"
