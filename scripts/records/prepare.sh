#!/usr/bin/env bash
# Record of a run: how fast `prepare` is and how much memory it takes, on a corpus of 127 MB, on 24 times as much (3 GB), plain and packed, and
# how well it splits running text into sentences. What it printed is in prepare.md beside it.
#   bash scripts/records/prepare.sh CORPUS_DIR TOKENIZER_DIR OUTPUT_DIR
# CORPUS_DIR holds *.txt, one sentence a line, a blank line between documents. Needs GNU time, gzip and zstd; about 4 GB in OUTPUT_DIR, 6 minutes
# of processor time. Each line of the table: seconds on the clock, of the processor (all threads), and the largest memory of the process.
set -euo pipefail
corpus=$1 tokenizer=$2 out=$3
here=$(dirname "$0")
times=24
mkdir -p "$out"

grep -m1 'model name' /proc/cpuinfo || true
nproc
uptime

measure() {
  local name=$1
  shift
  rm -rf "$out/prepared"
  /usr/bin/time -o "$out/time" -f '%e s, %U + %S s of processor, %M KiB' node "$here/../../dist/scripts/cli.js" prepare --tokenizer "$tokenizer" --output "$out/prepared" --quiet "$@" >/dev/null
  echo "$name: $(cat "$out/time")"
}

bytes=$(cat "$corpus"/*.txt | wc -c)
echo "corpus: $bytes bytes"
for workers in 1 2; do measure "$workers threads" --corpus "$corpus"/*.txt --workers "$workers"; done
measure '2 threads, sentences split' --corpus "$corpus"/*.txt --workers 2 --split-sentences

cat "$corpus"/*.txt | gzip -1 >"$out/corpus.txt.gz"
cat "$corpus"/*.txt | zstd -q -f -o "$out/corpus.txt.zst"
for kind in gz zst; do measure "2 threads, .$kind" --corpus "$out/corpus.txt.$kind" --workers 2; done

many=()
for ((i = 0; i < times; i++)); do many+=("$corpus"/*.txt); done
measure "$times times the corpus, 2 threads" --corpus "${many[@]}" --workers 2
du -sh "$out/prepared"
packed=()
for ((i = 0; i < times; i++)); do packed+=("$out/corpus.txt.gz"); done
measure "$times times the corpus, .gz, 2 threads, repeated lines dropped" --corpus "${packed[@]}" --workers 2 --drop-repeated lines

node "$here/../../dist/scripts/records/prepareSentences.js" "$corpus"/*.txt
uptime
