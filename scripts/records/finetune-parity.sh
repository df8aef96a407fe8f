#!/usr/bin/env bash
# Record of runs: fine-tuning from all-minilm-l6-v2 by the recipe of transformers' own runs, all settings given by name. Five seeds of
# CoLA, MRPC, STS-B and RTE; one of SST-2, MNLI, QNLI and QQP. The figures that it gave are in finetune-parity.md beside it.
#   bash scripts/records/finetune-parity.sh MODEL_DIR GLUE_DIR OUTPUT_DIR
# A cut run goes on when the same line is given again: what is finished is kept.
set -euo pipefail
model=$1 glue=$2 out=$3
dist=$(dirname "$0")/../../dist/scripts
suite() {
  node "$dist/cli.js" suite --model "$model" --data "$glue" --per-device-train-batch-size 32 --learning-rate 5e-5 --num-train-epochs 3 --max-seq-length 128 \
    --lr-scheduler-type linear --warmup-steps 0 --weight-decay 0 --optimizer adamw --adam-epsilon 1e-8 --max-grad-norm 1.0 --no-load-best-model-at-end \
    --eval-strategy no --no-predict --engine native --matmul-precision auto "$@"
}

for seed in 1 2 3 4 5; do
  suite --tasks cola,mrpc,stsb,rte --seeds "$seed" --output "$out/seeds"
  node "$dist/records/finetuneParity.js" "$out"
done
for task in sst2 qnli qqp mnli; do
  suite --tasks "$task" --seeds 1 --output "$out/single"
  node "$dist/records/finetuneParity.js" "$out"
done
