"""Labels for rows of text with transformers, timed: the peer of `bertwright predict`.

--rows names a file of JSON lines with "text" and, for pairs, "text_pair". --variants lists ways to classify them, with commas:

  pipeline:BATCH          the text-classification pipeline, the rows as they come
  pipeline:BATCH:sorted   the same with the rows in order of their characters
  loop:BATCH              a loop by hand: all rows tokenized at once, batches in order of their tokens, each padded to its longest
  loop:BATCH:bf16         the same with bfloat16 products (autocast)
  loop:BATCH:compile      the same with torch.compile

Each goes over all rows once unmeasured and once measured, from the texts in memory to the labels in the rows' order; the model is loaded
before. A variant that fails is told in the result. Prints one JSON object.

--write FILE is a whole command instead: the one variant, once and without a warm-up, its labels written as JSON lines.
"""

import argparse
import json
import sys
import time

import torch
import transformers
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline


def read_rows(path):
    with open(path, encoding="utf-8", newline="\n") as file:
        return [json.loads(line) for line in file]


def by_length(lengths):
    return sorted(range(len(lengths)), key=lengths.__getitem__)


def pipeline_variant(model, tokenizer, rows, batch, options):
    classify = pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
    # A plain string is the pipeline's shorter way for a single text.
    inputs = [row if "text_pair" in row else row["text"] for row in rows]

    def run():
        order = by_length([len(row["text"]) + len(row.get("text_pair", "")) for row in rows]) if options.sorted else range(len(rows))
        found = classify([inputs[i] for i in order], batch_size=batch, truncation=True, max_length=options.max_length)
        labels = [None] * len(rows)
        for i, result in zip(order, found):
            labels[i] = result["label"]
        return labels, None

    return run


def loop_variant(model, tokenizer, rows, batch, options):
    names = model.config.id2label
    forward = torch.compile(model, dynamic=True) if options.mode == "compile" else model
    paddings = {"input_ids": tokenizer.pad_token_id, "token_type_ids": 0, "attention_mask": 0}

    def run():
        texts = [row["text"] for row in rows]
        pairs = [row["text_pair"] for row in rows] if "text_pair" in rows[0] else None
        encoded = tokenizer(texts, pairs, truncation=True, max_length=options.max_length)
        ids = encoded["input_ids"]
        order = by_length([len(row) for row in ids])
        logits = [None] * len(rows)
        for at in range(0, len(rows), batch):
            chosen = order[at : at + batch]
            longest = len(ids[chosen[-1]])
            # tokenizer.pad does the same, slower.
            inputs = {
                name: torch.tensor([values[i] + [paddings[name]] * (longest - len(values[i])) for i in chosen]) for name, values in encoded.items()
            }
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.mode == "bf16"):
                output = forward(**inputs).logits.float()
            for i, row in zip(chosen, output.tolist()):
                logits[i] = row
        return [names[max(range(len(row)), key=row.__getitem__)] for row in logits], logits

    return run


def prepare(variant, model, tokenizer, rows, max_length):
    kind, batch, *mode = variant.split(":")
    options = argparse.Namespace(max_length=max_length, sorted=mode == ["sorted"], mode=mode[0] if mode else "")
    return {"pipeline": pipeline_variant, "loop": loop_variant}[kind](model, tokenizer, rows, int(batch), options)


def measure(variant, model, tokenizer, rows, max_length):
    run = prepare(variant, model, tokenizer, rows, max_length)
    run()
    started = time.perf_counter()
    labels, logits = run()
    seconds = time.perf_counter() - started
    plain = variant.startswith("loop") and variant.count(":") == 1
    return {"variant": variant, "seconds": seconds, "labels": labels, **({"logits": logits} if plain else {})}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--rows", required=True)
    parser.add_argument("--variants", required=True)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--write")
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    transformers.logging.set_verbosity_error()
    rows = read_rows(options.rows)
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = AutoModelForSequenceClassification.from_pretrained(options.model, attn_implementation="sdpa", torch_dtype=torch.float32).eval()
    runs = []
    with torch.inference_mode():
        if options.write is not None:
            labels, _ = prepare(options.variants, model, tokenizer, rows, options.max_length)()
            with open(options.write, "w", encoding="utf-8") as file:
                file.writelines(json.dumps({"prediction": label}) + "\n" for label in labels)
        else:
            for variant in options.variants.split(","):
                try:
                    runs.append(measure(variant, model, tokenizer, rows, options.max_length))
                except Exception as error:  # Another variant may do.
                    runs.append({"variant": variant, "error": f"{type(error).__name__}: {error}"[:300]})
                print(variant, runs[-1].get("seconds", runs[-1].get("error")), file=sys.stderr)
    print(json.dumps({"engine": f"transformers {transformers.__version__}, torch {torch.__version__}", "runs": runs}))


main()
