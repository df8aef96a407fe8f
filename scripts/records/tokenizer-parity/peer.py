"""The Rust `tokenizers` library's side of tokenizer-parity.sh, in the pipeline that transformers' BertTokenizerFast builds.

Run: pip install tokenizers==0.22.2 transformers==4.57.6, then
  python peer.py ids OUTPUT_DIR           the ids of every job of OUTPUT_DIR/jobs.json; each finished file is kept
  python peer.py digests OUTPUT_DIR       digests.json beside this file, which hardTexts.test.ts holds our tokenizer to
  python peer.py speed VOCAB FILE...      answers each line of stdin ("encode_batch", "encode_batch_fast") with a JSON line
A file of ids: for each text how many, then the ids, all little-endian uint32; bits 24 and up are the segment (of pairs).
"""
import array
import hashlib
import itertools
import json
import os
import sys
import time

# One thread on both sides; set before the library is loaded.
os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["TRANSFORMERS_NO_ADVISORY_WARNINGS"] = "1"

import tokenizers
import transformers

CHUNK = 1000

# Groups of hard texts in digests.json: name, how many of its texts (None: all), limit of pairs.
DIGESTED = (
    ("special-tokens", None, None),
    ("long-words", None, None),
    ("runs", None, None),
    ("sequences", None, None),
    ("random", 20_000, None),
    ("random-pairs", 5_000, 24),
)


def lines_of(file):
    with open(file, encoding="utf-8", newline="\n") as lines:
        for line in lines:
            yield line[:-1] if line.endswith("\n") else line


def items_of(job):
    if job["format"] == "lines":
        return lines_of(job["file"])
    return (item if isinstance(item, str) else tuple(item) for item in map(json.loads, lines_of(job["file"])))


def chunks(items, size):
    items = iter(items)
    while chunk := list(itertools.islice(items, size)):
        yield chunk


def tokenizer_of(out, settings):
    """Builds it from the vocabulary, and saves it for the other side to load."""
    fast = transformers.BertTokenizerFast(
        os.path.join(out, "vocabularies", settings["vocabulary"] + ".txt"),
        do_lower_case=settings["do_lower_case"],
        strip_accents=settings["strip_accents"],
    )
    folder = os.path.join(out, "tokenizers", settings["name"])
    if not os.path.exists(os.path.join(folder, "tokenizer.json")):
        fast.save_pretrained(folder)
    return fast.backend_tokenizer


def id_words(tokenizer, items, max_length):
    """The words of a file of ids, an array for each thousand texts."""
    tokenizer.no_truncation()
    if max_length is not None:
        tokenizer.enable_truncation(max_length, strategy="longest_first")
    for chunk in chunks(items, CHUNK):
        pairs = isinstance(chunk[0], tuple)
        words = array.array("I")
        for encoding in tokenizer.encode_batch(chunk, add_special_tokens=pairs):
            ids = encoding.ids
            words.append(len(ids))
            words.extend([i | t << 24 for i, t in zip(ids, encoding.type_ids)] if pairs else ids)
        if sys.byteorder == "big":
            words.byteswap()
        yield words


def write_ids(tokenizer, job, target):
    with open(target + ".part", "wb") as out:
        for words in id_words(tokenizer, items_of(job), job["maxLength"]):
            words.tofile(out)
    os.replace(target + ".part", target)


def make_ids(out):
    with open(os.path.join(out, "jobs.json"), encoding="utf-8") as file:
        plan = json.load(file)
    for settings in plan["tokenizers"]:
        todo = [job for job in plan["jobs"] if job["tokenizer"] == settings["name"] and not os.path.exists(os.path.join(out, job["ids"]))]
        if not todo:
            continue
        tokenizer = tokenizer_of(out, settings)
        for job in todo:
            begun = time.perf_counter()
            write_ids(tokenizer, job, os.path.join(out, job["ids"]))
            print(f"{settings['name']}: {job['source']} ({time.perf_counter() - begun:.0f} s)", file=sys.stderr, flush=True)
    with open(os.path.join(out, "versions.json"), "w", encoding="ascii") as file:
        json.dump({"tokenizers": tokenizers.__version__, "transformers": transformers.__version__, "python": sys.version.split()[0]}, file)


def make_digests(out):
    """SHA-256 over the words of the smaller groups of hard texts, with the vocabulary of the tokenizer's own tests."""
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "../../../src/tokenizer/fixtures/tokenizer.json"), encoding="ascii") as file:
        vocabulary = json.load(file)["vocab"]
    vocabulary_file = os.path.join(out, "vocabularies", "fixture.txt")
    with open(vocabulary_file, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(token + "\n" for token in vocabulary)
    digests = {}
    for name, lowercase in (("uncased", True), ("cased", False)):
        tokenizer = transformers.BertTokenizerFast(vocabulary_file, do_lower_case=lowercase).backend_tokenizer
        digests[name] = {}
        for group, count, max_length in DIGESTED:
            job = {"format": "jsonl", "file": os.path.join(out, "texts", f"hard-{group}.jsonl")}
            digest = hashlib.sha256()
            for words in id_words(tokenizer, itertools.islice(items_of(job), count), max_length):
                digest.update(words.tobytes())
            digests[name][group] = digest.hexdigest()
    made_by = f"scripts/records/tokenizer-parity/peer.py with tokenizers {tokenizers.__version__}, transformers {transformers.__version__}"
    with open(os.path.join(here, "digests.json"), "w", encoding="ascii", newline="\n") as file:
        file.write(json.dumps({"madeBy": made_by, "digests": digests}, indent=1) + "\n")


def answer(**fields):
    print(json.dumps(fields), flush=True)


def serve_speed(vocabulary, files):
    tokenizer = transformers.BertTokenizerFast(vocabulary, do_lower_case=True).backend_tokenizer
    batches = list(chunks(itertools.chain.from_iterable(map(lines_of, files)), CHUNK))
    for method in ("encode_batch", "encode_batch_fast"):
        getattr(tokenizer, method)(batches[0], add_special_tokens=False)
    answer(tokenizers=tokenizers.__version__, transformers=transformers.__version__, python=sys.version.split()[0])
    for line in sys.stdin:
        encode = getattr(tokenizer, line.strip())
        tokens = 0
        begun, cpu = time.perf_counter(), time.process_time()
        for batch in batches:
            for encoding in encode(batch, add_special_tokens=False):
                tokens += len(encoding)
        answer(seconds=time.perf_counter() - begun, cpuSeconds=time.process_time() - cpu, tokens=tokens)


if sys.argv[1] == "ids":
    make_ids(sys.argv[2])
elif sys.argv[1] == "digests":
    make_digests(sys.argv[2])
elif sys.argv[1] == "speed":
    serve_speed(sys.argv[2], sys.argv[3:])
else:
    sys.exit(__doc__)
