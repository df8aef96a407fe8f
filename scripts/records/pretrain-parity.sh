#!/usr/bin/env bash
# Record of a run: pretraining beside a PyTorch loop (transformers' BertForPreTraining) on the same weights, batches and schedule. The losses of
# 500 steps in float32 without dropout, the speed of both with dropout, and our command's speed beside the bare step of `bertwright bench`.
# What it printed is in pretrain-parity.md beside it, the curves in pretrain-parity.svg.
#   bash scripts/records/pretrain-parity.sh CORPUS_DIR VOCAB OUTPUT_DIR [FLAGS]
# CORPUS_DIR holds *.txt; VOCAB is bert-base-uncased's vocab.txt. FLAGS go to pretrainCompare.js (--model-config, --steps, --parts, --venv, …).
# Other work should be stopped; the report says how much there was. About 1 GB in OUTPUT_DIR, 3 GB of memory. Run by run, what is finished is kept: a
# cut record goes on when the same line is given again.
set -euo pipefail
corpus=$1 vocab=$2 out=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
dist=$here/../../dist/scripts

mkdir -p "$out/tokenizer"
cp "$vocab" "$out/tokenizer/vocab.txt"
# No document is held out: nothing is evaluated, so that the time is the training's.
node "$dist/cli.js" prepare --corpus "$corpus"/*.txt --tokenizer "$out/tokenizer" --validation-split-percentage 0 --output "$out/prepared"
node "$dist/bench/peers/pretrainCompare.js" --data "$out/prepared" --output "$out/figures" "$@" | tee "$out/report.md"
[ ! -e "$out/figures/curves.svg" ] || cp "$out/figures/curves.svg" "$here/pretrain-parity.svg"
