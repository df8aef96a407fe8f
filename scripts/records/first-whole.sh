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
bertwright pretrain --data "$out/prepared" --model-config mini --time-budget 25m --learning-rate 1e-3 --eval-steps 500 --logging-steps 50 --save-steps 1000 --output "$out/mini"
bertwright suite --model "$out/mini" --tasks cola,mrpc,rte,stsb,sst2 --seeds 1 --data "$glue" --output "$out/glue"
bertwright suite --model "$out/mini" --init random --tasks cola,mrpc,rte,stsb,sst2 --seeds 1 --data "$glue" --output "$out/glue-random"
bertwright report "$out/mini" "$out/glue" "$out/glue-random" --published bert-tiny,bert-mini,bert-base --title "mini, 25 minutes of pretraining on two cores" --output "$out/report"
