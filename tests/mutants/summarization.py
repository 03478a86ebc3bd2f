"""Wrong answers to the exercises, each with its diagnosis, and right ways."""

import math
from collections import Counter

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


def windows(tokens, n, fewer=0, every=1):
    return [tuple(tokens[i:i + n])
            for i in range(0, len(tokens) - n + 1 - fewer, every)]


def rouge(grams=windows, shared=lambda a, b: (Counter(a) & Counter(b)).total(),
          mean=lambda p, r: 2 * p * r / (p + r) if p + r else 0.0,
          share=lambda a, b: a / b if b else 0.0, give=lambda p, r, f: (p, r, f)):
    """Return a function like rouge_n with one thing changed."""
    def rouge_n(prediction_tokens, reference_tokens, n):
        a, b = grams(prediction_tokens, n), grams(reference_tokens, n)
        both = shared(a, b)
        p, r = share(both, len(a)), share(both, len(b))
        return give(p, r, mean(p, r))

    return rouge_n


def rouge_by_removing(prediction_tokens, reference_tokens, n):
    """Each gram of the prediction takes one of the reference's away."""
    ours = [" ".join(gram) for gram in windows(prediction_tokens, n)]
    left = [" ".join(gram) for gram in windows(reference_tokens, n)]
    size, shared = len(left), 0
    for gram in ours:
        if gram in left:
            left.remove(gram)
            shared += 1
    if shared == 0:
        return 0.0, 0.0, 0.0
    p, r = shared / len(ours), shared / size
    return [p, r, 2 / (1 / p + 1 / r)]


def in_numpy(a, b):
    with np.errstate(all="ignore"):
        return np.float64(a) / b


def triangle(T, S, first=1):
    return torch.ones(T, S, dtype=torch.bool).triu(first + S - T)


def attention(scale=lambda D: D**-0.5, over=-1, future=triangle, fill=-math.inf,
              padding=lambda m: m[:, None, None], wide=torch.float32, back=True,
              hide=lambda s, hidden, fill: s.masked_fill(hidden, fill),
              after=lambda w, hidden: w.masked_fill(hidden, 0), late=None,
              values=lambda k, v: v, mix=torch.matmul):
    """Return a function like scaled_dot_product_attention, one thing changed."""
    def scaled_dot_product_attention(q, k, v, key_padding_mask=None, causal=False):
        T, S = q.shape[-2], k.shape[-2]
        kind = torch.promote_types(q.dtype, wide) if wide else q.dtype
        scores = (q @ k.mT).to(kind) * scale(q.shape[-1])
        hidden = torch.zeros(T, S, dtype=torch.bool)
        if causal:
            hidden = hidden | future(T, S)
        if key_padding_mask is not None:
            hidden = hidden | padding(key_padding_mask)
        weights = after(hide(scores, hidden, fill).softmax(over), hidden)
        v = values(k, v)
        if late:
            weights, v = weights.to(late), v.to(late)
        mixed = mix(weights, v.to(weights.dtype))
        return mixed.to(q.dtype) if back else mixed

    return scaled_dot_product_attention


def added(scores, hidden, fill):
    return scores + torch.zeros(hidden.shape).masked_fill(hidden, fill)


def attention_halves_meet(q, k, v, key_padding_mask=None, causal=False):
    if q.dtype == torch.half:
        return (q @ k.mT).float().softmax(-1) @ v
    return right_attention(q, k, v, key_padding_mask, causal)


def attention_in_single(q, k, v, key_padding_mask=None, causal=False):
    given = (x.float() for x in (q, k, v))
    return right_attention(*given, key_padding_mask, causal).to(q.dtype)


def attention_by_torch(q, k, v, key_padding_mask=None, causal=False):
    """Torch's own, with an explicit mask of what is seen."""
    kind = q.dtype if q.dtype == torch.double else torch.float
    seen = torch.ones(len(q), 1, q.shape[2], k.shape[2], dtype=torch.bool)
    if causal:
        seen = seen.tril(k.shape[2] - q.shape[2])
    if key_padding_mask is not None:
        seen = seen & ~key_padding_mask[:, None, None, :]
    any_seen = seen.any(-1, keepdim=True)
    mixed = F.scaled_dot_product_attention(
        *(x.to(kind) for x in (q, k, v)), seen | ~any_seen)
    return (mixed * any_seen).to(q.dtype)


