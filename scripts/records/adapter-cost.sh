#!/usr/bin/env bash
# Record of runs: what an epoch costs with LoRA, with a bottleneck and with all weights trained: seconds and the most memory, in turns, each in a process of
# its own.
#   bash scripts/records/adapter-cost.sh MODEL_DIR GLUE_DIR [ROUNDS]
# Other work should be stopped. About a minute a round with all-minilm-l6-v2.
set -euo pipefail
model=$1 glue=$2 rounds=${3:-3}
dist=$(dirname "$0")/../../dist/scripts
for _ in $(seq "$rounds"); do
  node "$dist/cli.js" bench --what finetune --task mrpc --model "$model" --data "$glue" --max-train-samples 960 --adapter none,lora,bottleneck
done
