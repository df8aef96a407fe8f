#!/usr/bin/env bash
# Record of runs: trials of pretraining settings, each a short run judged by its held-out loss and one pilot task (STS-B, seeds 101 to
# 103, which no reported suite uses). The figures that they gave are in pretraining-trials.md beside it.
#   bash scripts/records/pretraining-trials.sh CORPUS_DIR GLUE_DIR OUTPUT_DIR [TRIAL…]
# TRIAL: names of lines of pretraining-trials.txt; all of them where none is named. What is finished is not run again; a cut run goes on.
set -euo pipefail
corpus=$1 glue=$2 out=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
bertwright() { node "$here/../../dist/scripts/cli.js" "$@"; }

# A vocabulary of each size that a trial asks for, and the text prepared with it.
prepared() {
  if [ ! -e "$out/data-$1/manifest.json" ]; then
    [ -e "$out/vocab-$1/vocab.txt" ] || bertwright vocab --corpus "$corpus"/*.txt --vocab-size "$1" --output "$out/vocab-$1"
    bertwright prepare --corpus "$corpus"/*.txt --tokenizer "$out/vocab-$1" --output "$out/data-$1"
  fi
}

while IFS='|' read -r name size flags; do
  [ -n "$name" ] || continue
  if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then continue; fi
  prepared "$size"
  # shellcheck disable=SC2086 # flags are words
  bertwright pretrain --data "$out/data-$size" --output "$out/runs/$name" --seed 42 --logging-steps 100 --save-steps 2000 --max-eval-samples 1000 $flags
  # A model whose rate never came down is no model to judge by a task.
  [[ $flags == *constant* ]] || bertwright suite --model "$out/runs/$name" --tasks stsb --seeds 101,102,103 --data "$glue" --no-predict --output "$out/pilot"
  node "$here/../../dist/scripts/records/pretrainingTrials.js" "$out" "$here/pretraining-trials.txt"
done < <(grep -v '^#' "$here/pretraining-trials.txt" | sed 's/ *| */|/g')