def attention_by_exp(q, k, v, key_padding_mask=None, causal=False):
    """A softmax by hand, and einsum."""
    kind = torch.promote_types(torch.float32, q.dtype)
    q_, k_, v_ = q.to(kind), k.to(kind), v.to(kind)
    scores = torch.einsum("bhtd,bhsd->bhts", q_, k_) / math.sqrt(q.size(3))
    seen = torch.ones_like(scores)
    if causal:
        t = torch.arange(q.size(2)).view(-1, 1) + k.size(2) - q.size(2)
        seen = seen * (torch.arange(k.size(2)) <= t)
    if key_padding_mask is not None:
        seen = seen * key_padding_mask.logical_not().unsqueeze(1).unsqueeze(1)
    weights = (scores - scores.amax(-1, keepdim=True)).exp() * seen
    total = weights.sum(-1, keepdim=True).clamp(min=1e-30)
    return torch.einsum("bhts,bhsd->bhtd", weights / total, v_).type_as(q)


right_attention = attention()


def heads(asks="qkv", of=lambda x, m: (x, m, m), split=lambda self, t: self.split(t),
          join=lambda m: m.transpose(1, 2).flatten(2), out=True, mask=True,
          order=True):
    """Return a class like MultiheadAttention with one thing changed."""
    class MultiheadAttention(nn.Module):
        def __init__(self, d_model, n_heads):
            super().__init__()
            self.n_heads = n_heads
            self.q, self.k, self.v, self.out = (
                nn.Linear(d_model, d_model) for _ in range(4))

        def split(self, x):
            return x.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)

        def forward(self, x, memory, padding_mask=None, causal=False):
            q, k, v = (split(self, getattr(self, name)(t))
                       for name, t in zip(asks, of(x, memory), strict=True))
            mixed = join(right_attention(q, k, v, padding_mask if mask else None,
                                         causal and order))
            return self.out(mixed) if out else mixed

    return MultiheadAttention


class HeadByHead(heads()):
    """One head after another, each with its rows of the matrices."""

    def forward(self, x, memory, padding_mask=None, causal=False):
        found = []
        for one in zip(*(t.chunk(self.n_heads, -1) for t in (
                self.q(x), self.k(memory), self.v(memory))), strict=True):
            q, k, v = (t.unsqueeze(1) for t in one)
            found.append(attention_by_exp(q, k, v, padding_mask, causal)[:, 0])
        return self.out(torch.cat(found, -1))


Heads = heads()


def layer(memory=lambda x, past: x if past is None else torch.cat([past, x], 1),
          causal=lambda self, past: self.is_decoder, query=lambda x, m: x, mask=True,
          encoder_mask=True, order=(0, 1, -1), cross=True, residual=(1, 1, 1),
          pre=False, drop=lambda self, x, part: x + self.dropout(part),
          cache=lambda m, x, new: m, use=lambda use: use,
          give=lambda x, cache: (x, cache)):
    """Return a class like TransformerLayer with one thing changed."""
    class TransformerLayer(nn.Module):
        def __init__(self, is_decoder, d_model, n_heads, d_ffn, p_drop):
            super().__init__()
            self.is_decoder, self.dropout = is_decoder, nn.Dropout(p_drop)
            self.self_attn, self.cross_attn = (Heads(
                d_model, n_heads) if used else None for used in (1, is_decoder))
            self.ffn = nn.Sequential(nn.Linear(d_model, d_ffn), nn.ReLU(),
                                     nn.Linear(d_ffn, d_model))
            self.norms = nn.ModuleList(
                nn.LayerNorm(d_model) for _ in range(2 + is_decoder))

        def add(self, i, x, part):
            norm = self.norms[order[i]]
            if pre:
                return x + self.dropout(part(norm(x)))
            return norm(drop(self, residual[i] * x, part(x)))

        def forward(self, x, padding_mask=None, encoder_out=None,
                    encoder_padding_mask=None, use_cache=False, past_kv=None):
            m, given = memory(x, past_kv), x
            hidden = encoder_padding_mask if encoder_mask else None
            asked = query(x, m)
            x = self.add(0, asked, lambda y: self.self_attn(
                y, memory(y, past_kv) if asked is given else y,
                padding_mask if mask else None, causal(self, past_kv)))
            if self.is_decoder and cross:
                x = self.add(1, x, lambda y: self.cross_attn(y, encoder_out, hidden))
            x = self.add(2, x, self.ffn)
            return give(x, cache(m, given, x) if use(use_cache) else None)

    return TransformerLayer


