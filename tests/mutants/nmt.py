"""Wrong answers to the exercises, each with its diagnosis, and right ways."""

import math
import re

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

SOS, EOS = 27, 28


def latin(stops="aeiouy", vowels="aeiou", way="way", ay="ay", pair="qu",
          split=lambda word: word.split("-"), join="-".join, moved=lambda m: m,
          most=99, first=lambda part: True):
    """Return a function like pig_latin with one thing changed."""
    def one(part):
        if part[0] in vowels:
            return part + way
        cut = 0
        while cut < min(len(part), most) and part[cut] not in stops:
            two = part.startswith(pair, cut) and first(cut)
            cut += 2 if two else 1
        return part[cut:] + moved(part[:cut]) + ay

    return lambda word: join([one(part) for part in split(word)])


def latin_by_rotation(word):
    """Never ends where a part has no vowel."""
    def one(part):
        if part[0] in "aeiou":
            return part + "way"
        while part[0] not in "aeiouy":
            step = 2 if part.startswith("qu") else 1
            part = part[step:] + part[:step]
        return part + "ay"

    return "-".join(one(part) for part in word.split("-"))


def latin_by_index(word):
    def one(part):
        if part[0] in "aeiou":
            return part + "way"
        cut = 0
        while part[cut] not in "aeiouy":
            cut += 2 if part[cut:cut + 2] == "qu" else 1
        return part[cut:] + part[:cut] + "ay"

    return "-".join(one(part) for part in word.split("-"))


def latin_by_find(word):
    def one(part):
        if part[0] in "aeiou":
            return part + "way"
        found = [part.find(c) for c in "aeiouy" if c in part
                 and not (c == "u" and "qu" in part)]
        cut = min(found, default=-1)
        return part[cut:] + part[:cut] + "ay"

    return "-".join(one(part) for part in word.split("-"))


def latin_two_with_every_q(word):
    def one(part):
        if part[0] in "aeiou":
            return part + "way"
        cut = 0
        while cut < len(part) and part[cut] not in "aeiouy":
            cut += 2 if part[cut] == "q" else 1
        return part[cut:] + part[:cut] + "ay"

    return "-".join(one(part) for part in word.split("-"))


def latin_with_partition(word):
    before, hyphen, after = word.partition("-")
    one = latin(split=lambda word: [word])
    return one(before) + hyphen + (one(after) if after else "")


def latin_without_end(word):
    return re.sub("[^-]+", lambda m: latin(ay="")(m[0]), word)


def latin_of_q_at_the_end(word):
    def one(part):
        if part[0] in "aeiou":
            return part + "way"
        cut = 0
        while cut < len(part) and part[cut] not in "aeiouy":
            cut += 2 if part[cut] == "q" and part[cut + 1] == "u" else 1
        return part[cut:] + part[:cut] + "ay"

    return "-".join(one(part) for part in word.split("-"))


def latin_by_pattern(word):
    def one(match):
        start, rest = re.fullmatch(r"((?:qu|[^aeiouy])*+)(.*)", match[0]).groups()
        vowel = not start and rest[0] != "y"
        return rest + start + ("way" if vowel else "ay")

    return re.sub(r"[^-]+", one, word)


def latin_by_letters(word):
    parts = []
    for part in word.split("-"):
        if part.startswith(tuple("aeiou")):
            parts.append(f"{part}way")
            continue
        letters, moved = list(part), []
        while letters and letters[0] not in "aeiouy":
            moved.append(letters.pop(0))
            if moved[-1] == "q" and letters and letters[0] == "u":
                moved.append(letters.pop(0))
        parts.append("".join(letters + moved) + "ay")
    return "-".join(parts)


def gru(candidate=lambda s, x, h, r: torch.tanh(s.Wih(x) + s.Whh(r * h)),
        mix=lambda h, z, g: (1 - z) * h + z * g, z_gate=torch.sigmoid,
        r_gate=torch.sigmoid, exchanged=False, seen=lambda h: h, after=lambda h: h,
        gate=lambda r: r):
    """Return a class like GRUCell with one thing changed."""
    class GRUCell(nn.Module):
        def __init__(self, input_size, hidden_size):
            super().__init__()
            self.Wiz = nn.Linear(input_size, hidden_size)
            self.Wir = nn.Linear(input_size, hidden_size)
            self.Wih = nn.Linear(input_size, hidden_size)
            self.Whz = nn.Linear(hidden_size, hidden_size)
            self.Whr = nn.Linear(hidden_size, hidden_size)
            self.Whh = nn.Linear(hidden_size, hidden_size)

        def forward(self, x, h):
            h = seen(h)
            z = z_gate(self.Wiz(x) + self.Whz(h))
            r = gate(r_gate(self.Wir(x) + self.Whr(h)))
            if exchanged:
                z, r = r, z
            return after(mix(h, z, candidate(self, x, h, r)))

    return GRUCell


class OverwritingGRU(gru()):
    def forward(self, x, h):
        z = torch.sigmoid(self.Wiz(x) + self.Whz(h))
        h = torch.sigmoid(self.Wir(x) + self.Whr(h)) * h
        g = torch.tanh(self.Wih(x) + self.Whh(h))
        return (1 - z) * h + z * g


class BareGRU(gru()):
    def forward(self, x, h):
        z = torch.sigmoid(x @ self.Wiz.weight.T + h @ self.Whz.weight.T)
        r = torch.sigmoid(x @ self.Wir.weight.T + h @ self.Whr.weight.T)
        g = torch.tanh(x @ self.Wih.weight.T + (r * h) @ self.Whh.weight.T)
        return (1 - z) * h + z * g


class CrossedGRU(gru()):
    def forward(self, x, h):
        z = torch.sigmoid(self.Wiz(h) + self.Whz(x))
        return (1 - z) * h


class MisspeltGRU(gru()):
    def forward(self, x, h):
        return torch.sigmoid(self.Wz(x) + self.Uz(h))


