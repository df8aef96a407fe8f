"""Writes what transformers computes with the MiniLM checkpoint for a few sentences.

Run:   python scripts/goldens/makeMiniLm.py <model directory> src/models/fixtures/minilm.json
Needs: pip install torch 'transformers<5'. Seconds on a CPU.
The first values of the outputs and the norm of each row stand for the whole; float32, eager attention.
"""
import json
import sys

import torch
from transformers import AutoTokenizer, BertModel

directory, target = sys.argv[1:]
texts = ["The king of Norway lives in Oslo.", "Yes", "A sentence that is a little longer than the others, with a pair:"]
tokenizer = AutoTokenizer.from_pretrained(directory)
model = BertModel.from_pretrained(directory, attn_implementation="eager").eval()
batch = tokenizer(texts, padding=True, return_tensors="pt")
with torch.no_grad():
    output = model(**batch)
golden = {
    "inputIds": batch["input_ids"].tolist(),
    "attentionMask": batch["attention_mask"].tolist(),
    "rows": [
        {
            "firstToken": [round(x, 6) for x in output.last_hidden_state[i, 0, :8].tolist()],
            "lastToken": [round(x, 6) for x in output.last_hidden_state[i, int(batch["attention_mask"][i].sum()) - 1, :8].tolist()],
            "pooled": [round(x, 6) for x in output.pooler_output[i, :8].tolist()],
            "pooledNorm": round(output.pooler_output[i].norm().item(), 6),
        }
        for i in range(len(texts))
    ],
}
with open(target, "w") as file:
    json.dump(golden, file)
    file.write("\n")
