"""Writes the golden state of a tiny random BertForPreTraining, computed by transformers in float64.

Run:   python scripts/goldens/makeTinyBert.py src/models/fixtures
Needs: pip install torch 'transformers<5' safetensors
Writes tiny-bert/ (config.json and model.safetensors as save_pretrained leaves them) and, for gelu and gelu_new,
tiny-bert-<activation>.safetensors: inputs, logits, loss, the gradient of every parameter, and ten losses of plain
gradient descent. Seconds on a CPU. Sizes are odd and unequal so that a transposed axis shows.
"""
import copy
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForPreTraining

folder = Path(sys.argv[1])
torch.manual_seed(20181011)
torch.set_default_dtype(torch.float64)

config = BertConfig(vocab_size=37, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=31,
                    max_position_embeddings=13, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
                    attn_implementation="eager")
model = BertForPreTraining(config).eval()
with torch.no_grad():
    # Large, uneven values: with the usual 0.02 every activation is linear and every bias zero.
    for parameter in model.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.25)
        parameter.copy_(parameter.float().double())
model.tie_weights()
copy.deepcopy(model).float().save_pretrained(folder / "tiny-bert")

lengths = [9, 1, 6]
input_ids = torch.randint(1, 37, (3, 9))
attention_mask = torch.tensor([[1] * n + [0] * (9 - n) for n in lengths])
input_ids = input_ids * attention_mask
token_type_ids = torch.tensor([[int(i > 4) for i in range(9)], [0] * 9, [int(i > 2) for i in range(9)]]) * attention_mask
labels = torch.full((3, 9), -100)
for row, column in [(0, 2), (0, 7), (1, 0), (2, 5)]:
    labels[row, column] = torch.randint(0, 37, (1,))
next_sentence_label = torch.tensor([1, 0, 1])

for activation in ["gelu", "gelu_new"]:
    changed = copy.deepcopy(config)
    changed.hidden_act = activation
    variant = BertForPreTraining(changed).eval()
    variant.load_state_dict(model.state_dict())
    variant.tie_weights()
    arguments = dict(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids,
                     labels=labels, next_sentence_label=next_sentence_label)
    output = variant(**arguments, output_hidden_states=True)
    output.loss.backward()
    golden = {
        "input_ids": input_ids.int(), "attention_mask": attention_mask.int(), "token_type_ids": token_type_ids.int(),
        "labels": labels.int(), "next_sentence_label": next_sentence_label.int(),
        "prediction_logits": output.prediction_logits.detach().float(),
        "seq_relationship_logits": output.seq_relationship_logits.detach().float(),
        "sequence_output": output.hidden_states[-1].detach().float(),
        "loss": output.loss.detach().float().reshape(1),
    }
    for name, parameter in variant.named_parameters():
        golden[f"grad.{name}"] = parameter.grad.float()
    losses = []
    optimizer = torch.optim.SGD(variant.parameters(), lr=0.05)
    for _ in range(10):
        optimizer.zero_grad()
        loss = variant(**arguments).loss
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    golden["losses"] = torch.tensor(losses, dtype=torch.float32)
    save_file({name: tensor.contiguous() for name, tensor in golden.items()}, folder / f"tiny-bert-{activation}.safetensors")