class ForgetfulGRU(gru()):
    def forward(self, x, h):
        z = torch.sigmoid(self.Wiz(x) + self.Whz(h))
        return (1 - z) * h + z * g  # noqa: F821


class JoinedGRU(gru()):
    def forward(self, x, h):
        both = torch.cat([x, h], -1)
        z, r = (torch.sigmoid(F.linear(
            both, torch.cat([a.weight, b.weight], 1), a.bias + b.bias))
            for a, b in ((self.Wiz, self.Whz), (self.Wir, self.Whr)))
        return torch.lerp(h, (self.Wih(x) + self.Whh(h.mul(r))).tanh(), z)


def additive(softmax=lambda s: s.softmax(1), pair=lambda q, k, v: (q, k),
             give=lambda w, k, v: (w.transpose(1, 2) @ v, w),
             spread=lambda q, k: q[:, None].expand_as(k)):
    """Return a class like AdditiveAttention with one thing changed."""
    class AdditiveAttention(nn.Module):
        def __init__(self, hidden_size):
            super().__init__()
            self.score = nn.Sequential(nn.Linear(2 * hidden_size, hidden_size),
                                       nn.ReLU(), nn.Linear(hidden_size, 1))

        def forward(self, queries, keys, values):
            both = pair(spread(queries, keys), keys, values)
            weights = softmax(self.score(torch.cat(both, -1)))
            return give(weights, keys, values)

    return AdditiveAttention


def by_exp(scores):
    return scores.exp() / scores.exp().sum(1, keepdim=True)


def hard(weights, keys, values):
    best = weights.argmax(1, keepdim=True).expand(-1, -1, values.shape[-1])
    return values.gather(1, best), weights


class AdditiveBySums(additive()):
    def forward(self, queries, keys, values):
        first, act, last = self.score
        asked, kept = first.weight.chunk(2, 1)
        hidden = (queries @ asked.T).unsqueeze(1) + keys @ kept.T + first.bias
        weights = F.softmax(last(act(hidden)), dim=-2)
        return (weights * values).sum(1, keepdim=True), weights


class AdditiveByBmm(additive()):
    def forward(self, queries, keys, values):
        rows = torch.stack([queries] * keys.shape[1], 1)
        weights = self.score(torch.cat([rows, keys], 2)).squeeze(-1).softmax(-1)
        return [torch.bmm(weights[:, None], values), weights[..., None]]


def dot(scale=lambda s, H: s / math.sqrt(H), softmax=lambda s: s.softmax(1),
        after=lambda w, H: w, names="QKV", mask=lambda s: s, masked=lambda w: w,
        give=lambda w, v: (w.transpose(1, 2) @ v, w),
        lone=lambda q: q[:, None] if q.dim() == 2 else q):
    """Return a class like ScaledDotAttention with one thing changed."""
    class ScaledDotAttention(nn.Module):
        def __init__(self, hidden_size):
            super().__init__()
            self.hidden_size = hidden_size
            self.Q = nn.Linear(hidden_size, hidden_size)
            self.K = nn.Linear(hidden_size, hidden_size)
            self.V = nn.Linear(hidden_size, hidden_size)

        def forward(self, queries, keys, values):
            q, k, v = (
                t if name == "-" else getattr(self, name)(t)
                for name, t in zip(names, (lone(queries), keys, values), strict=True))
            scores = scale(k @ q.transpose(-2, -1), self.hidden_size)
            weights = masked(after(softmax(mask(scores)), self.hidden_size))
            return give(weights, v)

    return ScaledDotAttention


class ByTorch(dot()):
    def forward(self, queries, keys, values):
        if queries.ndim < 3:
            queries = queries.unsqueeze(1)
        q, k, v = self.Q(queries), self.K(keys), self.V(values)
        weights = torch.einsum("bkh,bsh->bks", q, k).div(
            keys.shape[-1] ** 0.5).softmax(-1).mT
        return F.scaled_dot_product_attention(q, k, v), weights


class FromKeys(dot()):
    def forward(self, queries, keys, values):
        return super().forward(queries, keys, keys)


class Exchanged(dot()):
    def forward(self, queries, keys, values):
        return super().forward(keys, queries, queries)


def hide(scores, by=-1e7, where=lambda one: one.tril(-1)):
    one = torch.ones(scores.shape[1:], dtype=torch.bool)
    return scores.masked_fill(where(one), by)


def multiplied(scores):
    future = torch.ones(scores.shape[1:]).tril(-1)
    return scores + future * -math.inf


def causal(mask=hide, **how):
    return dot(mask=mask, **how)


def with_tril(weights):
    return weights * torch.ones(weights.shape[1:]).triu()


class OfFour(causal()):
    """A mask of a fixed length."""

    def forward(self, queries, keys, values):
        scores = self.K(keys) @ self.Q(queries).mT / math.sqrt(self.hidden_size)
        mask = torch.ones(4, 4).tril(-1).bool()
        weights = scores.masked_fill(mask, -1e7).softmax(1)
        return weights.mT @ self.V(values), weights


class CausalByAdding(dot()):
    def forward(self, queries, keys, values):
        n = keys.shape[1]
        scores = self.K(keys) @ self.Q(queries).mT / math.sqrt(keys.shape[2])
        weights = (scores + torch.full((n, n), -torch.inf).tril(-1)).softmax(1)
        return weights.mT @ self.V(values), weights


class CausalByRenormalising(dot()):
    def forward(self, queries, keys, values):
        weights = super().forward(queries, keys, values)[1].triu()
        weights = weights / weights.sum(1, keepdim=True)
        return weights.mT @ self.V(values), weights


Causal = causal()
Dot = dot()


