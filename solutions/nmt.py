"""Derived from book/chapters/nmt.md, whose solutions it holds."""

import itertools
from collections import defaultdict

import torch
import torch.nn.functional as F
from torch import nn

from helpers import Vocabulary, by_length, decode, encode, fit, word_kinds


def pig_latin(word):
    """Return the translation of a word, part by part: def-nmt-rule."""
    parts = []
    for part in word.split("-"):
        head = 0
        while head < len(part) and part[head] not in "aeiouy":
            head += 2 if part.startswith("qu", head) else 1
        vowel = part[:1] in ("a", "e", "i", "o", "u")
        parts.append(part + "way" if vowel
                     else part[head:] + part[:head] + "ay")
    return "-".join(parts)


class GRUCell(nn.Module):
    """One step of a gated recurrent unit: def-nmt-gru."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.Wiz, self.Wir, self.Wih = (
            nn.Linear(input_size, hidden_size) for _ in range(3))
        self.Whz, self.Whr, self.Whh = (
            nn.Linear(hidden_size, hidden_size) for _ in range(3))

    def forward(self, x, h):
        """Return the state (B, H) after input x (B, I) and state h (B, H)."""
        z = torch.sigmoid(self.Wiz(x) + self.Whz(h))
        r = torch.sigmoid(self.Wir(x) + self.Whr(h))
        g = torch.tanh(self.Wih(x) + self.Whh(r * h))
        return (1 - z) * h + z * g


def gru_parameters(d, h):
    """Return the number of weights of a GRU layer: nmt-parameters."""
    return 3 * (d * h + h * h)


def lstm_parameters(d, h):
    """Return the number of weights of an LSTM layer: nmt-parameters."""
    return 4 * (d * h + h * h)


class AdditiveAttention(nn.Module):
    """Attention whose scores a small network gives: def-nmt-additive."""

    def __init__(self, hidden_size):
        super().__init__()
        self.score = nn.Sequential(
            nn.Linear(2 * hidden_size, hidden_size), nn.ReLU(),
            nn.Linear(hidden_size, 1))

    def forward(self, queries, keys, values):
        """Return context (B, 1, H) and weights (B, S, 1)."""
        q = queries[:, None].expand_as(keys)  # (B, S, H)
        weights = self.score(torch.cat([q, keys], -1)).softmax(1)
        return weights.transpose(1, 2) @ values, weights


class ScaledDotAttention(nn.Module):
    """Attention by scaled dot products of linear maps: def-nmt-dot."""

    def __init__(self, hidden_size):
        super().__init__()
        self.Q, self.K, self.V = (
            nn.Linear(hidden_size, hidden_size) for _ in range(3))

    def forward(self, queries, keys, values):
        """Return context (B, k, H) and weights (B, S, k)."""
        B, _, H = keys.shape
        q = self.Q(queries.reshape(B, -1, H))  # (B, k, H)
        scores = self.K(keys) @ q.transpose(1, 2) / H**0.5  # (B, S, k)
        weights = scores.softmax(1)
        return weights.transpose(1, 2) @ self.V(values), weights


class CausalScaledDotAttention(ScaledDotAttention):
    """Self-attention that cannot see the future: nmt-causal."""

    def forward(self, queries, keys, values):
        """Return context (B, k, H) and weights (B, S, k), 0 for S > k."""
        B, _, H = keys.shape
        q = self.Q(queries.reshape(B, -1, H))
        scores = self.K(keys) @ q.transpose(1, 2) / H**0.5
        future = torch.ones_like(scores[0], dtype=torch.bool).tril(-1)
        weights = scores.masked_fill(future, -1e7).softmax(1)
        return weights.transpose(1, 2) @ self.V(values), weights


def positional_encoding(length, width):
    """Return sines and cosines of positions, interleaved: (length, width)."""
    t = torch.arange(length)[:, None]
    angle = t * 10_000.0 ** (-torch.arange(0, width, 2) / width)
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)


class TransformerEncoder(nn.Module):
    """Layers of self-attention and a small network: def-nmt-encoder."""

    def __init__(self, vocab_size, hidden_size, num_layers,
                 positions=positional_encoding):
        super().__init__()
        self.hidden_size, self.positions = hidden_size, positions
        self.embedding = nn.Embedding(vocab_size, hidden_size)
        self.attention = nn.ModuleList(
            ScaledDotAttention(hidden_size) for _ in range(num_layers))
        self.mlp = nn.ModuleList(nn.Sequential(
            nn.Linear(hidden_size, hidden_size), nn.ReLU())
            for _ in range(num_layers))

    def forward(self, tokens):
        """Return the annotations (B, S, H) of tokens (B, S)."""
        x = self.embedding(tokens)
        x = x + self.positions(tokens.shape[1], self.hidden_size)
        for attention, mlp in zip(self.attention, self.mlp):
            x = x + attention(x, x, x)[0]
            x = x + mlp(x)
        return x


class TransformerDecoder(nn.Module):
    """Layers that look back, then at the source: def-nmt-decoder."""

    def __init__(self, vocab_size, hidden_size, num_layers,
                 positions=positional_encoding):
        super().__init__()
        H, layers = hidden_size, range(num_layers)
        self.hidden_size, self.positions = H, positions
        self.embedding = nn.Embedding(vocab_size, H)
        self.self_attention = nn.ModuleList(
            CausalScaledDotAttention(H) for _ in layers)
        self.attention = nn.ModuleList(ScaledDotAttention(H) for _ in layers)
        self.mlp = nn.ModuleList(
            nn.Sequential(nn.Linear(H, H), nn.ReLU()) for _ in layers)
        self.out = nn.Linear(H, vocab_size)

    def forward(self, tokens, annotations):
        """Return logits (B, T, V) and each layer's weights (B, S, T)."""
        x, maps = self.embedding(tokens), []
        x = x + self.positions(tokens.shape[1], self.hidden_size)
        for own, other, mlp in zip(self.self_attention, self.attention,
                                   self.mlp):
            x = x + own(x, x, x)[0]
            context, weights = other(x, annotations, annotations)
            x = x + context
            x = x + mlp(x)
            maps.append(weights)
        return self.out(x), maps


