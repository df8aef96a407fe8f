"""One pretraining step of BERT in PyTorch, timed: the peer of `bertwright bench --what step`.

Forward, backward, clipping by global norm and fused AdamW; dropout 0.1 wherever BERT has it; MLM on 15% of the tokens,
gathered before the head, with the decoder tied to the embeddings, plus NSP. Prints one JSON object.

The model is written in torch's own fast parts (one projection for query, key and value; scaled_dot_product_attention;
fused GELU, LayerNorm and AdamW), so that no library on top of it costs time.
"""

import argparse
import contextlib
import json
import resource
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

# hidden size, layers, heads, feed-forward size, sequences of 128 tokens
CONFIGS = {
    "tiny": (128, 2, 2, 512, 32),
    "mini": (256, 4, 4, 1024, 32),
    "minilm-l6": (384, 6, 12, 1536, 32),
    "base": (768, 12, 12, 3072, 16),
}
VOCABULARY = 30522
DROPOUT = 0.1


class Layer(nn.Module):
    def __init__(self, hidden, heads, intermediate):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(hidden, 3 * hidden)
        self.out = nn.Linear(hidden, hidden)
        self.norm1 = nn.LayerNorm(hidden, eps=1e-12)
        self.up = nn.Linear(hidden, intermediate)
        self.down = nn.Linear(intermediate, hidden)
        self.norm2 = nn.LayerNorm(hidden, eps=1e-12)

    def forward(self, x):
        batch, length, hidden = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, hidden // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        context = F.scaled_dot_product_attention(q, k, v, dropout_p=DROPOUT if self.training else 0.0)
        context = context.transpose(1, 2).reshape(batch, length, hidden)
        x = self.norm1(x + F.dropout(self.out(context), DROPOUT, self.training))
        return self.norm2(x + F.dropout(self.down(F.gelu(self.up(x))), DROPOUT, self.training))


class Bert(nn.Module):
    def __init__(self, hidden, layers, heads, intermediate):
        super().__init__()
        self.word = nn.Embedding(VOCABULARY, hidden)
        self.position = nn.Embedding(512, hidden)
        self.segment = nn.Embedding(2, hidden)
        self.norm = nn.LayerNorm(hidden, eps=1e-12)
        self.layers = nn.ModuleList(Layer(hidden, heads, intermediate) for _ in range(layers))
        self.pooler = nn.Linear(hidden, hidden)
        self.transform = nn.Linear(hidden, hidden)
        self.transform_norm = nn.LayerNorm(hidden, eps=1e-12)
        self.decoder_bias = nn.Parameter(torch.zeros(VOCABULARY))
        self.next_sentence = nn.Linear(hidden, 2)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids, segments, masked, labels, next_labels):
        positions = torch.arange(ids.shape[1])
        x = self.word(ids) + self.position(positions) + self.segment(segments)
        x = F.dropout(self.norm(x), DROPOUT, self.training)
        for layer in self.layers:
            x = layer(x)
        pooled = F.dropout(torch.tanh(self.pooler(x[:, 0])), DROPOUT, self.training)
        gathered = x.reshape(-1, x.shape[-1]).index_select(0, masked)
        hidden = self.transform_norm(F.gelu(self.transform(gathered)))
        logits = F.linear(hidden, self.word.weight, self.decoder_bias)
        return F.cross_entropy(logits.float(), labels) + F.cross_entropy(self.next_sentence(pooled).float(), next_labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model-config", choices=CONFIGS, required=True)
    parser.add_argument("--precision", choices=("highest", "bf16"), default="highest")
    parser.add_argument("--mode", choices=("eager", "compile"), default="eager")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--warmup", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    hidden, layers, heads, intermediate, batch = CONFIGS[options.model_config]
    length = 128
    model = Bert(hidden, layers, heads, intermediate).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    run = torch.compile(model) if options.mode == "compile" else model
    bf16 = options.precision == "bf16"

    def one_step(step):
        generator = torch.Generator().manual_seed(step)
        ids = torch.randint(0, VOCABULARY, (batch, length), generator=generator)
        segments = (torch.arange(length) >= length // 2).long().expand(batch, length)
        masked = torch.randperm(batch * length, generator=generator)[: round(batch * length * 0.15)].sort().values
        labels = torch.randint(0, VOCABULARY, masked.shape, generator=generator)
        next_labels = torch.randint(0, 2, (batch,), generator=generator)
        begun = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16) if bf16 else contextlib.nullcontext():
            loss = run(ids, segments, masked, labels, next_labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        value = loss.item()
        return (time.perf_counter() - begun) * 1000, value

    timed = [one_step(step) for step in range(options.warmup + options.steps)]
    times = [milliseconds for milliseconds, _ in timed[options.warmup :]]
    print(
        json.dumps(
            {
                "modelConfig": options.model_config,
                "engine": f"torch {torch.__version__} {options.mode}",
                "precision": options.precision,
                "batchSize": batch,
                "seqLength": length,
                "medianMs": statistics.median(times),
                "bestMs": min(times),
                "tokensPerSecond": batch * length / statistics.median(times) * 1000,
                "peakRssMb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "loss": timed[-1][1],
            }
        )
    )


main()
