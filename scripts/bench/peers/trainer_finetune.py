"""One epoch of fine-tuning with transformers' Trainer, timed: the peer of `bertwright bench --what finetune`.

The training rows of MRPC or CoLA from the folder of the GLUE release, batches of 32, at most 128 tokens, fused AdamW;
no evaluation, no saving. Rows are tokenized before the clock starts. Prints one JSON object.

--padding max_length pads every row to the limit, longest pads a batch to its longest row, group does the same with batches of rows
of like length. --fraction F trains on that share of the epoch and scales the time; the result says so.
"""

import argparse
import csv
import dataclasses
import json
import math
import os
import resource

import torch
import transformers
from transformers import AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding, Trainer, TrainingArguments, default_data_collator

# folder, header, label's column, columns of the texts
TASKS = {
    "mrpc": ("MRPC", True, 0, (3, 4)),
    "cola": ("CoLA", False, 1, (3,)),
}


def read_rows(data, task, limit):
    folder, header, label, texts = TASKS[task]
    with open(os.path.join(data, folder, "train.tsv"), encoding="utf-8-sig", newline="\n") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1 if header else 0 :]
    return [(int(row[label]), *(row[column].rstrip("\r") for column in texts)) for row in rows][:limit]


def grouping():
    """The option that groups rows by length, as this version of transformers calls it."""
    names = {field.name for field in dataclasses.fields(TrainingArguments)}
    return {"group_by_length": True} if "group_by_length" in names else {"train_sampling_strategy": "group_by_length"}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=TASKS, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--padding", choices=("max_length", "longest", "group"), required=True)
    parser.add_argument("--precision", choices=("highest", "bf16"), default="highest")
    parser.add_argument("--fraction", type=float, default=1.0)
    parser.add_argument("--max-train-samples", type=int)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    transformers.logging.set_verbosity_error()
    rows = read_rows(options.data, options.task, options.max_train_samples)
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    whole = options.padding == "max_length"

    def encode(label, *texts):
        encoded = tokenizer(*texts, truncation=True, max_length=options.max_length, padding="max_length" if whole else False)
        return {**encoded, "labels": label}

    dataset = [encode(*row) for row in rows]
    model = AutoModelForSequenceClassification.from_pretrained(options.model, num_labels=2, attn_implementation="sdpa")
    steps_per_epoch = math.ceil(len(dataset) / options.batch_size)
    steps = max(1, math.ceil(steps_per_epoch * options.fraction))
    arguments = TrainingArguments(
        output_dir=os.path.join(os.environ.get("TMPDIR", "/tmp"), "bertwright-trainer"),
        per_device_train_batch_size=options.batch_size,
        num_train_epochs=1,
        **({} if steps == steps_per_epoch else {"max_steps": steps}),
        learning_rate=2e-5,
        weight_decay=0.01,
        optim="adamw_torch_fused",
        bf16=options.precision == "bf16",
        use_cpu=True,
        seed=42,
        save_strategy="no",
        eval_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
        **(grouping() if options.padding == "group" else {}),
    )
    collate = default_data_collator if whole else DataCollatorWithPadding(tokenizer)
    trainer = Trainer(model=model, args=arguments, train_dataset=dataset, data_collator=collate)
    metrics = trainer.train().metrics
    print(
        json.dumps(
            {
                "modelConfig": os.path.basename(os.path.abspath(options.model)),
                "task": options.task,
                "engine": f"transformers {transformers.__version__} Trainer, torch {torch.__version__}",
                "padding": options.padding,
                "precision": options.precision,
                "rows": len(dataset),
                "batchSize": options.batch_size,
                "seqLength": options.max_length,
                "steps": steps,
                "stepsPerEpoch": steps_per_epoch,
                "secondsPerEpoch": metrics["train_runtime"] * steps_per_epoch / steps,
                "scaled": steps < steps_per_epoch,
                "loss": metrics["train_loss"],
                "peakRssMb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


main()
