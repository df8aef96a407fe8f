"""Writes what transformers makes of real sentences with the MiniLM checkpoint: the ids of its tokenizer, and whole outputs in float64.

Run:   OMP_NUM_THREADS=2 python scripts/goldens/makeMiniLm.py MODEL_DIR src/models/fixtures/minilm
       MODEL_DIR holds sentence-transformers/all-MiniLM-L6-v2 in Hugging Face layout.
Needs: pip install torch 'transformers<5' safetensors (last run with torch 2.15.0, transformers 4.57.6). Seconds on a CPU.
Writes texts.json (texts and pairs, ids, segment ids) and outputs.safetensors: pooled [texts, 384] and sequence_output [tokens, 384],
the tokens of all texts end to end without padding. The sentences were written for this file.
"""
import json
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoTokenizer, BertModel

TEXTS = [
    # The plain JavaScript engine is tested on the first three only.
    ["Yes."],
    ["Der Müller aß in Zürich drei große Brötchen – für 4,50 €!"],
    ["Where do the geese go in winter?", "When the lakes freeze, most of them fly south; a few stay near the warm outlet of the power station."],
    ["The king of Norway lives in Oslo, but he was born at Skaugum in 1937."],
    ["unbelievably, antidisestablishmentarianism isn't hyperparameterization"],
    ["Les élèves naïfs préfèrent le château d'Hérouville à l'hôtel Élysée."],
    ["自然言語処理は楽しい。 We met at 東京駅 on 2024-03-31."],
    ["Привет, мир! Как дела?", "Καλημέρα κόσμε, τι κάνεις σήμερα;"],
    ["def f(x): return x**2  # squares\tits argument; see https://example.org/a_b?c=1&d=%20"],
    ["the cat sat on the mat THE CAT SAT ON THE MAT ... the cat, the mat & the \U0001f600 smile"],
    [
        "After three days of rain the river had risen over the lower road, and the old woman who kept the ferry told everyone who asked that "
        "she would not cross before the water fell, not for money, not for the doctor, and not for the mayor himself, whose letter she used to light her pipe."
    ],
    ["A refund was issued on 12 May, yet the customer's balance (USD 1,299.95) never changed.", "The balance did not change."],
]

directory, target = sys.argv[1], Path(sys.argv[2])
tokenizer = AutoTokenizer.from_pretrained(directory)
model = BertModel.from_pretrained(directory, attn_implementation="eager").eval().double()
batch = tokenizer([tuple(text) if len(text) == 2 else text[0] for text in TEXTS], padding=True, return_tensors="pt")
with torch.no_grad():
    output = model(**batch)
mask = batch["attention_mask"].bool()
target.mkdir(parents=True, exist_ok=True)
made_by = f"scripts/goldens/makeMiniLm.py with torch {torch.__version__.split('+')[0]}, transformers {transformers.__version__}"
rows = [{"text": text, "inputIds": ids[kept].tolist(), "tokenTypeIds": types[kept].tolist()} for text, ids, types, kept in zip(TEXTS, batch["input_ids"], batch["token_type_ids"], mask)]
lines = ",\n".join(f"  {json.dumps(row)}" for row in rows)
(target / "texts.json").write_text(f'{{\n "madeBy": {json.dumps(made_by)},\n "rows": [\n{lines}\n ]\n}}\n', encoding="ascii")
outputs = {"pooled": output.pooler_output.float(), "sequence_output": output.last_hidden_state[mask].float()}
save_file(outputs, target / "outputs.safetensors", metadata={"made_by": made_by})
print({name: list(tensor.shape) for name, tensor in outputs.items()}, [len(row["inputIds"]) for row in rows])
