"""Derived from book/chapters/bert_finetuning.md, whose solutions it holds."""

import copy
import math
import torch
import torch.nn.functional as F
from torch import nn

from helpers import in_words


def verbal_arithmetic():
    """Return all 800 pairs (text, label): def-bf-labels."""
    return [(f"{in_words(a)} {word} {in_words(b)}", 1 + (v > 0) - (v < 0))
            for a in range(20) for b in range(20)
            for word, v in (("plus", a + b), ("minus", a - b))]


def loading_report(model, state_dict):
    """Return the names loaded, missing and unexpected: def-bf-report."""
    shapes = lambda state: {(name, x.shape) for name, x in state.items()}
    own, file = shapes(model.state_dict()), shapes(state_dict)
    return [sorted(dict(s)) for s in (own & file, own - file, file - own)]


class SentenceClassifier(nn.Module):
    """An encoder with a linear layer on its [CLS]: def-bf-classifier."""

    def __init__(self, encoder, num_labels):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.config.hidden_size, num_labels)

    def forward(self, labels=None, **inputs):
        out = self.encoder(**inputs)
        h = getattr(out, "pooler_output", None)  # (B, D)
        h = out.last_hidden_state[:, 0] if h is None else h
        logits = self.classifier(h)
        loss = None if labels is None else F.cross_entropy(logits, labels)
        return logits, loss


def linear_warmup(step, warmup, total):
    """Return the factor of the rate at a step: def-bf-warmup."""
    if step < warmup:
        return step / warmup
    return max(0.0, (total - step) / (total - warmup))


def take(inputs, rows):
    """Pick rows of a reader's tensors (N, T), no longer than they need."""
    length = int(inputs["attention_mask"][rows].sum(1).max())
    return {name: value[rows, :length] for name, value in inputs.items()}

@torch.no_grad()
def predict(model, inputs):
    """Return the likeliest label of each row, (N,), with dropout off."""
    return model.eval()(**inputs)[0].argmax(-1)

def fine_tune(model, inputs, labels, rate, epochs, seed):
    """Train by the recipe; return the model and its losses, one a step."""
    weights = [w for w in model.parameters() if w.requires_grad]
    adam = torch.optim.AdamW(weights, rate, weight_decay=0.01, fused=True)
    total, losses = epochs * math.ceil(len(labels) / 32), []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model.train()
        for rows in (batch for _ in range(epochs)
                     for batch in torch.randperm(len(labels)).split(32)):
            adam.param_groups[0]["lr"] = rate * linear_warmup(
                len(losses), total // 10, total)
            part = {name: value[rows] for name, value in inputs.items()}
            loss = model(labels=labels[rows], **part)[1]
            adam.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(weights, 1.0)
            adam.step()
            losses.append(loss.item())
    return model.eval(), losses


def one_hot(texts):
    """Return features (N, D): which word stands at which place."""
    rows = [text.split() for text in texts]
    kinds = [sorted(set(column)) for column in zip(*rows, strict=True)]
    return torch.tensor([[float(word == kind) for word, column in zip(
        row, kinds, strict=True) for kind in column] for row in rows]).double()


def freeze(model, parts):
    """Stop the parts' gradients, return the numbers left: def-bf-frozen."""
    for part in parts:
        model.get_submodule(part).requires_grad_(False)
    return sum(w.numel() for w in model.parameters() if w.requires_grad)


def mask_tokens(input_ids, mask_id, vocab_size, special_ids, probability,
                generator):
    """Return inputs and labels of the masked words: def-bf-masking."""
    shape = input_ids.shape
    chosen = torch.rand(shape, generator=generator) < probability
    chosen &= ~torch.isin(input_ids, torch.tensor(special_ids))
    fate = torch.rand(shape, generator=generator)
    words = torch.randint(vocab_size, shape, generator=generator)
    inputs = input_ids.masked_fill(chosen & (fate < 0.8), mask_id)
    inputs = torch.where(chosen & (fate >= 0.9), words, inputs)
    return inputs, input_ids.masked_fill(~chosen, -100)


def pretrain(encoder, ids, steps, rate, seed):
    """Train an encoder on masked ids (N, T); return it and its losses.

    The first five words of the vocabulary are special, the fifth the mask.
    """
    table = encoder.get_input_embeddings().weight  # (V, D)
    bias = nn.Parameter(torch.zeros(len(table)))
    weights, losses = [*encoder.parameters(), bias], []
    adam = torch.optim.AdamW(weights, rate, weight_decay=0.01, fused=True)
    dice = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder.train()
        for step in range(steps):
            adam.param_groups[0]["lr"] = rate * linear_warmup(
                step, steps // 10, steps)
            rows = ids[torch.randint(len(ids), (32,), generator=dice)]
            rows = rows[:, :int((rows > 0).sum(1).max())]
            shown, wanted = mask_tokens(rows, 4, len(table), [0, 1, 2, 3, 4],
                                        0.15, dice)
            states = encoder(input_ids=shown, attention_mask=(rows > 0).long()
                             ).last_hidden_state[wanted != -100]
            loss = F.cross_entropy(states @ table.T + bias,
                                   wanted[wanted != -100])
            adam.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(weights, 1.0)
            adam.step()
            losses.append(loss.item())
    return encoder.eval(), losses
