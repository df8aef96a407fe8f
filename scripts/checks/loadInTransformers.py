"""Loads what bertwright saves in transformers: no warning, no missing or unexpected weight, the same outputs and token ids.

Run:   npm run build
       node scripts/checks/writeModels.mjs FOLDER
       python scripts/checks/loadInTransformers.py FOLDER
Needs: pip install torch==2.15.0 transformers==4.57.6
Prints a line for each model directory: the number of warnings and the largest difference to our own outputs (where the mask is 1;
relative for values above 1). Exits 1 where there is a warning, a key too few or too many, a difference above 1e-5 or other token
ids. Two minutes on two cores.
"""
import json
import logging
import sys
import warnings
from pathlib import Path

import torch
import transformers

AUTO_CLASSES = {
    "BertModel": transformers.AutoModel,
    "BertForMaskedLM": transformers.AutoModelForMaskedLM,
    "BertForSequenceClassification": transformers.AutoModelForSequenceClassification,
    "BertForPreTraining": transformers.AutoModelForPreTraining,
}
ALLOWED = 1e-5


class Collector(logging.Handler):
    """Keeps every record of transformers' own logger from WARNING up."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())


def largest_difference(found, expected, mask):
    if found is None or found.shape != expected.shape:
        return float("inf")
    if found.ndim == 3:
        found, expected = found[mask == 1], expected[mask == 1]
    difference = ((found - expected).abs() / expected.abs().clamp(min=1)).max().item()
    return float("inf") if difference != difference else difference


def check(folder, entry):
    """Problems of one directory, the number of its warnings, and the largest difference."""
    directory = folder / entry["directory"]
    problems = []
    collector = Collector()
    logger = logging.getLogger("transformers")
    logger.addHandler(collector)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model, info = AUTO_CLASSES[entry["architecture"]].from_pretrained(directory, output_loading_info=True)
            model.eval()
            if entry.get("ids") is not None:
                tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
                ids = [tokenizer(text)["input_ids"] for text in entry["texts"]]
                if ids != entry["ids"]:
                    problems.append(f"token ids {ids}, ours {entry['ids']}")
            worst = 0.0
            for batch, outputs in zip(entry["batches"], entry["outputs"], strict=True):
                with torch.no_grad():
                    result = model(**{name: torch.tensor(rows) for name, rows in batch.items()})
                mask = torch.tensor(batch["attention_mask"])
                for name, output in outputs.items():
                    expected = torch.tensor(output["values"]).reshape(output["shape"])
                    worst = max(worst, largest_difference(result.get(name), expected, mask))
        found = collector.messages + [str(item.message) for item in caught]
    finally:
        logger.removeHandler(collector)
    if type(model).__name__ != entry["architecture"]:
        problems.append(f"loads as {type(model).__name__}")
    if model.dtype != torch.float32:
        problems.append(f"loads as {model.dtype}")
    problems += [f"{kind}: {keys}" for kind, keys in info.items() if len(keys) > 0]
    problems += [f"warning: {message}" for message in found]
    if worst > ALLOWED:
        problems.append(f"differs by {worst:.1e}")
    return problems, len(found), worst


def main():
    folder = Path(sys.argv[1])
    entries = json.loads((folder / "models.json").read_text(encoding="utf-8"))
    print(f"transformers {transformers.__version__}, torch {torch.__version__}")
    failed = 0
    for entry in entries:
        problems, count, worst = check(folder, entry)
        failed += len(problems) > 0
        print(f"{entry['directory']:36} {entry['architecture']:30} {count} warnings, largest difference {worst:.1e}")
        for problem in problems:
            print(f"    {problem}")
    print(f"{len(entries) - failed} of {len(entries)} without a problem")
    sys.exit(1 if failed else 0)


main()