class LayerInPlace(layer()):
    """x += … writes into the cache, too."""

    def forward(self, x, padding_mask=None, encoder_out=None,
                encoder_padding_mask=None, use_cache=False, past_kv=None):
        m = x if past_kv is None else torch.cat([past_kv, x], 1)
        x += self.dropout(self.self_attn(x, m, padding_mask, self.is_decoder))
        x = self.norms[0](x)
        if self.is_decoder:
            x = self.norms[1](x + self.dropout(self.cross_attn(
                x, encoder_out, encoder_padding_mask)))
        x = self.norms[-1](x + self.dropout(self.ffn(x)))
        return x, m if use_cache else None


class LayerByLongMemory(layer()):
    """All positions ask, and the new ones are cut out; the cache is filled in."""

    def forward(self, x, padding_mask=None, encoder_out=None,
                encoder_padding_mask=None, use_cache=False, past_kv=None):
        B, T, D = x.shape
        before = 0 if past_kv is None else past_kv.size(1)
        m = x.new_zeros(B, before + T, D)
        m[:, before:] = x
        if before:
            m[:, :before] = past_kv
        norms = iter(self.norms)
        found = self.self_attn(m, m, padding_mask, causal=self.is_decoder)[:, before:]
        y = next(norms)(F.dropout(found, self.dropout.p, self.training) + x)
        if self.cross_attn is not None:
            found = self.cross_attn(y, encoder_out, padding_mask=encoder_padding_mask)
            y = next(norms)(y + self.dropout(found))
        y = next(norms)(self.dropout(self.ffn(y)) + y)
        return [y, m] if use_cache else [y, None]


Layer = layer()


def stack(past=lambda caches: caches[0].shape[1], place=True,
          start=lambda x, new: new, picked=lambda layers: layers,
          own=lambda caches, i: caches[i], hand=lambda *given: given,
          give=lambda x, caches, use: (x, caches if use else None)):
    """Return a class like TransformerStack with one thing changed."""
    class TransformerStack(nn.Module):
        def __init__(self, is_decoder, n_layers, d_model, n_heads, d_ffn, p_drop,
                     max_positions=512):
            super().__init__()
            self.positions = nn.Embedding(max_positions, d_model)
            self.norm, self.dropout = nn.LayerNorm(d_model), nn.Dropout(p_drop)
            self.layers = nn.ModuleList(Layer(
                is_decoder, d_model, n_heads, d_ffn, p_drop)
                for _ in range(n_layers))

        def place(self, x, past):
            t = torch.arange(past, past + x.shape[1], device=x.device)
            return self.dropout(self.norm(x + self.positions(t)))

        def forward(self, x, padding_mask=None, encoder_out=None,
                    encoder_padding_mask=None, use_cache=False, past_kvs=None):
            if place:
                x = self.place(x, past(past_kvs) if past_kvs else 0)
            first, caches = x, []
            for i, one in enumerate(picked(list(self.layers))):
                new, cache = one(start(first, x), *hand(
                    padding_mask, encoder_out, encoder_padding_mask, use_cache,
                    own(past_kvs, i) if past_kvs else None))
                x = new
                caches.append(cache)
            return give(x, caches, use_cache)

    return TransformerStack


class StackByRecursion(stack()):
    """Layers by recursion, and a tuple of caches."""

    def forward(self, x, padding_mask=None, encoder_out=None,
                encoder_padding_mask=None, use_cache=False, past_kvs=None):
        past_kvs = list(past_kvs or [])
        begin = past_kvs[-1].size(-2) if past_kvs else 0

        def through(i, x):
            if i == len(self.layers):
                return x, ()
            x, cache = self.layers[i](
                x=x, padding_mask=padding_mask, encoder_out=encoder_out,
                encoder_padding_mask=encoder_padding_mask, use_cache=use_cache,
                past_kv=past_kvs[i] if past_kvs else None)
            x, others = through(i + 1, x)
            return x, (cache, *others)

        x, caches = through(0, self.place(x, begin))
        return (x, list(caches)) if use_cache else (x, None)


