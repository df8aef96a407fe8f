#!/usr/bin/env bash
# Record of a run: `predict` beside transformers' text-classification pipeline, in turns on one machine: MRPC's pairs and SST-2's single sentences, the
# dev sets. Rows a second from memory to labels, whole commands, and how far labels and logits agree.
#   bash scripts/records/predict-speed.sh MODEL_DIR GLUE_DIR OUTPUT_DIR [FLAGS]
# MODEL_DIR is a classifier, fine-tuned on any task: the texts decide the time, not the weights. FLAGS go to predictCompare.js (--tasks, --rounds,
# --venv, …). Other work should be stopped; the report, OUTPUT_DIR/report.md, says how much there was. With a model like all-MiniLM-L6-v2 on two
# cores some ten minutes, most of them the peer's 16 variants.
set -euo pipefail
model=$1 glue=$2 out=$3
shift 3
here=$(dirname "$0")

mkdir -p "$out"
node "$here/../../dist/scripts/bench/peers/predictCompare.js" --model "$model" --data "$glue" --tasks mrpc,sst2 --rounds 3 --extras bf16,compile "$@" | tee "$out/report.md"