@torch.no_grad()
def greedy_decode(step, state, batch_size, max_length):
    """Return the likeliest next tokens, one after the other: (B, n)."""
    tokens, found = torch.full((batch_size,), Vocabulary.SOS), []
    ended = torch.zeros(batch_size, dtype=torch.bool)
    while len(found) < max_length and not ended.all():
        logits, state = step(tokens, state)
        tokens = logits.argmax(-1).masked_fill(ended, Vocabulary.EOS)
        ended = ended | (tokens == Vocabulary.EOS)
        found.append(tokens)
    return torch.stack(found, 1)


class Recurrent(nn.Module):
    """A GRU that reads and a GRU that writes, with attention or without."""

    def __init__(self, hidden_size, attention=None):
        super().__init__()
        H, V = hidden_size, Vocabulary.SIZE
        self.source, self.target = (nn.Embedding(V, H) for _ in range(2))
        self.encoder = GRUCell(H, H)
        self.attention = attention and attention(H)
        self.decoder = GRUCell(2 * H if attention else H, H)
        self.out = nn.Linear(H, V)

    def encode(self, source):
        """Return the state before the first step of decoding."""
        x, found = self.source(source), []
        h = x.new_zeros(x[:, 0].shape)
        for t in range(x.shape[1]):
            found.append(h := self.encoder(x[:, t], h))
        return h, torch.stack(found, 1)  # (B, H), (B, S, H)

    def step(self, tokens, state):
        """Return logits (B, V) for the next token, and the next state."""
        (h, annotations), x = state, self.target(tokens)
        if self.attention:
            context, _ = self.attention(h, annotations, annotations)
            x = torch.cat([context[:, 0], x], -1)
        h = self.decoder(x, h)
        return self.out(h), (h, annotations)


