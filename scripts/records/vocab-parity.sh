#!/usr/bin/env bash
# Record of a run: the vocabulary trainer beside the Rust tokenizers library on the same files: overlap, time, memory. Each trains alone, in
# turn, on two threads. What it printed is in vocab-parity.md beside it.
#   bash scripts/records/vocab-parity.sh CORPUS_DIR OUTPUT_DIR [PYTHON]
# CORPUS_DIR holds *.txt. PYTHON needs `pip install tokenizers==0.22.2`; without it an environment is made in OUTPUT_DIR.
# ROUNDS=3 and VOCAB_SIZE=30522 may be set. For 127 MB on two cores some five minutes; let nothing else run. A cut run goes on when the
# same line is given again.
set -euo pipefail
corpus=$1 out=$2 python=${3:-$2/venv/bin/python}
here=$(dirname "$0")

mkdir -p "$out"
if [ ! -e "$python" ] && [ $# -lt 3 ]; then
  python3 -m venv "$out/venv"
  "$python" -m pip install --quiet tokenizers==0.22.2
fi
"$python" "$here/vocab-parity.py" measure "$out" "${ROUNDS:-3}" "${VOCAB_SIZE:-30522}" "$here/../../dist/scripts/cli.js" "$corpus"/*.txt
