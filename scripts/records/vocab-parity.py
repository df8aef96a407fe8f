"""The Rust tokenizers library's side of vocab-parity.sh, and the rounds in which both sides run.

  python vocab-parity.py train VOCAB_TXT SIZE LIMIT FILE...            trains with the library (LIMIT 0: all characters)
  python vocab-parity.py measure OUTPUT_DIR ROUNDS SIZE CLI_JS FILE...    all runs, each kept in OUTPUT_DIR; prints the tables
"""
import json
import os
import platform
import subprocess
import sys
import time

THREADS = 2
MIN_FREQUENCY = 2
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# More than there are.
ALL_CHARACTERS = 2_000_000


def train(vocab_txt, size, limit, files):
    # Set before the library is loaded.
    os.environ["RAYON_NUM_THREADS"] = str(THREADS)
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    import tokenizers
    from tokenizers import models, normalizers, pre_tokenizers, trainers

    tokenizer = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    limited = {"limit_alphabet": limit} if limit > 0 else {}
    trainer = trainers.WordPieceTrainer(vocab_size=size, min_frequency=MIN_FREQUENCY, special_tokens=SPECIAL, show_progress=False, **limited)
    begun = time.perf_counter()
    tokenizer.train(files, trainer)
    seconds = time.perf_counter() - begun
    tokens = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    with open(vocab_txt, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(token + "\n" for token, _ in tokens)
    print(json.dumps({"trainSeconds": seconds, "tokenizers": tokenizers.__version__}))


def vocab_of(file):
    with open(file, encoding="utf-8", newline="\n") as lines:
        return lines.read().split("\n")[:-1]


class Runs:
    def __init__(self, out, size, cli, files):
        self.out, self.size, self.cli, self.files = out, size, cli, files

    def rust(self, name, limit):
        vocab = os.path.join(self.out, name + ".txt")
        return self.run(name, [sys.executable, __file__, "train", vocab, str(self.size), str(limit), *self.files], vocab)

    def ours(self, name, limit, threads=THREADS, files=None):
        folder = os.path.join(self.out, name)
        command = ["node", self.cli, "vocab", "--quiet", "--json", "--output", folder, "--vocab-size", str(self.size), "--min-frequency", str(MIN_FREQUENCY)]
        command += ["--limit-alphabet", str(limit or ALL_CHARACTERS), "--threads", str(threads), "--corpus", *(files or self.files)]
        return self.run(name, command, os.path.join(folder, "vocab.txt"))

    def run(self, name, command, vocab):
        """A whole process: wall time, processor time and peak memory from wait4, its own JSON line, its vocabulary."""
        kept = os.path.join(self.out, name + ".json")
        if not os.path.exists(kept):
            load = os.getloadavg()[0]
            begun = time.perf_counter()
            child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            printed = child.stdout.read()
            _, status, usage = os.wait4(child.pid, 0)
            wall = time.perf_counter() - begun
            if status != 0:
                sys.exit(f"{name}: wait status {status}: {' '.join(command)}")
            result = {"load": load, "wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peakMib": usage.ru_maxrss / 1024, **json.loads(printed)}
            with open(kept + ".part", "w", encoding="ascii") as file:
                json.dump(result, file)
            os.replace(kept + ".part", kept)
            print(f"{name}: {wall:.1f} s", file=sys.stderr, flush=True)
        with open(kept, encoding="ascii") as file:
            return {**json.load(file), "vocab": vocab_of(vocab)}


def processor():
    try:
        found = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in subprocess.check_output(["lscpu"], text=True).splitlines())}
        isa = [name for name in ("avx2", "avx512f", "asimd") if name in found.get("Flags", "").split()]
        return f"{found.get('Model name', platform.machine())} (family {found.get('CPU family')}, model {found.get('Model')}), {found.get('CPU(s)')} processors, {', '.join(isa) or 'flags unknown'}"
    except (OSError, subprocess.CalledProcessError):
        return platform.processor() or platform.machine()


def overlap(a, b):
    return len(set(a["vocab"]) & set(b["vocab"]))


def share(a, b):
    count, size = overlap(a, b), len(b["vocab"])
    return f"{count:,} of {size:,} | {100 * count / size:.2f} %"


def measure(out, rounds, size, cli, files):
    runs = Runs(out, size, cli, files)
    pairs = [(runs.rust(f"rust-{i}", 0), runs.ours(f"ours-{i}", 0)) for i in range(1, rounds + 1)]
    limited = [runs.rust(f"rust-limit1000-{i}", 1000) for i in (1, 2)]
    ours_limited = runs.ours("ours-limit1000", 1000)
    others = [runs.ours(f"ours-threads{threads}", 0, threads) for threads in (1, 3)]
    doubled = runs.ours("ours-twice", 0, THREADS, files + files)

    megabytes = sum(os.path.getsize(file) for file in files) / 1e6
    node = subprocess.check_output(["node", "--version"], text=True).strip()
    print(f"{len(files)} files, {megabytes:.1f} MB, {size:,} entries; {THREADS} threads each; tokenizers {pairs[0][0]['tokenizers']}, Python {platform.python_version()}, Node {node}")
    print(f"Processor: {processor()}")
    busy = max(run["load"] for pair in pairs for run in pair)
    # The load average still holds a part of the run before, two threads at most.
    print(f"Load average at the start of a run: up to {busy:.1f}" + (": OTHER WORK RAN BESIDE, THE TIMES ARE ROUGH" if busy > THREADS + 0.5 else ""))
    print()
    print("| round | Rust: training, s | Rust: process, s | ours: process, s | ours / Rust's training | Rust: processor time, s | ours | Rust: peak MiB | ours |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for i, (rust, ours) in enumerate(pairs, 1):
        print(f"| {i} | {rust['trainSeconds']:.1f} | {rust['wall']:.1f} | {ours['wall']:.1f} | {ours['wall'] / rust['trainSeconds']:.2f} | {rust['cpu']:.1f} | {ours['cpu']:.1f} | {rust['peakMib']:.0f} | {ours['peakMib']:.0f} |")
    print()
    print("| entries in both | | |")
    print("|---|---:|---:|")
    for i, (rust, ours) in enumerate(pairs, 1):
        print(f"| all characters: ours and Rust, round {i} | {share(ours, rust)} |")
    if rounds > 1:
        print(f"| all characters: Rust, rounds 1 and 2 | {share(pairs[0][0], pairs[1][0])} |")
    for i, rust in enumerate(limited, 1):
        print(f"| 1,000 characters: ours and Rust, run {i} | {share(ours_limited, rust)} |")
    print(f"| 1,000 characters: Rust, runs 1 and 2 | {share(*limited)} |")
    print()
    same = all(other["vocab"] == pairs[0][1]["vocab"] for other in (*others, *(ours for _, ours in pairs)))
    print(f"Ours with 1, 2 and 3 threads, and in every round: {'the same vocabulary, entry for entry' if same else 'NOT THE SAME'}.")
    print(f"Ours on the files given twice ({2 * megabytes:.1f} MB, no new words): peak {doubled['peakMib']:.0f} MiB, {doubled['wall']:.1f} s.")


if len(sys.argv) > 5 and sys.argv[1] == "train":
    train(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:])
elif len(sys.argv) > 6 and sys.argv[1] == "measure":
    measure(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5], sys.argv[6:])
else:
    sys.exit(__doc__)
