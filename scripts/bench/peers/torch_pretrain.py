"""A pretraining loop in PyTorch over the batches of a run of `bertwright pretrain`: its peer in pretrainCompare.ts.

transformers' BertForPreTraining from the same checkpoint, fused AdamW with the same groups, the same linear schedule with warm-up,
clipping by the global norm; batches padded to their longest sequence. Tuned as a careful user would: scaled_dot_product_attention, no mask
where a batch has no padding, masked positions gathered before the decoder, autocast to bf16 where asked for. [PAD] learns as every other
row does: a random replacement may be [PAD], whose gradient transformers would drop and Google's code, as ours, does not.
Prints one JSON object: losses, norms and rates of every step, and the speed without the first steps. Nothing is saved.
"""

import argparse
import contextlib
import json
import math
import resource
import time

import torch
import torch.nn.functional as F
import transformers
from safetensors import safe_open
from torch import nn
from transformers import BertForPreTraining, get_linear_schedule_with_warmup


class Batches:
    """Packed batches, laid end to end in one file; padded here one by one."""

    def __init__(self, file, steps):
        with safe_open(file, framework="pt") as tensors:
            self.plan = json.loads(tensors.metadata()["plan"])
            self.ids, self.segments = tensors.get_tensor("input_ids").long(), tensors.get_tensor("token_type_ids").long()
            size = self.plan["batchSize"]
            self.lengths = tensors.get_tensor("lengths").long().view(-1, size)
            self.masked, self.labels = tensors.get_tensor("masked_positions").long(), tensors.get_tensor("masked_labels").long()
            self.masked_counts = tensors.get_tensor("masked_counts").long().tolist()
            self.next_labels = tensors.get_tensor("next_sentence_labels").long().view(-1, size) if "next_sentence_labels" in tensors.keys() else None
        if steps > len(self.masked_counts):
            raise SystemExit(f"{file} holds {len(self.masked_counts)} batches, {steps} are asked for")
        self.tokens = self.lengths.sum(1).tolist()
        self.first_token = [0, *torch.tensor(self.tokens).cumsum(0).tolist()]
        self.first_masked = [0, *torch.tensor(self.masked_counts).cumsum(0).tolist()]

    def padded(self, step):
        """ids, segments, mask (None without padding), the masked places in the flattened batch, their labels, the pairs' labels."""
        lengths = self.lengths[step]
        rows, longest = len(lengths), int(lengths.max())
        row = torch.repeat_interleave(torch.arange(rows), lengths)
        place = row * longest + torch.arange(len(row)) - (lengths.cumsum(0) - lengths)[row]
        tokens = slice(self.first_token[step], self.first_token[step + 1])
        masked = slice(self.first_masked[step], self.first_masked[step + 1])

        def spread(values):
            return torch.zeros(rows * longest, dtype=torch.long).index_copy_(0, place, values).view(rows, longest)

        mask = None if len(row) == rows * longest else spread(torch.ones_like(row))
        labels = None if self.next_labels is None else self.next_labels[step]
        return spread(self.ids[tokens]), spread(self.segments[tokens]), mask, place[self.masked[masked]], self.labels[masked], labels


def groups(model, decay):
    """Biases and LayerNorm weights are not decayed."""
    kept = [parameter for name, parameter in model.named_parameters() if name.endswith("bias") or "LayerNorm" in name]
    decayed = [parameter for name, parameter in model.named_parameters() if not (name.endswith("bias") or "LayerNorm" in name)]
    return [{"params": decayed, "weight_decay": decay}, {"params": kept, "weight_decay": 0.0}]


def exact_norm(model):
    """torch sums the squares of float32 in float32, one after the other: over millions of them that is off in the fourth digit."""
    return torch.stack([torch.linalg.vector_norm(parameter.grad, dtype=torch.float64) for parameter in model.parameters()]).norm()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--batches", required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--precision", choices=("highest", "bf16"), default="highest")
    parser.add_argument("--mode", choices=("eager", "compile"), default="eager")
    parser.add_argument("--attention", choices=("sdpa", "eager"), default="sdpa")
    parser.add_argument("--exact-norm", action="store_true", help="clip by a norm that is summed in float64")
    parser.add_argument("--untimed", type=int, default=5, help="first steps that do not count as time")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    transformers.logging.set_verbosity_error()
    batches = Batches(options.batches, options.steps)
    plan = batches.plan
    model = BertForPreTraining.from_pretrained(options.model, attn_implementation=options.attention).train()
    model.bert.embeddings.word_embeddings.padding_idx = None
    assert model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight
    assert model.cls.predictions.decoder.bias is model.cls.predictions.bias
    optimizer = torch.optim.AdamW(groups(model, plan["weightDecay"]), lr=plan["learningRate"], betas=(plan["beta1"], plan["beta2"]), eps=plan["epsilon"], fused=True)
    warmup = plan["warmup"]
    schedule = get_linear_schedule_with_warmup(optimizer, math.ceil(warmup * options.steps) if warmup < 1 else round(warmup), options.steps)

    def losses(ids, segments, mask, masked, labels, next_labels):
        output = model.bert(input_ids=ids, token_type_ids=segments, attention_mask=mask)
        gathered = output.last_hidden_state.flatten(0, 1).index_select(0, masked)
        mlm = F.cross_entropy(model.cls.predictions(gathered).float(), labels)
        if next_labels is None:
            return mlm, torch.zeros(())
        return mlm, F.cross_entropy(model.cls.seq_relationship(output.pooler_output).float(), next_labels)

    run = torch.compile(losses) if options.mode == "compile" else losses
    bf16 = options.precision == "bf16"
    steps = []
    begun = time.perf_counter()
    for step in range(options.steps):
        if step == options.untimed:
            begun = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16) if bf16 else contextlib.nullcontext():
            mlm, following = run(*batches.padded(step))
        loss = mlm + following
        loss.backward()
        if options.exact_norm:
            norm = exact_norm(model)
            rounded_norm = nn.utils.get_total_norm([parameter.grad for parameter in model.parameters()])
            nn.utils.clip_grads_with_norm_(model.parameters(), plan["maxGradNorm"], norm.float())
        else:
            norm = rounded_norm = nn.utils.clip_grad_norm_(model.parameters(), plan["maxGradNorm"])
        rate = schedule.get_last_lr()[0]
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        steps.append({"loss": loss.item(), "mlm_loss": mlm.item(), "nsp_loss": following.item(), "grad_norm": norm.item(), "rounded_norm": rounded_norm.item(), "learning_rate": rate})
    seconds = time.perf_counter() - begun
    timed = sum(batches.tokens[options.untimed : options.steps])
    print(
        json.dumps(
            {
                "engine": f"transformers {transformers.__version__}, torch {torch.__version__} {options.mode}",
                "precision": options.precision,
                "tokens": sum(batches.tokens[: options.steps]),
                "seconds": seconds,
                "tokensPerSecond": timed / seconds,
                "peakRssMb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "steps": steps,
            }
        )
    )


main()
