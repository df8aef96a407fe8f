"""Writes small random BERT models with what transformers and PyTorch compute of them, in float64.

Run:   OMP_NUM_THREADS=1 python scripts/goldens/makeModelGoldens.py src/models/fixtures
Needs: pip install torch 'transformers<5' safetensors (last run with torch 2.15.0, transformers 4.57.6). Seconds on a CPU.

For each case, a folder:
  config.json, model.safetensors  the model as save_pretrained leaves it, float32
  golden.safetensors              inputs and labels; logits, loss, last hidden state, every gradient ("grad.NAME")
  trajectories.json               in two cases: batches, and loss, gradient norm and learning rate of each of 12 optimizer steps
Sizes are odd and unequal so that a transposed axis shows, and weights large enough that no activation is nearly linear.
"""
import copy
import json
import math
import re
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import BertConfig, BertForPreTraining, BertForSequenceClassification, get_linear_schedule_with_warmup
from transformers.trainer_pt_utils import get_parameter_names

MADE_BY = {"made_by": f"scripts/goldens/makeModelGoldens.py with torch {torch.__version__.split('+')[0]}, transformers {transformers.__version__}"}
HEAD_OF_8 = dict(vocab_size=53, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=37, max_position_embeddings=19)
HEAD_OF_5 = dict(vocab_size=47, hidden_size=15, num_hidden_layers=2, num_attention_heads=3, intermediate_size=41, max_position_embeddings=19)
# Past one tile of the native engine's matrix products in every direction.
HEAD_OF_17 = dict(vocab_size=101, hidden_size=51, num_hidden_layers=1, num_attention_heads=3, intermediate_size=89, max_position_embeddings=37)
LENGTHS = [7, 1, 19, 13]
PRETRAINING_CASES = {
    "pretraining-gelu": dict(**HEAD_OF_8, hidden_act="gelu"),
    "pretraining-gelu_new": dict(**HEAD_OF_5, hidden_act="gelu_new"),
    "pretraining-wide": dict(**HEAD_OF_17, hidden_act="gelu_new"),
}
# transformers takes one label as a regression, more as classes, unless problem_type says so.
CLASSIFICATION_CASES = {
    "classification-1": dict(**HEAD_OF_5, hidden_act="gelu", num_labels=1),
    "classification-2": dict(**HEAD_OF_8, hidden_act="gelu_new", num_labels=2),
    "classification-3": dict(**HEAD_OF_5, hidden_act="gelu", num_labels=3, problem_type="single_label_classification"),
}
LENGTHS_OF_CASE = {"pretraining-wide": [33, 5, 37, 18, 1]}

STEPS, WARMUP_STEPS, MAX_GRAD_NORM, WEIGHT_DECAY = 12, 3, 1.0, 0.5


def random_model(model_class, sizes):
    """A model in float64 whose values are exact in float32."""
    config = BertConfig(**sizes, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, attn_implementation="eager")
    model = model_class(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 1.2 / math.sqrt(config.hidden_size))
            parameter.copy_(parameter.float().double())
    model.tie_weights()
    return model


def random_inputs(config, lengths):
    """Padded on the right; two segments in every sequence of more than four tokens."""
    columns = torch.arange(max(lengths))
    mask = torch.stack([(columns < length).long() for length in lengths])
    types = torch.stack([(columns > 1 + length // 2).long() * (length > 4) for length in lengths]) * mask
    ids = torch.randint(1, config.vocab_size, mask.shape) * mask
    return dict(input_ids=ids, attention_mask=mask, token_type_ids=types)


def pretraining_labels(config, inputs):
    """A token in five is to be predicted, the only token of a sequence of one too, and each sequence has a next-sentence label."""
    mask = inputs["attention_mask"].bool()
    chosen = (torch.rand(mask.shape) < 0.2) & mask
    chosen[mask.sum(1) == 1, 0] = True
    labels = torch.where(chosen, torch.randint(0, config.vocab_size, mask.shape), torch.tensor(-100))
    return dict(labels=labels, next_sentence_label=torch.arange(1, len(mask) + 1) % 2)


def classification_labels(config, inputs):
    rows = len(inputs["input_ids"])
    return dict(labels=torch.rand(rows) * 5 if config.num_labels == 1 else torch.arange(1, rows + 1) % config.num_labels)


def random_batch(model, lengths):
    inputs = random_inputs(model.config, lengths)
    labels = pretraining_labels if isinstance(model, BertForPreTraining) else classification_labels
    return {**inputs, **labels(model.config, inputs)}


def stored(tensor):
    return (tensor.float() if tensor.is_floating_point() else tensor.int()).detach().contiguous()


def golden_of(model, batch):
    """Inputs, outputs and gradients of one batch by name."""
    model.zero_grad()
    output = model(**batch, output_hidden_states=True)
    output.loss.backward()
    golden = {**batch, "loss": output.loss.reshape(1), "sequence_output": output.hidden_states[-1]}
    if isinstance(model, BertForPreTraining):
        golden["prediction_logits"] = output.prediction_logits
        golden["seq_relationship_logits"] = output.seq_relationship_logits
    else:
        golden["logits"] = output.logits
    for name, parameter in model.named_parameters():
        largest = parameter.grad.abs().max().item()
        # Softmax does not see what all keys have in common: the true gradient of their bias is 0.
        assert (largest < 1e-12) == name.endswith("key.bias"), f"the gradient of {name} is {largest} at most"
        golden[f"grad.{name}"] = parameter.grad
    return {name: stored(tensor) for name, tensor in golden.items()}


def linear_rate(step):
    """The Trainer's linear schedule: it falls from the end of the warm-up."""
    return step / WARMUP_STEPS if step < WARMUP_STEPS else (STEPS - step) / (STEPS - WARMUP_STEPS)


def google_rate(step):
    """Google's create_optimizer: polynomial decay of power 1 over the whole run, replaced by a linear rise in its first steps."""
    return step / WARMUP_STEPS if step < WARMUP_STEPS else 1 - step / STEPS


class HuggingFaceAdamW:
    """As the Trainer sets it up: PyTorch's AdamW in two groups, clipping and schedule of their libraries."""

    def __init__(self, model, rate):
        self.parameters = list(model.parameters())
        decayed = set(get_parameter_names(model, [torch.nn.LayerNorm], [r"bias", r"layernorm", r"rmsnorm", r"(?:^|\.)norm(?:$|\.)", r"_norm(?:$|\.)"]))
        groups = [dict(params=[p for name, p in model.named_parameters() if (name in decayed) == chosen], weight_decay=decay) for chosen, decay in [(True, WEIGHT_DECAY), (False, 0.0)]]
        self.optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.999), eps=1e-8)
        self.schedule = get_linear_schedule_with_warmup(self.optimizer, WARMUP_STEPS, STEPS)

    def step(self):
        """Clips and updates; returns the norm before clipping, and the rate."""
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, MAX_GRAD_NORM).item()
        rate = self.schedule.get_last_lr()[0]
        self.optimizer.step()
        self.schedule.step()
        return norm, rate


