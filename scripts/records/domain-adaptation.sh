#!/usr/bin/env bash
# Record of runs: pretraining that goes on from all-minilm-l6-v2, with a new MLM head, beside the same training from random weights.
# Same text, batches, schedule and seeds. The figures that it gave are in domain-adaptation.md beside it.
#   bash scripts/records/domain-adaptation.sh MODEL_DIR CORPUS_FILE OUTPUT_DIR [STEPS]
# CORPUS_FILE: text of the domain, one sentence a line, a blank line between documents. A cut run goes on when the same line is given again.
set -euo pipefail
model=$1 corpus=$2 out=$3 steps=${4:-2000}
dist=$(dirname "$0")/../../dist/scripts
node "$dist/cli.js" prepare --corpus "$corpus" --tokenizer "$model" --output "$out/prepared" --validation-split-percentage 2
run() {
  node "$dist/cli.js" pretrain --data "$out/prepared" --max-steps "$steps" --per-device-train-batch-size 32 --max-seq-length 128 --learning-rate 3e-4 \
    --warmup-ratio 0.06 --weight-decay 0.01 --adam-beta2 0.98 --eval-steps 0.05 --logging-steps 50 --save-steps 500 --seed 42 "$@"
}
run --model "$model" --output "$out/adapted"
run --model-config "$model/config.json" --output "$out/scratch"
node "$dist/records/lossOverTime.js" "$out/adapted" "$out/scratch"