class Transformer(nn.Module):
    """Encoder and decoder of attention alone; decodes with a cache."""

    def __init__(self, hidden_size, num_layers, positions):
        super().__init__()
        sizes = Vocabulary.SIZE, hidden_size, num_layers, positions
        self.encoder = TransformerEncoder(*sizes)
        self.decoder = TransformerDecoder(*sizes)

    def encode(self, source):
        """Return keys and values of the source and, empty, of the past."""
        a = self.encoder(source)
        seen = [(m.K(a), m.V(a)) for m in self.decoder.attention]
        return seen, [(a[:, :0], a[:, :0])] * len(seen)

    def step(self, tokens, state):
        """Return logits (B, V) for the next token, and the next state."""
        (seen, past), d, now = state, self.decoder, []
        t, look = past[0][0].shape[1], F.scaled_dot_product_attention
        x = d.embedding(tokens)[:, None]
        x = x + d.positions(t + 1, d.hidden_size)[t:]
        for own, other, mlp, source, (k, v) in zip(
                d.self_attention, d.attention, d.mlp, seen, past):
            now.append((torch.cat([k, own.K(x)], 1),
                        torch.cat([v, own.V(x)], 1)))
            x = x + look(own.Q(x), *now[-1])
            x = x + look(other.Q(x), *source)
            x = x + mlp(x)
        return d.out(x)[:, 0], (seen, now)


def teacher_forced(model, source, target, cached=False):
    """Return the logits (B, T, V) when the right tokens are fed back."""
    first = torch.full_like(target[:, :1], Vocabulary.SOS)
    tokens = torch.cat([first, target[:, :-1].clamp(min=0)], 1)
    if isinstance(model, Transformer) and not cached:
        return model.decoder(tokens, model.encoder(source))[0]
    state, found = model.encode(source), []
    for column in tokens.T:
        logits, state = model.step(column, state)
        found.append(logits)
    return torch.stack(found, 1)


@torch.no_grad()
def held_out_losses(model, data):
    """Return the mean loss a token and the mean over buckets, in nats.

    A bucket holds up to 64 pairs of one source and one target length.
    """
    model.eval()
    buckets = []
    for source, target in data:
        logits = teacher_forced(model, source, target).transpose(1, 2)
        loss = F.cross_entropy(logits, target, reduction="none").sum(1)
        lengths = (target >= 0).sum(1)
        for length in lengths.unique().tolist():
            buckets += [(part.sum().item(), length * len(part))
                        for part in loss[lengths == length].split(64)]
    model.train()
    total, tokens = map(sum, zip(*buckets))
    return total / tokens, sum(a / n for a, n in buckets) / len(buckets)


def translate(model, texts, room=8):
    """Return greedy translations, at most `room` over twice as long."""
    groups, found = defaultdict(list), {}
    for text in texts:
        groups[len(text)].append(text)
    for length, group in groups.items():
        state = model.encode(torch.tensor([encode(text) for text in group]))
        tokens = greedy_decode(model.step, state, len(group),
                               2 * length + room)
        found.update(zip(group, map(decode, tokens.tolist())))
    return [found[text] for text in texts]


def right(model, words):
    """Return by word whether its translation is right."""
    pairs = zip(words, translate(model, words), strict=True)
    return {word: wrote == pig_latin(word) for word, wrote in pairs}


def exact_match(model, words):
    """Return for how many of the words the translation is right, per cent."""
    return 100 * sum(right(model, words).values()) / len(words)


def examine(model, curve, words, sentences):
    """Return what a sweep keeps of a run, by name."""
    groups, hits = defaultdict(list), right(model, words)
    for word, hit in hits.items():
        for kind in ("exact match", *word_kinds(word)):
            groups[kind].append(hit)
        if "-" not in word:
            groups[f"{len(word)} letters"].append(hit)
    return {"token loss": min(loss for loss, _ in curve),
            "bucket loss": min(loss for _, loss in curve),
            **{kind: 100 * sum(g) / len(g) for kind, g in groups.items()},
            **{s: " ".join(translate(model, s.split())) for s in sentences}}


