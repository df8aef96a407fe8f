"""Reads the events of runs with TensorBoard's own reader and compares them with the log of the run, value for value.

    pip install tensorboard
    python scripts/checks/readTensorBoard.py RUN_DIR...

RUN_DIR is the output directory of pretrain or finetune, finished or not, resumed or not. For each tag TensorBoard must have exactly
the steps and the values (as float32) of metrics.jsonl, named as transformers' TensorBoardCallback names them. Prints a line for each
run; exits 1 at the first difference.
"""

import json
import struct
import sys
from collections import defaultdict
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator


def tag_of(name):
    for split in ("eval", "test"):
        if name.startswith(f"{split}_"):
            return f"{split}/{name[len(split) + 1:]}"
    return f"train/{name}"


def as_float32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def logged(run):
    points = defaultdict(list)
    for line in (run / "metrics.jsonl").read_text().splitlines():
        entry = json.loads(line)
        for name, value in entry.items():
            if name != "step":
                points[tag_of(name)].append((entry["step"], as_float32(value)))
    return dict(points)


def read(run):
    # 0: no point is left out for the sake of memory.
    accumulator = EventAccumulator(str(run / "runs"), size_guidance={SCALARS: 0})
    accumulator.Reload()
    return {tag: [(event.step, event.value) for event in accumulator.Scalars(tag)] for tag in accumulator.Tags()["scalars"]}


def check(run):
    expected, found = logged(run), read(run)
    if not expected:
        sys.exit(f"{run}: metrics.jsonl is empty")
    if expected.keys() != found.keys():
        sys.exit(f"{run}: tags differ: {sorted(expected.keys() ^ found.keys())}")
    for tag, points in expected.items():
        if points != found[tag]:
            differences = [pair for pair in zip(points, found[tag]) if pair[0] != pair[1]]
            sys.exit(f"{run}: {tag}: {len(points)} points logged, {len(found[tag])} in TensorBoard; the first that differ: {differences[:3]}")
    files = len(list((run / "runs").glob("*tfevents*")))
    print(f"{run}: {sum(map(len, expected.values()))} values of {len(expected)} tags, {files} event file{'' if files == 1 else 's'}: equal")


if len(sys.argv) < 2:
    sys.exit(__doc__)
for directory in sys.argv[1:]:
    check(Path(directory))
