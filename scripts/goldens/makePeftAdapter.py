"""Writes src/models/fixtures/peft: a small BERT, a LoRA adapter of it as Python's peft saves it, and the logits of both.

Run:   python scripts/goldens/makePeftAdapter.py src/models/fixtures/peft
Needs: pip install torch transformers peft   (seconds; expected.json names the versions it was made with)

The adapter's matrices and the classifier are drawn at random, so that every tensor of it matters.
"""
import json
import os
import shutil
import sys
from pathlib import Path

import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from transformers import BertConfig, BertForSequenceClassification

folder = Path(sys.argv[1])
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
os.chdir(folder)
torch.manual_seed(20220416)

config = BertConfig(vocab_size=37, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24, max_position_embeddings=16, initializer_range=0.3, num_labels=3)
BertForSequenceClassification(config).save_pretrained("base")
base = BertForSequenceClassification.from_pretrained("base")
settings = LoraConfig(task_type=TaskType.SEQ_CLS, r=3, lora_alpha=5, lora_dropout=0.1, target_modules=["query", "value", "intermediate.dense"])
model = get_peft_model(base, settings)
for name, parameter in model.named_parameters():
    if parameter.requires_grad:
        torch.nn.init.normal_(parameter, std=0.4)
model.save_pretrained("adapter")

input_ids = torch.tensor([[2, 7, 9, 3, 11, 3], [2, 30, 8, 3, 0, 0]])
attention_mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]])
token_type_ids = torch.tensor([[0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 0, 0]])
inputs = dict(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)


def logits(of):
    of.eval()
    with torch.no_grad():
        return of(**inputs).logits.tolist()


again = PeftModel.from_pretrained(BertForSequenceClassification.from_pretrained("base"), "adapter")
expected = {
    "versions": {"peft": peft.__version__, "torch": torch.__version__, "transformers": transformers.__version__},
    "inputs": {name: tensor.tolist() for name, tensor in inputs.items()},
    "logits": logits(again),
    "baseEncoderLogits": logits(BertForSequenceClassification.from_pretrained("base")),
}
Path("expected.json").write_text(json.dumps(expected, indent=1) + "\n")
# The path as the adapter's own folder sees it: the test runs elsewhere.
settings_file = Path("adapter/adapter_config.json")
settings_file.write_text(settings_file.read_text().replace('"base_model_name_or_path": "base"', '"base_model_name_or_path": "../base"'))
for name in ["adapter/README.md", "base/.gitattributes"]:
    Path(name).unlink(missing_ok=True)
