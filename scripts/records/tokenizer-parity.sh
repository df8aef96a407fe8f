#!/usr/bin/env bash
# Record of a run: are our tokenizer's ids those of the Rust tokenizers library? On every line of the corpus, on all text of GLUE, on
# pairs, and on texts that are hard (tokenizer-parity/hardTexts.ts); uncased and cased. What it printed is in tokenizer-parity.md beside it.
#   bash scripts/records/tokenizer-parity.sh CORPUS_DIR GLUE_DIR VOCAB OUTPUT_DIR [PYTHON]
# CORPUS_DIR holds *.txt; GLUE_DIR the release's folders; VOCAB is bert-base-uncased's vocab.txt. PYTHON needs
# `pip install tokenizers==0.22.2 transformers==4.57.6`; without it an environment is made in OUTPUT_DIR.
# About 2 GB in OUTPUT_DIR, 1.5 GB of memory, 20 minutes of processor time. A cut run goes on when the same line is given again.
set -euo pipefail
corpus=$1 glue=$2 vocab=$3 out=$4 python=${5:-$4/venv/bin/python}
here=$(dirname "$0")
dist=$here/../../dist/scripts/records/tokenizer-parity

mkdir -p "$out"
if [ ! -e "$python" ] && [ $# -lt 5 ]; then
  python3 -m venv "$out/venv"
  "$python" -m pip install --quiet tokenizers==0.22.2 transformers==4.57.6
fi
[ -e "$out/jobs.json" ] || node "$dist/jobs.js" "$corpus" "$glue" "$vocab" "$out"
"$python" "$here/tokenizer-parity/peer.py" ids "$out"
node "$dist/compare.js" "$out"
