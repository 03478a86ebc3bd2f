"""Chapter 8's layers beside torch's, and decoding with a cache and without.

    python -m tests.benchmarks.benchmark_nmt

Ratios of one run on one core. What is compared takes turns, round after round,
so that a slow moment of the machine hits all alike; a time is the median over
the rounds. Our gated unit is that of the assignment's erratum 1.1, torch's is
another one with as many weights. Both attentions have the same linear maps, and
both decoders are given the same tokens, so that their outputs must agree: the
largest difference stands in the last column.
"""

import statistics
from time import perf_counter

import torch
import torch.nn.functional as F
from torch import nn

from helpers import Vocabulary
from solutions.nmt import (
    CausalScaledDotAttention,
    GRUCell,
    ScaledDotAttention,
    Transformer,
    positional_encoding,
)

BATCH, SOURCE = 64, 10


def medians(*calls, rounds=15):
    """Return the median time of each call in ms, all taking turns."""
    for call in calls:
        call()
    times = [[] for _ in calls]
    for _ in range(rounds):
        for call, found in zip(calls, times, strict=True):
            begun = perf_counter()
            call()
            found.append(1000 * (perf_counter() - begun))
    return [statistics.median(found) for found in times]


def table(*columns):
    print("\n| " + " | ".join(columns) + " |")
    print("|" + "---:|" * len(columns))


def row(*cells):
    print("| " + " | ".join(f"{cell:.2f}" if isinstance(cell, float) else str(cell)
                            for cell in cells) + " |")


def stepped(cell, x):
    """Return the last state (B, H) of a cell that reads x (B, T, I)."""
    h = x.new_zeros(len(x), x.shape[2])
    for column in x.unbind(1):
        h = cell(column, h)
    return h


def gated_units():
    """Forward and backward over a sequence, as in a training step."""
    table("width", "length", "ours, ms", "torch's cell, ms", "torch's layer, ms",
          "ours / cell", "ours / layer")
    for width in (32, 64, 128):
        for length in (5, 10, 20):
            x = torch.randn(BATCH, length, width)
            ours, cell = GRUCell(width, width), nn.GRUCell(width, width)
            layer = nn.GRU(width, width, batch_first=True)
            a, b, c = medians(
                lambda cell=ours, x=x: stepped(cell, x).sum().backward(),
                lambda cell=cell, x=x: stepped(cell, x).sum().backward(),
                lambda layer=layer, x=x: layer(x)[1].sum().backward())
            row(width, length, a, b, c, a / b, a / c)


def attentions():
    """Forward and backward of self-attention, plain and causal."""
    table("attention", "width", "length", "ours, ms", "torch's, ms", "ours / torch",
          "difference")
    for name, kind in (("plain", ScaledDotAttention),
                       ("causal", CausalScaledDotAttention)):
        for width, length in ((32, 10), (64, 10), (64, 40), (64, 160)):
            x, layer = torch.randn(BATCH, length, width), kind(width)

            def ours(layer=layer, x=x):
                return layer(x, x, x)[0]

            def theirs(layer=layer, x=x, causal=name == "causal"):
                return F.scaled_dot_product_attention(
                    layer.Q(x), layer.K(x), layer.V(x), is_causal=causal)

            gap = (ours() - theirs()).abs().max().item()
            a, b = medians(lambda f=ours: f().sum().backward(),
                           lambda f=theirs: f().sum().backward())
            row(name, width, length, a, b, a / b, f"{gap:.0e}")


@torch.no_grad()
def cached(model, source, tokens):
    """Return logits (B, T, V), every step adding its keys and values."""
    state, found = model.encode(source), []
    for column in tokens.T:
        logits, state = model.step(column, state)
        found.append(logits)
    return torch.stack(found, 1)


@torch.no_grad()
def uncached(model, source, tokens):
    """Return logits (B, T, V), every step going over all tokens so far."""
    annotations = model.encoder(source)
    return torch.stack([model.decoder(tokens[:, :t], annotations)[0][:, -1]
                        for t in range(1, tokens.shape[1] + 1)], 1)


def decoders():
    """Decoding of a transformer of three layers of width 64, step by step."""
    table("characters written", "cached, ms", "uncached, ms", "uncached / cached",
          "difference")
    model = Transformer(64, 3, positional_encoding).eval()
    source = torch.randint(Vocabulary.SOS, (BATCH, SOURCE))
    for length in (5, 10, 20, 40, 80, 160):
        tokens = torch.randint(Vocabulary.SOS, (BATCH, length))
        calls = [lambda f=f, tokens=tokens: f(model, source, tokens)
                 for f in (cached, uncached)]
        gap = (calls[0]() - calls[1]()).abs().max().item()
        a, b = medians(*calls, rounds=5)
        row(length, a, b, b / a, f"{gap:.0e}")


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, one thread, batches of {BATCH}")
    for part in (gated_units, attentions, decoders):
        print(f"\n{part.__doc__}")
        part()


if __name__ == "__main__":
    main()