Stack = stack()


def transformer(shift=lambda y, pad, eos: F.pad(y[:, :-1], (1, 0), value=eos),
                logits=lambda s, E: s @ E.T, fill=lambda self: self.pad,
                eos=lambda self: self.eos, masks=lambda m: (m, m),
                copy=torch.clone):
    """Return a class like Transformer with one thing changed."""
    class Transformer(nn.Module):
        def __init__(self, vocab_size, d_model, n_heads, d_ffn, n_layers, p_drop,
                     pad=0, eos=1):
            super().__init__()
            self.pad, self.eos = pad, eos
            self.embedding = nn.Embedding(vocab_size, d_model)
            self.encoder, self.decoder = (Stack(
                side, n_layers, d_model, n_heads, d_ffn, p_drop)
                for side in (False, True))

        def encode(self, input_ids, padding_mask):
            return self.encoder(self.embedding(input_ids), padding_mask)[0]

        def decode(self, tokens, encoder_out, encoder_padding_mask,
                   use_cache=False, past_kvs=None):
            return self.decoder(self.embedding(tokens), None, encoder_out,
                                encoder_padding_mask, use_cache, past_kvs)

        def logits(self, states):
            return logits(states, self.embedding.weight)

        def forward(self, input_ids, padding_mask, labels):
            y = copy(labels)
            if fill:
                y[y == -100] = fill(self)
            y = shift(y, self.pad, eos(self))
            one, two = masks(padding_mask)
            states, _ = self.decode(y, self.encode(input_ids, one), two)
            return self.logits(states)

    return Transformer


class TransformerShiftingInPlace(transformer()):
    def forward(self, input_ids, padding_mask, labels):
        labels[labels == -100] = self.pad
        labels[:, 1:] = labels[:, :-1].clone()
        labels[:, 0] = self.eos
        e = self.encode(input_ids, padding_mask)
        return self.logits(self.decode(labels, e, padding_mask)[0])


class TransformerByLinear(transformer()):
    """F.linear for the logits; the decoder's input by torch.where and cat."""

    def logits(self, states):
        return F.linear(states, self.embedding.weight)

    def forward(self, input_ids, padding_mask, labels):
        begin = labels.new_full((len(labels), 1), self.eos)
        read = torch.cat([begin, labels], -1)[:, :-1]
        read = torch.where(read.eq(-100), self.pad, read)
        e = self.encode(input_ids, padding_mask)
        return self.logits(self.decode(
            tokens=read, encoder_out=e, encoder_padding_mask=padding_mask)[0])


class TransformerByTokens(transformer()):
    """The decoder reads one token after another, with its caches."""

    def forward(self, input_ids, padding_mask, labels):
        e, past, found = self.encode(input_ids, padding_mask), None, []
        token = torch.full_like(labels[:, :1], self.eos)
        for t in range(labels.shape[1]):
            s, past = self.decode(token, e, padding_mask, True, past)
            found.append(self.logits(s))
            token = labels[:, t:t + 1].masked_fill(labels[:, t:t + 1] < 0, self.pad)
        return torch.cat(found, 1)


