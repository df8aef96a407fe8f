#!/usr/bin/env bash
# Record of runs: from one checkpoint to the table and the zip. The suite of all ten tasks (AX by MNLI's model), three seeds of CoLA, MRPC, STS-B and RTE, one
# of the others; the four also with LoRA; the report of both and the leaderboard's zip. Not run whole yet.
#   bash scripts/records/minilm-suite.sh MODEL_DIR GLUE_DIR OUTPUT_DIR
# A cut run goes on when the same line is given again: what is finished is kept.
set -euo pipefail
model=$1 glue=$2 out=$3
here=$(cd "$(dirname "$0")/../.." && pwd)
bertwright() { node "$here/dist/scripts/cli.js" "$@"; }

bertwright suite --model "$model" --tasks cola,mrpc,stsb,rte --seeds 1,2,3 --concurrency 2 --data "$glue" --output "$out/full"
bertwright suite --model "$model" --tasks cola,mrpc,stsb,rte --seeds 1,2,3 --concurrency 2 --data "$glue" --output "$out/lora" --adapter lora
bertwright suite --model "$model" --tasks sst2,qnli,qqp,mnli,wnli --seeds 1 --concurrency 2 --data "$glue" --output "$out/full"
bertwright report "$out/full" "$out/lora" --output "$out" --published bert-tiny,bert-mini,bert-small,bert-medium,bert-base --title "all-minilm-l6-v2 on GLUE"
bertwright submission "$out/full" --missing majority --output "$out/submission.zip"
bertwright submission --check "$out/submission.zip"