class GoogleAdamW:
    """AdamWeightDecayOptimizer as google-research/bert's optimization.py defines it: moments without bias correction, epsilon beside the
    root, decay added to the update before the rate, and none for names with LayerNorm, layer_norm or bias in them."""

    def __init__(self, model, rate, schedule):
        self.parameters = dict(model.named_parameters())
        self.m = {name: torch.zeros_like(parameter) for name, parameter in self.parameters.items()}
        self.v = {name: torch.zeros_like(parameter) for name, parameter in self.parameters.items()}
        self.rates = [rate * schedule(step) for step in range(STEPS)]

    @torch.no_grad()
    def step(self):
        rate = self.rates.pop(0)
        norm = math.sqrt(sum((parameter.grad**2).sum().item() for parameter in self.parameters.values()))
        for name, parameter in self.parameters.items():
            gradient = parameter.grad * (MAX_GRAD_NORM / max(norm, MAX_GRAD_NORM))
            self.m[name] = 0.9 * self.m[name] + (1 - 0.9) * gradient
            self.v[name] = 0.999 * self.v[name] + (1 - 0.999) * gradient**2
            update = self.m[name] / (self.v[name].sqrt() + 1e-6)
            if not re.search("LayerNorm|layer_norm|bias", name):
                update = update + WEIGHT_DECAY * parameter
            parameter.sub_(rate * update)
        return norm, rate


def trajectory(model, batches, make_optimizer):
    """[loss, gradient norm before clipping, rate] of every step, by column."""
    model = copy.deepcopy(model)
    optimizer = make_optimizer(model)
    steps = []
    for step in range(STEPS):
        model.zero_grad()
        loss = model(**batches[step % len(batches)]).loss
        loss.backward()
        steps.append([loss.item(), *optimizer.step()])
    columns = zip(["loss", "gradNorm", "learningRate"], zip(*steps))
    return {name: [float(f"{value:.9g}") for value in column] for name, column in columns}


def trajectories_of(model, rate):
    """Twelve steps over three batches, in both conventions; Google's optimizer under its own schedule and under the Trainer's."""
    batches = [random_batch(model, lengths) for lengths in ([7, 1, 19, 13], [11, 3, 2, 17], [5, 19, 8, 1])]
    runs = {
        "adamw": lambda model: HuggingFaceAdamW(model, rate),
        "adamw-bert": lambda model: GoogleAdamW(model, rate, linear_rate),
        "adamw-bert, Google's schedule": lambda model: GoogleAdamW(model, rate, google_rate),
    }
    return {
        "madeBy": MADE_BY["made_by"],
        "settings": dict(learningRate=rate, steps=STEPS, warmupSteps=WARMUP_STEPS, maxGradNorm=MAX_GRAD_NORM, weightDecay=WEIGHT_DECAY),
        "batches": [{name: tensor.tolist() for name, tensor in batch.items()} for batch in batches],
        "runs": {name: trajectory(model, batches, make) for name, make in runs.items()},
    }


def write_case(folder, model, lengths, trajectory_rate=None):
    folder.mkdir(parents=True, exist_ok=True)
    copy.deepcopy(model).float().save_pretrained(folder)
    save_file(golden_of(model, random_batch(model, lengths)), folder / "golden.safetensors", metadata=MADE_BY)
    if trajectory_rate is None:
        return
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in trajectories_of(model, trajectory_rate).items()]
    (folder / "trajectories.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="ascii")


def main():
    target = Path(sys.argv[1])
    torch.manual_seed(20181011)
    torch.set_default_dtype(torch.float64)
    trajectory_rates = {"pretraining-gelu": 0.003, "classification-3": 0.003}
    for model_class, cases in ((BertForPreTraining, PRETRAINING_CASES), (BertForSequenceClassification, CLASSIFICATION_CASES)):
        for name, sizes in cases.items():
            write_case(target / name, random_model(model_class, sizes), LENGTHS_OF_CASE.get(name, LENGTHS), trajectory_rates.get(name))


if __name__ == "__main__":
    main()
