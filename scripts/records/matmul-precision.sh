#!/usr/bin/env bash
# Record of runs: does training with bf16 matrix products end where float32 ends? 1,000 steps of pretraining and the fine-tuning of
# MRPC and RTE, three seeds in each precision. The figures that it gave are in matmul-precision.md beside it.
#   bash scripts/records/matmul-precision.sh CORPUS_DIR MODEL_DIR GLUE_DIR OUTPUT_DIR
# CORPUS_DIR holds *.txt; MODEL_DIR a BERT checkpoint with its tokenizer (all-minilm-l6-v2), which is also the pretraining's tokenizer.
# A cut run goes on when the same line is given again: each step keeps what it finished.
set -euo pipefail
corpus=$1 model=$2 glue=$3 out=$4
dist=$(dirname "$0")/../../dist/scripts
bertwright() { node "$dist/cli.js" "$@"; }

bertwright prepare --corpus "$corpus"/*.txt --tokenizer "$model" --output "$out/prepared"
for seed in 1 2 3; do
  for precision in highest bf16; do
    bertwright pretrain --data "$out/prepared" --model-config mini --max-steps 1000 --per-device-train-batch-size 8 --learning-rate 5e-4 \
      --warmup-steps 100 --logging-steps 50 --eval-steps 1000 --seed "$seed" --matmul-precision "$precision" --engine native \
      --output "$out/pretrain-$precision-$seed"
    for task in mrpc rte; do
      bertwright finetune --task "$task" --model "$model" --data "$glue" --per-device-train-batch-size 32 --learning-rate 5e-5 --num-train-epochs 2 \
        --no-predict --seed "$seed" --matmul-precision "$precision" --engine native --output "$out/$task-$precision-$seed"
    done
    node "$dist/records/precisionTable.js" "$out"
  done
done
