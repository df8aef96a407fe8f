"""Loads a LoRA adapter that `bertwright finetune --adapter lora` saved into Python's peft, and compares its logits with those of the run.

Run:   python scripts/checks/loadInPeft.py RUN_DIR --file dev.tsv --columns 3 [--header] [--rows 64]
Needs: pip install torch transformers peft
RUN_DIR/predictions/dev.jsonl holds the run's logits of the rows of --file; --columns are the texts' (one or two, from 0). Exits 1 where they differ by more than 1e-4.
"""
import argparse
import json
import sys
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer

parser = argparse.ArgumentParser()
parser.add_argument("run", type=Path)
parser.add_argument("--file", type=Path, required=True)
parser.add_argument("--columns", required=True)
parser.add_argument("--header", action="store_true")
parser.add_argument("--rows", type=int, default=64)
args = parser.parse_args()

settings = json.loads((args.run / "adapter_config.json").read_text())
length = json.loads((args.run / "run.json").read_text())["settings"]["maxSeqLength"]
labels = len(json.loads((args.run / "config.json").read_text()).get("id2label", {"0": 0}))
tokenizer = AutoTokenizer.from_pretrained(args.run)
base = AutoModelForSequenceClassification.from_pretrained(settings["base_model_name_or_path"], num_labels=labels)
model = PeftModel.from_pretrained(base, args.run).eval()

lines = args.file.read_text(encoding="utf-8-sig").split("\n")[int(args.header) :][: args.rows]
columns = [int(column) for column in args.columns.split(",")]
expected = [json.loads(line)["logits"] for line in (args.run / "predictions" / "dev.jsonl").read_text().split("\n")[: len(lines)]]
largest = 0.0
for line, logits in zip(lines, expected):
    texts = [line.split("\t")[column] for column in columns]
    with torch.no_grad():
        found = model(**tokenizer(*texts, truncation=True, max_length=length, return_tensors="pt")).logits[0].tolist()
    largest = max(largest, max(abs(a - b) for a, b in zip(found, logits)))
print(f"{len(lines)} rows, {settings['peft_type']} r {settings['r']}: largest difference of a logit {largest:.2e}")
sys.exit(largest > 1e-4)