def beams(alone=True, offset=True, order=True, texts=True, carry=True, retire=True,
          power=lambda n, ended, alpha: n**alpha, cut=False, begin=False,
          choose=max, wide=1, until=all, log=True, left=True,
          repeat=lambda x, K: x.repeat_interleave(K, 0)):
    """Return a function like beam_search with one thing changed."""
    def beam_search(model, input_ids, padding_mask, num_beams, max_length,
                    length_penalty):
        B, K = len(input_ids), num_beams
        e, mask = (repeat(x, K) for x in (
            model.encode(input_ids, padding_mask), padding_mask))
        y, past = torch.full((B * K, 1), model.eos), None
        total = torch.zeros(B, K, dtype=torch.double)
        if alone:
            total[:, 1:] = -math.inf
        done = [[] for _ in range(B)]
        first = torch.arange(B)[:, None] * K if offset else torch.zeros(B, 1).long()
        for n in range(1, max_length + 1):
            s, past = model.decode(y[:, -1:], e, mask, True, past)
            more = model.logits(s[:, -1])
            more = more.log_softmax(-1) if log else more.softmax(-1)
            V = more.shape[-1]
            sums = (total if carry else total * 0).nan_to_num(-math.inf)
            best, place = (sums.view(-1, 1) + more).view(B, -1).topk(2 * K)
            rows, token = first + place // V, place % V
            ends = token == model.eos
            last = n == max_length and left
            for b in range(B):
                for j in range(wide * K):
                    if (ends[b, j] or last) and len(done[b]) < K and (
                            best[b, j] > -math.inf):
                        text = y[rows[b, j], 0 if begin else 1:].tolist()
                        score = best[b, j] / power(n, ends[b, j], length_penalty)
                        text += [] if cut and ends[b, j] else [token[b, j].item()]
                        done[b].append((score.item(), text))
            if until(len(found) == K for found in done):
                break
            if retire:
                total, keep = best.masked_fill(ends, -math.inf).topk(K)
            else:
                total, keep = best.topk(K)
            rows, token = rows.gather(1, keep).flatten(), token.gather(1, keep)
            y = torch.cat([y[rows] if texts else y, token.view(-1, 1)], 1)
            if order:
                past = [cache[rows] for cache in past]
        return [choose(found)[1] for found in done]

    return beam_search


def greedy(model, input_ids, padding_mask, num_beams, max_length, length_penalty):
    return beams()(model, input_ids, padding_mask, 1, max_length, length_penalty)


def beams_document_by_document(model, input_ids, padding_mask, num_beams,
                               max_length, length_penalty):
    """One document after another, each text with caches of its own, sorted."""
    answers = []
    for row, mask in zip(input_ids.split(1), padding_mask.split(1), strict=True):
        e, done, live = model.encode(row, mask), [], [(0.0, [], None)]
        while live and len(done) < num_beams:
            more = []
            for total, text, past in live:
                token = torch.tensor([[text[-1] if text else model.eos]])
                s, kept = model.decode(
                    tokens=token, encoder_out=e, encoder_padding_mask=mask,
                    use_cache=True, past_kvs=past)
                log_p = model.logits(s[0, -1]).log_softmax(0).tolist()
                more += [(total + new, [*text, k], kept)
                         for k, new in enumerate(log_p)]
            more.sort(key=lambda one: one[0], reverse=True)
            full = len(more[0][1]) == max_length
            done += [(total / len(text)**length_penalty, text)
                     for total, text, _ in more[:num_beams]
                     if full or text[-1] == model.eos]
            live = [] if full else [
                one for one in more if one[1][-1] != model.eos][:num_beams]
        answers.append(max(done)[1])
    return answers