def positions(exponent=lambda i, width: 2 * i / width, base=10000.0, first=0,
              put=lambda a: torch.stack([a.sin(), a.cos()], -1).flatten(1),
              unit=1.0):
    """Return a function like positional_encoding with one thing changed."""
    def positional_encoding(length, width):
        i = torch.arange(width // 2)
        t = torch.arange(first, first + length)[:, None]
        return put(unit * t / base ** exponent(i, width))

    return positional_encoding


def positions_column_by_column(length, width):
    angles = torch.arange(length)[:, None] / 10000 ** (torch.arange(width) / width)
    angles[:, 0::2], angles[:, 1::2] = angles[:, 0::2].sin(), angles[:, 1::2].cos()
    return angles


def positions_twice_the_column(length, width):
    angles = torch.arange(length)[:, None] / 10000 ** (
        2 * torch.arange(width) / width)
    angles[:, 0::2], angles[:, 1::2] = angles[:, 0::2].sin(), angles[:, 1::2].cos()
    return angles


def positions_as_slices(length, width):
    table = torch.zeros(length, width)
    t = torch.arange(length).float()[:, None]
    rate = torch.exp(-math.log(10000) * torch.arange(0, width, 2) / width)
    table[:, 0::2], table[:, 1::2] = torch.sin(t * rate), torch.cos(t * rate)
    return table


def positions_by_numpy(length, width):
    column = np.arange(width)
    angles = np.arange(length)[:, None] / 1e4 ** ((column - column % 2) / width)
    return torch.tensor(np.where(column % 2, np.cos(angles), np.sin(angles)),
                        dtype=torch.float32)


positional = positions()


def layer(a, m, x, add=(1, 1)):
    x = add[0] * x + a(x, x, x)[0]
    return add[1] * x + m(x)


def encoder(layers=lambda pairs, x, p: [x := layer(*pair, x) for pair in pairs][-1],
            start=lambda e, p: e + p, places=lambda s, B, S, H: s.positions(S, H),
            end=lambda x: x):
    """Return a class like TransformerEncoder with one thing changed."""
    class TransformerEncoder(nn.Module):
        def __init__(self, vocab_size, hidden_size, num_layers,
                     positions=positional):
            super().__init__()
            self.hidden_size = hidden_size
            self.positions = positions
            self.embedding = nn.Embedding(vocab_size, hidden_size)
            self.attention = nn.ModuleList(
                Dot(hidden_size) for _ in range(num_layers))
            self.mlp = nn.ModuleList(
                nn.Sequential(nn.Linear(hidden_size, hidden_size), nn.ReLU())
                for _ in range(num_layers))

        def forward(self, tokens):
            table = places(self, *tokens.shape, self.hidden_size)
            x = start(self.embedding(tokens), table)
            return end(layers(list(zip(self.attention, self.mlp, strict=True)), x,
                              table))

    return TransformerEncoder


def bare(attention, mlp):
    def layers(pairs, x, table):
        for pair in pairs:
            x = layer(*pair, x, (attention, mlp))
        return x

    return layers


def positions_each_time(pairs, x, table):
    for n, pair in enumerate(pairs):
        x = layer(*pair, x + table if n else x)
    return x


def mlp_first(pairs, x, table):
    for attention, mlp in pairs:
        x = x + mlp(x)
        x = x + attention(x, x, x)[0]
    return x


def parallel(pairs, x, table):
    for attention, mlp in pairs:
        x = x + attention(x, x, x)[0] + mlp(x)
    return x


def from_embeddings(pairs, x, table):
    first = x
    for attention, mlp in pairs:
        x = x + attention(x, first, first)[0]
        x = x + mlp(x)
    return x


def without_index(pairs, x, table):
    for attention, _ in pairs:
        x = x + attention(x, x, x)
    return x


class EncoderByIndex(encoder()):
    def forward(self, tokens):
        x = self.embedding.weight[tokens]
        x = x + self.positions(tokens.size(1), x.size(-1))[None]
        for i in range(len(self.mlp)):
            x = self.attention[i].forward(x, x, x)[0].add(x)
            x = x + self.mlp[i](x)
        return x


class EncoderOfTwo(encoder()):
    def forward(self, tokens):
        x = self.embedding(tokens) + self.positions(tokens.shape[1], 4)
        for i in range(2):
            x = layer(self.attention[i], self.mlp[i], x)
        return x


class EncoderWithOwnTable(encoder()):
    def forward(self, tokens):
        table = positional(tokens.shape[1], self.hidden_size)
        return super_forward(self, self.embedding(tokens) + table)


def super_forward(self, x):
    for pair in zip(self.attention, self.mlp, strict=True):
        x = layer(*pair, x)
    return x


def decoder(order="scm", bare="", end=lambda t, w: (t, w), scale=1.0, table=1.0,
            own="self_attention", annotations=lambda x, a: (x, a, a),
            picked=lambda layers: layers, each=False, out=True, keep="c",
            cut=lambda a: a):
    """Return a class like TransformerDecoder with one thing changed."""
    class TransformerDecoder(nn.Module):
        def __init__(self, vocab_size, hidden_size, num_layers,
                     positions=positional):
            super().__init__()
            self.hidden_size = hidden_size
            self.positions = positions
            self.embedding = nn.Embedding(vocab_size, hidden_size)
            self.self_attention = nn.ModuleList(
                Causal(hidden_size) for _ in range(num_layers))
            self.attention = nn.ModuleList(
                Dot(hidden_size) for _ in range(num_layers))
            self.mlp = nn.ModuleList(
                nn.Sequential(nn.Linear(hidden_size, hidden_size), nn.ReLU())
                for _ in range(num_layers))
            self.out = nn.Linear(hidden_size, vocab_size)

        def forward(self, tokens, annotations_):
            places = self.positions(tokens.shape[1], self.hidden_size)
            x = scale * self.embedding(tokens) + table * places
            notes, weights = cut(annotations_), []
            for n, i in enumerate(picked(list(range(len(self.mlp))))):
                x = x + places if each and n else x
                for step in order:
                    if step == "m":
                        context = self.mlp[i](x)
                    elif step == "s":
                        context, w = getattr(self, own)[i](x, x, x)
                    else:
                        context, w = self.attention[i](*annotations(x, notes))
                    if step in keep and step != "m":
                        weights.append(w)
                    x = context if step in bare else x + context
            return end(self.out(x) if out else x, weights)

    return TransformerDecoder


class OpenDecoder(decoder()):
    """Self-attention by its own layers, but without their mask."""

    def __init__(self, *sizes, **named):
        super().__init__(*sizes, **named)
        self.self_attention = nn.ModuleList(
            Dot(self.hidden_size) for _ in self.self_attention)


class DecoderWithoutTaking(decoder()):
    def forward(self, tokens, annotations):
        x = self.embedding(tokens)
        return self.out(x + self.self_attention[0](x, x, x)), []


class DecoderByIndex(decoder()):
    def forward(self, tokens, annotations):
        x = self.embedding(tokens)
        x = x + self.positions(*x.shape[1:])
        found = []
        for own, other, mlp in zip(self.self_attention, self.attention, self.mlp,
                                   strict=True):
            x = x + own(x, x, x)[0]
            context, weights = other(queries=x, keys=annotations,
                                     values=annotations)
            found += [weights]
            x = x + context
            x = x + mlp(x)
        return self.out(x), tuple(found)


class DecoderWithOwnTable(decoder()):
    def forward(self, tokens, annotations):
        own, self.positions = self.positions, positional
        try:
            return super().forward(tokens, annotations)
        finally:
            self.positions = own


class DecoderOfTwo(decoder(picked=lambda layers: [0, 1])):
    pass


def greedy(start=SOS, pick=lambda logits: logits.argmax(-1), carry=True, feed=True,
           fill=EOS, stop=lambda ended: ended.all(), first=False, late=False,
           early=False, stack=lambda g: torch.stack(g, 1), length=lambda n: n):
    """Return a function like greedy_decode with one thing changed."""
    def greedy_decode(step, state, batch_size, max_length):
        tokens = torch.full((batch_size,), start)
        begin, given = tokens, [tokens] if first else []
        ended = torch.zeros(batch_size, dtype=torch.bool)
        for _ in range(length(max_length)):
            if late and stop(ended):
                break
            logits, new = step(tokens if feed else begin, state)
            state = new if carry else state
            tokens = pick(logits)
            if fill is not None:
                tokens = torch.where(ended, fill, tokens)
            ended = ended | (tokens == EOS)
            if early and stop(ended):
                break
            given.append(tokens)
            if not late and stop(ended):
                break
        return stack(given)

    return greedy_decode


def greedy_one_too_many(step, state, batch_size, max_length):
    tokens, given = torch.full((batch_size,), SOS), []
    for _ in range(max_length):
        ended = (tokens == EOS).all()
        logits, state = step(tokens, state)
        tokens = torch.where(tokens == EOS, EOS, logits.argmax(-1))
        given.append(tokens)
        if ended:
            break
    return torch.stack(given, 1)


def greedy_cut_afterwards(step, state, batch_size, max_length):
    """Call step for the full length, and cut what is too much."""
    given = greedy(stop=lambda ended: False)(step, state, batch_size, max_length)
    longest = int((given != EOS).sum(1).max()) + 1
    return given[:, :longest]


def greedy_in_lists(step, state, batch_size, max_length):
    return greedy()(step, state, batch_size, max_length).tolist()


def greedy_forced(step, state, batch_size, max_length):
    given = greedy()(step, state, batch_size, max_length)
    given[:, -1] = EOS
    return given


def greedy_for_ever(step, state, batch_size, max_length):
    tokens, given = torch.full((batch_size,), SOS), []
    while not given or not (tokens == EOS).all():
        logits, state = step(tokens, state)
        tokens = torch.where(tokens == EOS, EOS, logits.argmax(-1))
        given.append(tokens)
    return torch.stack(given, 1)


def greedy_afterwards(step, state, batch_size, max_length):
    """Let ended rows go on, and write EOS over them in the end."""
    given = torch.empty(batch_size, 0, dtype=torch.long)
    tokens = torch.tensor([SOS] * batch_size)
    while given.shape[1] < max_length and not (given == EOS).any(1).all():
        logits, state = step(tokens, state)
        tokens = logits.softmax(-1).max(-1).indices
        given = torch.cat([given, tokens[:, None]], 1)
    after = (given == EOS).cumsum(1) > 0
    given[after] = EOS
    return given


def greedy_by_rows(step, state, batch_size, max_length):
    table = torch.full((batch_size, max_length), EOS)
    done, last = [False] * batch_size, [SOS] * batch_size
    for t in range(max_length):
        logits, state = step(torch.tensor(last), state)
        for row in range(batch_size):
            best = logits[row].topk(1).indices.item()
            last[row] = EOS if done[row] else best
            table[row, t] = last[row]
            done[row] = done[row] or best == EOS
        if all(done):
            return table[:, :t + 1]
    return table


def counted(pairs=3, of=lambda d, h: d * h + h * h):
    return lambda d, h: pairs * of(d, h)


def parameters(gates, other):
    """Return the wrong counts of a cell with so many pairs of matrices."""
    return {
        "another cell's": (counted(other), f"these are {['three', 'four'][other-3]}"),
        "biases": (counted(gates, lambda d, h: d * h + h * h + h),
                   "the biases are counted"),
        "two biases": (counted(gates, lambda d, h: h * (d + h + 2)),
                       "two biases are counted"),
        "one pair": (counted(1), "one pair of matrices: "),
        "x only": (counted(gates, lambda d, h: d * h), "those for h are missing"),
        "h only": (counted(gates, lambda d, h: h * h), "those for x are missing"),
        "d, not d · h": (counted(gates, lambda d, h: d + h * h), "not d"),
        "d + h": (counted(gates, lambda d, h: d + h), "not by d + h"),
        "swapped": (counted(gates, lambda d, h: d * h + d * d), "changed places"),
        "x once": (lambda d, h: d * h + gates * h * h, "for x are counted once"),
        "h once": (lambda d, h: gates * d * h + h * h, "for h are counted once"),
        "a float": (lambda d, h: gates * (d * h + h ** 2.0), "a whole number"),
        "one argument": (lambda d: gates * d * d, "two numbers go in"),
    }


WRONG = {
    "pig_latin": {
        "no ay": (latin_without_end, "ay at the end is missing"),
        "way for consonants": (latin(ay="way"), "here it is ay"),
        "nothing moved": (latin(most=0), "nothing has moved"),
        "rules swapped": (latin(vowels="bcdfghjklmnpqrstvwxz"), "the two rules"),
        "one letter": (latin(most=1), "only one letter"),
        "reversed": (latin(moved=lambda m: m[::-1]), "keep their order"),
        "ay for vowels": (latin(way="ay"), "gets way, not ay"),
        "yay": (latin(way="yay"), "not yay"),
        "q without its u": (latin(pair="no"), "q goes without its u"),
        "qu at the start only": (latin(first=lambda cut: cut == 0),
                                 "not at the start alone"),
        "every q": (latin_two_with_every_q, "only a u goes with it"),
        "u never stops": (latin(stops="aeioy"), "a u is a vowel"),
        "y never stops": (latin(stops="aeiou"), "as a vowel does"),
        "y gets way": (latin(vowels="aeiouy"), "calls for ay"),
        "y in first place moves": (
            lambda word: "-".join(
                p[1:] + "yay" if p[0] == "y" and p[1] in "aeiou" else latin()(p)
                for p in word.split("-")), "even in first place"),
        "no vowel, rotation": (latin_by_rotation, "never ends"),
        "no vowel, index": (latin_by_index, "beyond the end"),
        "no vowel, find": (latin_by_find, "cuts off the last letter"),
        "hyphen a letter": (latin(split=lambda word: [word]), "taken for a letter"),
        "hyphen lost": (latin(join="".join), "the hyphen is lost"),
        "joined with a space": (latin(join=" ".join), "with a space"),
        "a list": (latin(join=list), "not a list of parts"),
        "two parts": (latin_with_partition, "the first hyphen alone"),
        "two parts unpacked": (lambda word: "-".join(
            [*map(latin(), [*(lambda a, b: (a, b))(*word.split("-", 1))])]),
            "a text goes in"),
        "q at the end": (latin_of_q_at_the_end, "behind its q"),
        "nothing returned": (lambda word: None, "returns nothing"),
    },
    "gru_parameters": parameters(3, 4),
    "lstm_parameters": parameters(4, 3),
    "GRUCell": {
        "torch's cell": (gru(
            lambda s, x, h, r: torch.tanh(s.Wih(x) + r * s.Whh(h)),
            lambda h, z, g: z * h + (1 - z) * g), "this is torch's cell"),
        "r outside": (gru(lambda s, x, h, r: torch.tanh(s.Wih(x) + r * s.Whh(h))),
                      "r stands outside"),
        "z turned": (gru(mix=lambda h, z, g: z * h + (1 - z) * g),
                     "z and 1 − z have changed"),
        "no r": (gru(lambda s, x, h, r: torch.tanh(s.Wih(x) + s.Whh(h))),
                 "r is forgotten"),
        "r on both": (gru(
            lambda s, x, h, r: torch.tanh(r * (s.Wih(x) + s.Whh(h)))),
            "r multiplies Wih x"),
        "h overwritten": (OverwritingGRU, "h is overwritten"),
        "z and r": (gru(exchanged=True), "z and r have changed"),
        "no sigmoids": (gru(z_gate=lambda t: t, r_gate=lambda t: t),
                        "the gates lack"),
        "z without sigmoid": (gru(z_gate=lambda t: t), "z lacks"),
        "r without sigmoid": (gru(r_gate=lambda t: t), "r lacks"),
        "gates with tanh": (gru(z_gate=torch.tanh, r_gate=torch.tanh),
                            "gates have a tanh"),
        "sigmoid for g": (gru(
            lambda s, x, h, r: torch.sigmoid(s.Wih(x) + s.Whh(r * h))),
            "candidate has a sigmoid"),
        "linear g": (gru(lambda s, x, h, r: s.Wih(x) + s.Whh(r * h)),
                     "candidate lacks its tanh"),
        "g alone": (gru(mix=lambda h, z, g: g), "candidate alone"),
        "z g alone": (gru(mix=lambda h, z, g: z * g), "the old state is missing"),
        "h + z g": (gru(mix=lambda h, z, g: h + z * g), "lacks its share"),
        "no biases": (BareGRU, "the biases are missing"),
        "x and h crossed": (CrossedGRU, "the shapes do not fit"),
        "other names": (MisspeltGRU, "there is no such layer"),
        "g undefined": (ForgetfulGRU, "misspelled"),
        "NaN": (gru(after=lambda h: h / 0 * 0), "holds NaN"),
        "squeezed": (gru(after=torch.squeeze), "batch of one"),
        "h detached": (gru(seen=torch.detach), "state that came in is cut off"),
        "all detached": (gru(after=torch.detach), "no gradient gets through"),
        "r detached": (gru(gate=torch.detach), "reset gate is cut off"),
    },
    "AdditiveAttention": {
        "softmax over the last": (additive(lambda s: s.softmax(-1)),
                                  "all weights are 1"),
        "softmax over the batch": (additive(lambda s: s.softmax(0)),
                                   "over the batch"),
        "no softmax": (additive(lambda s: s), "these are scores"),
        "sigmoid": (additive(torch.sigmoid), "no softmax"),
        "key first": (additive(pair=lambda q, k, v: (k, q)), "the key stands before"),
        "values scored": (additive(pair=lambda q, k, v: (q, v)), "values are scored"),
        "scaled": (additive(lambda s: (s / 2).softmax(1)), "nothing scales them"),
        "keys for values": (additive(give=lambda w, k, v: (w.mT @ k, w)),
                            "made of keys"),
        "plain mean": (additive(give=lambda w, k, v: (v.mean(1, keepdim=True), w)),
                       "averaged without"),
        "plain sum": (additive(give=lambda w, k, v: (v.sum(1, keepdim=True), w)),
                      "added without"),
        "best alone": (additive(give=hard), "the best key"),
        "no middle dimension": (additive(give=lambda w, k, v: ((w * v).sum(1), w)),
                                "its middle dimension"),
        "not summed": (additive(give=lambda w, k, v: (w * v, w)), "not summed"),
        "weights flat": (additive(give=lambda w, k, v: (w.mT @ v, w[..., 0])),
                         "their last dimension"),
        "order": (additive(give=lambda w, k, v: (w, w.mT @ v)), "the order is"),
        "context only": (additive(give=lambda w, k, v: w.mT @ v), "two values"),
        "nothing": (additive(give=lambda w, k, v: None), "nothing is returned"),
        "not repeated": (additive(spread=lambda q, k: q), "no dimension S yet"),
        "rows mixed": (additive(
            spread=lambda q, k: q.repeat(k.shape[1], 1).reshape(k.shape)),
            "mixed up"),
        "exp": (additive(by_exp), "an exp() has overflowed"),
        "detached": (additive(lambda s: s.softmax(1).detach()),
                     "the weights are cut off"),
    },
    "ScaledDotAttention": {
        "no scale": (dot(lambda s, H: s), "not divided by √H"),
        "1/H": (dot(lambda s, H: s / H), "divided by H"),
        "times √H": (dot(lambda s, H: s * math.sqrt(H)), "multiplied by √H"),
        "√S": (dot(lambda s, H: s / math.sqrt(s.shape[1])), "divided by √S"),
        "softmax over queries": (dot(softmax=lambda s: s.softmax(-1)),
                                 "over the queries"),
        "softmax over the batch": (dot(softmax=lambda s: s.softmax(0)),
                                   "over the batch"),
        "no softmax": (dot(softmax=lambda s: s), "these are scores"),
        "scaled too late": (dot(lambda s, H: s, after=lambda w, H: w / math.sqrt(H)),
                            "before the softmax"),
        "Q and K": (dot(names="KQV"), "Q and K have changed"),
        "Q alone": (dot(names="QQV"), "both projected by Q"),
        "keys bare": (dot(names="Q-V"), "the keys are not projected"),
        "queries bare": (dot(names="-KV"), "the queries are not projected"),
        "both bare": (dot(names="--V"), "neither queries nor keys"),
        "values bare": (dot(names="QK-"), "the values are not projected"),
        "values by K": (dot(names="QKK"), "projected by K"),
        "keys for values": (FromKeys, "V is applied to the values"),
        "queries and keys": (Exchanged, "queries and keys have changed places"),
        "turned over": (dot(give=lambda w, v: (w.mT @ v, w.mT)), "turned over"),
        "weights @ values": (dot(give=lambda w, v: (w @ v, w)),
                             "the shapes do not fit"),
        "order": (dot(give=lambda w, v: (w, w.mT @ v)), "the order is"),
        "context only": (dot(give=lambda w, v: w.mT @ v), "two values"),
        "lone queries": (dot(lone=lambda q: q), "all rows"),
        "lone queries squeezed": (dot(give=lambda w, v: (
            (w.mT @ v).squeeze(1), w)), "no squeeze"),
        "exp": (dot(softmax=by_exp), "an exp() has overflowed"),
        "detached": (dot(after=lambda w, H: w.detach()), "the weights are cut off"),
    },
    "CausalScaledDotAttention": {
        "no mask": (dot(), "nothing is masked"),
        "wrong triangle": (causal(lambda s: hide(s, where=lambda o: o.triu(1))),
                           "the past is masked"),
        "wrong triangle, diagonal": (
            causal(lambda s: hide(s, where=lambda o: o.triu())),
            "wrong triangle, and the diagonal is masked"),
        "diagonal": (causal(lambda s: hide(s, where=lambda o: o.tril())),
                     "the diagonal is masked, too"),
        "diagonal, −inf": (
            causal(lambda s: hide(s, -math.inf, lambda o: o.tril())),
            "first query has no key left"),
        "wrong triangle, −inf": (
            causal(lambda s: hide(s, -math.inf, lambda o: o.triu())),
            "last query has no key left"),
        "0 · inf": (causal(multiplied), "0 · inf"),
        "after the softmax": (dot(masked=with_tril), "hide scores, not weights"),
        "score 0": (causal(lambda s: hide(s, 0)), "a score of 0"),
        "−1e7 in the weights": (dot(masked=hide), "after the softmax: scores"),
        "+1e7": (causal(lambda s: hide(s, 1e7)), "sign of the mask"),
        "times −1e7": (causal(lambda s: torch.where(
            hide(torch.zeros_like(s)) < 0, -1e7 * s, s)), "turns their sign"),
        "−10": (causal(lambda s: hide(s, -10)), "keeps a part"),
        "−16": (causal(lambda s: hide(s, -16)), "keeps a small part"),
        "no scale": (causal(scale=lambda s, H: s), "not divided by √H"),
        "softmax over queries": (causal(softmax=lambda s: s.softmax(-1)),
                                 "over the queries"),
        "values bare": (causal(names="QK-"), "the values are not projected"),
        "weights @ values": (causal(give=lambda w, v: (w @ v, w)),
                             "weightsᵀ V"),
        "no softmax": (causal(softmax=lambda s: s), "masked scores"),
        "fixed length": (OfFour, "a single word must do"),
        "detached": (causal(after=lambda w, H: w.detach()),
                     "the weights are cut off"),
    },
    "positional_encoding": {
        "halves": (positions(put=lambda a: torch.cat([a.sin(), a.cos()], -1)),
                   "take turns"),
        "cosine first": (positions(
            put=lambda a: torch.stack([a.cos(), a.sin()], -1).flatten(1)),
            "sine and cosine have changed"),
        "i / width": (positions(lambda i, width: i / width), "exponent is i / width"),
        "column by column": (positions_column_by_column, "share one angle"),
        "4i / width": (positions(lambda i, width: 4 * i / width), "twice too large"),
        "twice the column": (positions_twice_the_column, "twice the number"),
        "not divided": (positions(lambda i, width: 2.0 * i), "not divided by width"),
        "1000": (positions(base=1000.0), "the base is 1000:"),
        "from 1": (positions(first=1), "positions begin at 1"),
        "multiplied": (positions(lambda i, width: -2 * i / width),
                       "t is multiplied"),
        "degrees": (positions(unit=math.pi / 180), "taken for degrees"),
        "sines alone": (positions(
            put=lambda a: a.sin().repeat_interleave(2, 1)), "sines alone"),
        "odd columns empty": (positions(put=lambda a: torch.stack(
            [a.sin(), 0 * a], -1).flatten(1)), "still empty"),
        "angles": (positions(put=lambda a: a.repeat_interleave(2, 1)),
                   "these are the angles"),
        "turned over": (lambda length, width: positions()(length, width).T,
                        "one row for each position"),
        "double": (positions(put=lambda a: torch.stack(
            [a.sin(), a.cos()], -1).flatten(1).double()), "not double"),
        "array": (lambda length, width: positions()(length, width).numpy(),
                  "not an array"),
        "squeezed": (lambda length, width: positions()(length, width).squeeze(),
                     "squeeze() removes"),
        "length fixed": (lambda length, width: positions()(20, 8)[
            :length, torch.tensor(range(width))] if width > 6 and length < 21
            else positions()(length, width) if width < 7 else 1 / 0,
            "is fixed"),
    },
    "TransformerEncoder": {
        "attention alone": (encoder(bare(0, 1)), "nothing is added around att"),
        "mlp alone": (encoder(bare(1, 0)), "nothing is added around the mlp"),
        "no residuals": (encoder(bare(0, 0)), "nothing is added at all"),
        "no positions": (encoder(start=lambda e, p: e), "positions are missing"),
        "positions each time": (encoder(positions_each_time), "in every layer: once"),
        "positions of rows": (encoder(
            places=lambda s, B, S, H: s.positions(B, H)[:, None]),
            "rows of the batch"),
        "positions (B, H)": (encoder(places=lambda s, B, S, H: s.positions(B, H)),
                             "the shapes do not fit"),
        "positions from 1": (encoder(
            places=lambda s, B, S, H: s.positions(S + 1, H)[1:]), "begin at 1"),
        "times √H": (encoder(start=lambda e, p: 2 * e + p), "as it is"),
        "first layer": (encoder(lambda pairs, x, p: layer(*pairs[0], x)),
                        "only the first layer"),
        "last layer": (encoder(lambda pairs, x, p: [
            layer(*pair, x) for pair in pairs][-1]), "the last alone"),
        "first layer twice": (encoder(lambda pairs, x, p: bare(1, 1)(
            [pairs[0]] * len(pairs), x, p)), "used twice"),
        "reverse": (encoder(lambda pairs, x, p: bare(1, 1)(pairs[::-1], x, p)),
                    "in reverse"),
        "mlp first": (encoder(mlp_first), "before attention: attention is first"),
        "parallel": (encoder(parallel), "as it was before attention"),
        "embeddings as keys": (encoder(from_embeddings), "keys and values are"),
        "no [0]": (encoder(without_index), "take [0]"),
        "two values": (encoder(end=lambda x: (x, torch.zeros(2, 5, 5))),
                       "only the annotations"),
        "own table": (EncoderWithOwnTable, "not asked of self.positions"),
        "two layers": (EncoderOfTwo, "number of layers is fixed"),
        "squeezed": (encoder(end=torch.squeeze), "squeeze() removes"),
        "embedding detached": (encoder(start=lambda e, p: e.detach() + p),
                               "the embedding is cut off"),
        "detached": (encoder(end=torch.detach), "no gradient gets through"),
    },
    "TransformerDecoder": {
        "annotations ask": (decoder(annotations=lambda x, a: (a, x, x)),
                            "the queries are x"),
        "over x itself": (decoder(annotations=lambda x, a: (x, x, x)),
                          "weights are over the tokens"),
        "order of the attentions": (decoder("csm"), "have changed order"),
        "mlp between": (decoder("smc"), "stands between"),
        "mlp first": (decoder("msc"), "it is first"),
        "not causal, no mask": (OpenDecoder, "it sees later tokens"),
        "not causal, one attention": (decoder(own="attention"),
                                      "is by self.attention"),
        "self-attention alone": (decoder(bare="s"), "around self-attention"),
        "attention alone": (decoder(bare="c"), "attention to the annotations: x"),
        "mlp alone": (decoder(bare="m"), "around the mlp"),
        "no residuals": (decoder(bare="scm"), "nothing is added at all"),
        "no positions": (decoder(table=0.0), "positions are missing"),
        "positions each time": (decoder(each=True), "in every layer: once"),
        "times √H": (decoder(scale=2.0), "as it is"),
        "no self-attention": (decoder("cm"), "self-attention is missing"),
        "no mlp": (decoder("sc"), "mlps are missing"),
        "annotations ignored": (decoder("sm", end=lambda t, w: (
            t, [torch.zeros(2, 3, 5)] * 2)), "annotations are not used"),
        "probabilities": (decoder(end=lambda t, w: (t.softmax(-1), w)),
                          "these are probabilities"),
        "log probabilities": (decoder(end=lambda t, w: (t.log_softmax(-1), w)),
                              "these are log prob"),
        "no out": (decoder(out=False), "self.out is not applied"),
        "last token alone": (decoder(end=lambda t, w: (t[:, -1], w)),
                             "last token alone"),
        "last weights": (decoder(end=lambda t, w: (t, w[-1])), "is one tensor"),
        "last weights in a list": (decoder(end=lambda t, w: (t, w[-1:])),
                                   "only one layer's weights"),
        "both attentions' weights": (decoder(keep="sc"), "of both attentions"),
        "weights turned over": (decoder(end=lambda t, w: (t, [a.mT for a in w])),
                                "turned over"),
        "weights in reverse": (decoder(end=lambda t, w: (t, w[::-1])),
                               "list is in reverse"),
        "logits only": (decoder(end=lambda t, w: t), "two values"),
        "first layer": (decoder(picked=lambda n: n[:1], end=lambda t, w: (t, 2 * w)),
                        "only the first layer is"),
        "first layer twice": (decoder(picked=lambda n: n[:1] * len(n)),
                              "used twice"),
        "no [0]": (DecoderWithoutTaking, "take them apart"),
        "own table": (DecoderWithOwnTable, "not asked of self.positions"),
        "two layers": (DecoderOfTwo, "number of layers is fixed"),
        "annotations detached": (decoder(cut=torch.detach),
                                 "the annotations are cut off"),
        "detached": (decoder(end=lambda t, w: (t.detach(), w)),
                     "no gradient gets through"),
    },
    "greedy_decode": {
        "EOS first": (greedy(EOS), "begins with EOS"),
        "0 first": (greedy(0), "begins with 0"),
        "sampled": (greedy(pick=lambda logits: torch.multinomial(
            logits.softmax(-1), 1)[:, 0]), "drawn at random"),
        "state not carried": (greedy(carry=False), "state is not carried on"),
        "SOS every time": (greedy(feed=False), "step gets SOS every time"),
        "neither": (greedy(feed=False, carry=False), "neither tokens nor state"),
        "EOS not kept": (greedy(fill=None), "from then on it gives EOS"),
        "EOS not kept, to the end": (greedy(fill=None, stop=lambda e: False),
                                     "rows that have ended go on"),
        "never stops": (greedy(stop=lambda ended: False), "goes on to max_length"),
        "stops at the first": (greedy(stop=lambda ended: ended.any()),
                               "when the first row ends"),
        "SOS inside": (greedy(first=True), "SOS is in the result"),
        "last EOS missing": (greedy(early=True), "the last EOS is missing"),
        "one EOS too many": (greedy_one_too_many, "one EOS too many"),
        "filled with 0": (greedy(fill=0), "filled with 0"),
        "turned over": (greedy(stack=torch.stack), "turned over"),
        "lists": (greedy_in_lists, "a tensor is wanted"),
        "argmax over the batch": (greedy(pick=lambda logits: logits.argmax(0)),
                                  "over the last dimension"),
        "cut afterwards": (greedy_cut_afterwards, "step is called max_length"),
        "floats": (greedy(pick=lambda logits: logits.argmax(-1).float()),
                   "tokens are whole numbers"),
        "one short": (greedy(length=lambda n: n - 1), "one is missing"),
        "one long": (greedy(length=lambda n: n + 1), "one token more"),
        "for ever": (greedy_for_ever, "max_length is ignored"),
        "EOS forced": (greedy_forced, "in place of the last"),
        "squeezed": (greedy(stack=lambda g: torch.stack(g, 1).squeeze()),
                     "batch of one"),
        "nothing returned": (greedy(stack=lambda g: None), "nothing is returned"),
    },
}

RIGHT = {
    "pig_latin": {
        "a pattern": latin_by_pattern,
        "letter by letter": latin_by_letters,
    },
    "gru_parameters": {
        "three times h (d + h)": lambda d, h: 3 * h * (d + h),
        "a sum": lambda d, h: sum(h * n for n in (d, h) for _ in range(3)),
    },
    "lstm_parameters": {
        "one matrix of 4h rows": lambda d, h: 4 * h * (d + h),
        "a sum": lambda d, h: sum(h * n for n in (d, h) for _ in range(4)),
    },
    "GRUCell": {
        "as written": gru(),
        "joined matrices and lerp": JoinedGRU,
        "h + z (g − h)": gru(mix=lambda h, z, g: h + z * (g - h)),
    },
    "AdditiveAttention": {
        "repeat": additive(spread=lambda q, k: q.unsqueeze(1).repeat(
            1, k.shape[1], 1)),
        "sums in place of cat": AdditiveBySums,
        "stack and bmm, a list": AdditiveByBmm,
    },
    "ScaledDotAttention": {
        "as written": Dot,
        "torch's own, and einsum": ByTorch,
        "scaled queries": dot(lambda s, H: s * H ** -0.5, give=lambda w, v: (
            torch.einsum("bsk,bsh->bkh", w, v), w)),
    },
    "CausalScaledDotAttention": {
        "a subclass with −1e7": Causal,
        "−inf": causal(lambda s: hide(s, -math.inf)),
        "−inf added": CausalByAdding,
        "masked after the softmax and divided": CausalByRenormalising,
    },
    "positional_encoding": {
        "slices and exp": positions_as_slices,
        "numpy": positions_by_numpy,
        "stack": positional,
    },
    "TransformerEncoder": {
        "as written": encoder(),
        "indices": EncoderByIndex,
    },
    "TransformerDecoder": {
        "as written": decoder(),
        "zip, a tuple": DecoderByIndex,
    },
    "greedy_decode": {
        "as written": greedy(),
        "EOS written over afterwards": greedy_afterwards,
        "row by row": greedy_by_rows,
        "checked before the step": greedy(late=True),
    },
}