def configurations():
    """Return by name: kind, layers, width, epochs, rate, published losses."""
    add, dot, sine = AdditiveAttention, ScaledDotAttention, positional_encoding
    table, onehot, none = LearnedPositions, torch.eye, torch.zeros
    return {
        "GRU 32, small": (None, 0, 32, 50, 5e-3, "–; 1.393"),
        "GRU 32, large": (None, 0, 32, 50, 5e-3, "–; 1.148"),
        "additive 64, small": (add, 0, 64, 50, 5e-3, "0.394; 0.342, 0.439"),
        "block 32, small": (none, 1, 32, 100, 5e-4, "1.182; 1.231, 1.083"),
        "3 layers 32, small": (sine, 3, 32, 100, 5e-4, "–"),
        "4 layers 32, small": (sine, 4, 32, 100, 5e-4, "0.957; 0.922, 0.950"),
        "3 layers 32, large": (sine, 3, 32, 100, 5e-4, "0.729; 0.585, 0.726"),
        "3 layers 64, small": (sine, 3, 64, 50, 5e-4, "0.444; 0.489, 0.380"),
        "3 layers 64, large": (sine, 3, 64, 50, 5e-4, "0.338; 0.343, 0.307"),
        "additive 32, small": (add, 0, 32, 50, 5e-3, "–"),
        "dot 64, small": (dot, 0, 64, 50, 5e-3, "–"),
        "dot 32, small": (dot, 0, 32, 50, 5e-3, "–"),
        "block 64, small": (none, 1, 64, 100, 5e-4, "–"),
        "block with sines 32, small": (sine, 1, 32, 100, 5e-4, "–"),
        "learned 64, small": (table, 3, 64, 50, 5e-4, "–"),
        "one-hot 64, small": (onehot, 3, 64, 50, 5e-4, "–"),
        "none 64, small": (none, 3, 64, 50, 5e-4, "–"),
        "sines 64, short": (sine, 3, 64, 50, 5e-4, "–"),
        "learned 64, short": (table, 3, 64, 50, 5e-4, "–"),
        "one-hot 64, short": (onehot, 3, 64, 50, 5e-4, "–"),
        "none 64, short": (none, 3, 64, 50, 5e-4, "–")}


class LearnedPositions(nn.Embedding):
    """A table of positions that is trained."""

    def forward(self, length, width):
        """Return the first `length` rows, (length, width)."""
        return self.weight[:length, :width]


def translator(kind, layers, width, *_):
    """Return an untrained model, recurrent if it has no layers."""
    if not layers:
        return Recurrent(width, kind)
    model = Transformer(width, layers, kind)
    if kind is LearnedPositions:
        for part in (model.encoder, model.decoder):
            part.positions = kind(128, width)
    return model


def train(model, data, *settings, watch, **options):
    """Fit to `data`; return `held_out_losses` on `watch` by epoch."""
    def loss(s, t):
        return F.cross_entropy(teacher_forced(model, s, t).mT, t)
    return fit(model, loss, data, *settings, **options,
               watch=lambda: held_out_losses(model, watch))


def study(name, data, seed, share):
    """Return a model trained for a share of its epochs, and its curve."""
    (*_, epochs, rate, _), part = configurations()[name], name.split(", ")[1]
    torch.manual_seed(seed)
    model = translator(*configurations()[name])
    held_out = "short validation" if part == "short" else "validation"
    return model, train(model, data[part], max(2, round(share * epochs)),
                        512 if part == "large" else 64, rate, seed,
                        watch=data[held_out])


class BidirectionalTranslator(nn.Module):
    """A reader in both directions and a writer with additive attention."""

    def __init__(self, hidden_size, dropout, size=Vocabulary.SIZE):
        super().__init__()
        H, linear = hidden_size, nn.Linear
        self.source, self.target = (
            nn.Embedding(size, H) for _ in range(2))
        self.encoder = nn.GRU(H, H // 2, batch_first=True, bidirectional=True)
        self.first, self.query, self.key = (linear(H, H) for _ in range(3))
        self.score, self.dropout = linear(H, 1), nn.Dropout(dropout)
        self.decoder = nn.GRUCell(2 * H, H)
        self.out = linear(2 * H, size)

    def encode(self, source):
        """Return the state before the first step of decoding."""
        a, _ = self.encoder(self.dropout(self.source(source)))  # (B, S, H)
        h = self.first(a.mean(1)).tanh()
        return h, torch.zeros_like(h), a, self.key(a), None

    def step(self, tokens, state):
        """Return logits (B, V) and the next state, weights (B, S, 1) last."""
        h, context, a, keys, _ = state
        x = self.dropout(self.target(tokens))
        h = self.decoder(torch.cat([x, context], -1), h)
        scores = self.score(torch.tanh(self.query(h)[:, None] + keys))
        weights = scores.softmax(1)
        context = (weights * a).sum(1)
        both = self.dropout(torch.cat([h, context], -1))
        return self.out(both), (h, context, a, keys, weights)