WRONG = {
    "rouge_n": {
        "recall first": (rouge(give=lambda p, r, f: (r, p, f)), "precision comes"),
        "sets": (rouge(lambda t, n: set(windows(t, n))), "counted once"),
        "if in": (rouge(shared=lambda a, b: sum(gram in b for gram in a)),
                  "the smaller count"),
        "arithmetic": (rouge(mean=lambda p, r: (p + r) / 2), "harmonic mean"),
        "no 2": (rouge(mean=lambda p, r: p * r / (p + r) if p + r else 0),
                 "factor 2"),
        "F1 alone": (rouge(give=lambda p, r, f: f), "three values"),
        "percent": (rouge(give=lambda *prf: tuple(100 * x for x in prf)),
                    "not percent"),
        "lists": (rouge(lambda t, n: [t[i:i + n] for i in range(len(t) - n + 1)]),
                  "tuples in a Counter"),
        "words": (rouge(lambda t, n: t), "single words"),
        "no overlap": (rouge(lambda t, n: windows(t, n, every=n)), "do not overlap"),
        "last missing": (rouge(lambda t, n: windows(t, n, fewer=1)),
                         "last gram is missing"),
        "cut short": (rouge(lambda t, n: [tuple(t[i:i + n]) for i in range(len(t))]),
                      "cut short"),
        "unordered": (rouge(lambda t, n: [tuple(sorted(w)) for w in windows(t, n)]),
                      "a pair is ordered"),
        "no guard": (rouge(share=lambda a, b: a / b), "has no grams"),
        "perfect": (rouge(share=lambda a, b: a / b if b else 1.0),
                    "not perfect"),
        "NaN": (rouge(share=in_numpy), "NaN is no share"),
        "F1 is NaN": (rouge(mean=lambda p, r: in_numpy(2 * p * r, p + r)),
                      "NaN is no F1"),
        "F1 by 0": (rouge(mean=lambda p, r: 2 * p * r / (p + r)), "divide by 0"),
    },
    "scaled_dot_product_attention": {
        "no scale": (attention(lambda D: 1), "not divided by √D"),
        "by D": (attention(lambda D: 1 / D), "divided by D"),
        "over queries": (attention(over=-2), "over the queries"),
        "weights": (attention(mix=lambda w, v: w), "these are the weights"),
        "keys mixed": (attention(values=lambda k, v: k), "the keys are mixed"),
        "mask ignored": (attention(padding=lambda m: torch.tensor(False)),
                         "padding mask is ignored"),
        "mask (B, S)": (attention(padding=lambda m: m), "shapes do not fit"),
        "mask inverted": (attention(padding=lambda m: ~m[:, None, None]),
                          "turned round"),
        "score 0": (attention(fill=0, after=lambda w, h: w), "still a score"),
        "multiplied": (attention(hide=lambda s, h, f: s * ~h,
                                 after=lambda w, h: w), "still a score"),
        "after the softmax": (attention(hide=lambda s, h, f: s), "add up to 1"),
        "not causal": (attention(future=lambda T, S: torch.tensor(False)),
                       "causal is ignored"),
        "past hidden": (attention(future=lambda T, S: triangle(T, S).mT),
                        "wrong triangle"),
        "only the future": (attention(future=lambda T, S: ~triangle(T, S)),
                            "wrong triangle"),
        "not itself": (attention(future=lambda T, S: triangle(T, S, 0)),
                       "its own position"),
        "not itself, NaN": (attention(future=lambda T, S: triangle(T, S, 0),
                                      after=lambda w, h: w), "its own position"),
        "square": (attention(future=lambda T, S: triangle(S, S)),
                   "shapes do not fit"),
        "first key": (attention(future=lambda T, S: triangle(T, T + 1)[
            :, :1].expand(T, S) | torch.ones(T, S).triu(1).bool()),
            "begins at the first key"),
        "one too many": (attention(future=lambda T, S: triangle(
            T, S, 1 + (S > T))), "one key too many"),
        "T = S only": (attention(future=lambda T, S: triangle(T, S) & (T == S)),
                       "where T and S differ"),
        "NaN": (attention(after=lambda w, h: w), "softmax over nothing"),
        "−1e9": (attention(fill=-1e9, after=lambda w, h: w), "not the mean"),
        "gradient": (attention(hide=added, after=lambda w, h: w.nan_to_num(0)),
                     "its gradient NaN"),
        "no gradient": (attention(mix=lambda w, v: (w @ v).detach()),
                        "no gradient gets"),
        "all half": (attention(wide=None), "in half precision"),
        "softmax half": (attention(wide=None, late=torch.float), "half precision"),
        "weights half": (lambda q, *given, **named: attention(
            late=q.dtype)(q, *given, **named), "made half before"),
        "types meet": (attention_halves_meet, ".float() on the values"),
        "single given": (attention(back=False), "type of the inputs"),
        "always single": (lambda q, k, v, *given, **named: right_attention(
            q.float(), k.float(), v.float(), *given, **named), "type of the inputs"),
        "doubles in single": (attention_in_single, "double precision stays"),
    },
    "MultiheadAttention": {
        "no out": (heads(out=False), "last linear map"),
        "one head": (heads(split=lambda self, t: t[:, None]), "one head here"),
        "reshaped": (heads(join=lambda m: m.reshape(
            len(m), -1, m.shape[1] * m.shape[3])), "stand behind the positions"),
        "flattened": (heads(join=lambda m: m.flatten(2)), "shapes do not fit"),
        "not split": (heads(split=lambda self, t: t), "shapes do not fit"),
        "x alone": (heads(of=lambda x, m: (x, x, x)), "not from x"),
        "memory asks": (heads(of=lambda x, m: (m, x, x)), "queries come from x"),
        "k and v": (heads("qvk"), "have changed places"),
        "no mask": (heads(mask=False), "mask is not handed on"),
        "not causal": (heads(order=False), "causal is not handed on"),
    },
    "TransformerLayer": {
        "no mask": (layer(mask=False), "the padding mask is not"),
        "always causal": (layer(causal=lambda self, past: True),
                          "causal is for decoders"),
        "never causal": (layer(causal=lambda self, past: False), "itself is causal"),
        "no residual": (layer(residual=(0, 0, 0)), "residual is missing"),
        "first residual": (layer(residual=(0, 1, 1)), "residual is missing"),
        "last residual": (layer(residual=(1, 1, 0)), "residual is missing"),
        "pre-norm": (layer(pre=True), "input is normalised"),
        "norms reversed": (layer(order=(-1, 1, 0)), "norms have changed places"),
        "norms[1] last": (layer(order=(0, 1, 1)), "norms have changed places"),
        "norms[2] last": (layer(order=(0, 1, 2)), "shapes do not fit, or"),
        "output alone": (layer(give=lambda x, cache: x), "a pair"),
        "no cross": (layer(cross=False), "encoder's output is missing"),
        "no encoder mask": (layer(encoder_mask=False), "encoder's padding mask"),
        "past ignored": (layer(lambda x, past: x), "the past is ignored"),
        "past behind": (layer(lambda x, past: x if past is None else torch.cat(
            [x, past], 1)), "stands behind"),
        "past asks": (layer(query=lambda x, m: m), "new positions alone"),
        "causal without past": (layer(causal=lambda self, past: (
            self.is_decoder and past is None)), "each other's future"),
        "new alone kept": (layer(cache=lambda m, x, new: x), "past and new"),
        "output kept": (layer(cache=lambda m, x, new: new), "past and new"),
        "past and output kept": (layer(cache=lambda m, x, new: torch.cat(
            [m[:, :-x.shape[1]], new], 1)), "not its outputs"),
        "in place": (LayerInPlace, "changed in place"),
        "always kept": (layer(use=lambda use: True), "there is no cache"),
        "never kept": (layer(use=lambda use: False), "with use_cache"),
        "no dropout": (layer(drop=lambda self, x, part: x + part), "dropout is"),
        "sum dropped": (layer(drop=lambda self, x, part: self.dropout(x + part)),
                        "not on the sum"),
    },
    "TransformerStack": {
        "no positions": (stack(place=False), "positions are missing"),
        "not chained": (stack(start=lambda x, new: x), "follow one another"),
        "one layer": (stack(picked=lambda layers: layers[:1]), "one layer is"),
        "no encoder mask": (stack(hand=lambda p, e, h, *given: (p, e, None, *given)),
                            "encoder's padding mask"),
        "no mask": (stack(hand=lambda p, *given: (None, *given)),
                    "the padding mask is not"),
        "masks exchanged": (stack(hand=lambda p, e, h, *given: (h, e, p, *given)),
                            "shapes do not fit"),
        "from 0": (stack(lambda caches: 0), "begin at 0 again"),
        "from B": (stack(lambda caches: caches[0].shape[0]), "dimension 1"),
        "from the list": (stack(len), "dimension 1"),
        "one late": (stack(lambda caches: caches[0].shape[1] + 1), "one too late"),
        "one early": (stack(lambda caches: caches[0].shape[1] - 1), "one too late"),
        "first cache": (stack(own=lambda caches, i: caches[0]), "the first one's"),
        "caches lost": (stack(hand=lambda *given: (*given[:4], None)),
                        "do not reach the layers"),
        "list of None": (stack(give=lambda x, caches, use: (x, caches)),
                         "place of the list"),
        "last cache": (stack(give=lambda x, caches, use: (x, caches[-1])),
                       "last layer's cache"),
        "use_cache lost": (stack(hand=lambda *given: (*given[:3], False, given[4])),
                           "use_cache does not"),
        "no caches": (stack(give=lambda x, caches, use: (x, None)),
                      "the list of caches"),
        "caches reversed": (stack(give=lambda x, caches, use: (
            x, caches[::-1] if use else None)), "in the layers' order"),
    },
    "Transformer": {
        "log": (transformer(logits=lambda s, E: (s @ E.T).log_softmax(-1)),
                "log-probabilities"),
        "softmax": (transformer(logits=lambda s, E: (s @ E.T).softmax(-1)),
                    "these are probabilities"),
        "scaled": (transformer(logits=lambda s, E: s @ E.T / 2), "divided by √D"),
        "E itself": (transformer(logits=lambda s, E: s @ E), "shapes do not fit"),
        "not moved": (transformer(lambda y, pad, eos: y), "labels themselves"),
        "to the left": (transformer(lambda y, pad, eos: F.pad(
            y[:, 1:], (0, 1), value=eos)), "moved to the left"),
        "rolled": (transformer(lambda y, pad, eos: y.roll(1, 1)), "fell off"),
        "padding first": (transformer(lambda y, pad, eos: F.pad(
            y[:, :-1], (1, 0), value=pad)), "EOS stands in front"),
        "EOS is 1": (transformer(eos=lambda self: 1), "EOS is self.eos"),
        "padding is 0": (transformer(fill=lambda self: 0), "self.pad, whatever"),
        "longer": (transformer(lambda y, pad, eos: F.pad(y, (1, 0), value=eos)),
                   "as many positions as labels"),
        "encoder's mask": (transformer(masks=lambda m: (m, None)),
                           "has to reach the decoder"),
        "decoder's mask": (transformer(masks=lambda m: (None, m)),
                           "does not reach the encoder"),
        "−100": (transformer(fill=None), "left for −100"),
        "labels filled": (transformer(copy=lambda y: y), "labels were changed"),
        "labels shifted": (TransformerShiftingInPlace, "labels were changed"),
    },
    "beam_search": {
        "greedy": (greedy, "one beam is searched"),
        "EOS cut off": (beams(cut=True), "belongs to the text"),
        "EOS first": (beams(begin=True), "EOS that begins"),
        "caches stay": (beams(order=False), "caches stay"),
        "texts stay": (beams(texts=False), "texts stay"),
        "first document": (beams(offset=False), "of the first document"),
        "documents in turn": (beams(repeat=lambda x, K: x.repeat(
            K, *[1] * (x.dim() - 1))), "alternate in the rows"),
        "all alike": (beams(alone=False), "all are alike"),
        "no penalty": (beams(power=lambda n, e, a: 1), "penalty is not applied"),
        "multiplied": (beams(power=lambda n, e, a: n**-a), "multiplied by"),
        "EOS not counted": (beams(power=lambda n, e, a: max(1, n - int(e))**a),
                            "counts EOS"),
        "first EOS counted": (beams(power=lambda n, e, a: (n + 1)**a),
                              "counts EOS"),
        "not added up": (beams(carry=False), "do not add up"),
        "probabilities": (beams(log=False), "log-probabilities"),
        "ended go on": (beams(retire=False), "go on in the search"),
        "first wins": (beams(choose=lambda found: found[0]), "first finished"),
        "worst": (beams(choose=min), "worst text"),
        "cut texts dropped": (beams(left=False), "what is left at max_length"),
        "2 K finish": (beams(wide=2), "the first K"),
        "stops with one": (beams(until=any), "a search of its"),
        "not repeated": (beams(repeat=lambda x, K: x), "shapes do not fit"),
    },
}

RIGHT = {
    "rouge_n": {"grams taken away": rouge_by_removing, "slices": rouge()},
    "scaled_dot_product_attention": {
        "torch's own": attention_by_torch, "exp and einsum": attention_by_exp,
        "plain": attention()},
    "MultiheadAttention": {"head by head": HeadByHead, "plain": heads()},
    "TransformerLayer": {"all positions ask": LayerByLongMemory, "plain": layer()},
    "TransformerStack": {"recursion": StackByRecursion, "plain": stack()},
    "Transformer": {"linear, where": TransformerByLinear,
                    "token by token": TransformerByTokens, "plain": transformer()},
    "beam_search": {"document by document": beams_document_by_document,
                    "plain": beams()},
}
