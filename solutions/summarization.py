"""Derived from book/chapters/summarization.md, whose solutions it holds."""

import itertools
import math
from collections import Counter
import torch
from torch import nn
from helpers import interactive, progress


def rouge_n(prediction_tokens, reference_tokens, n):
    """Return (precision, recall, f1) of shared n-grams: def-sum-rouge."""
    grams = [Counter(zip(*(tokens[i:] for i in range(n))))
             for tokens in (prediction_tokens, reference_tokens)]
    shared = (grams[0] & grams[1]).total()
    sizes = [count.total() for count in grams]
    precision, recall = (shared / max(1, size) for size in sizes)
    return precision, recall, 2 * shared / max(1, sum(sizes))


def scaled_dot_product_attention(q, k, v, key_padding_mask=None,
                                 causal=False):
    """Return the mixed values (B, H, T, D): def-sum-attention."""
    T, S = q.shape[-2], k.shape[-2]
    wide = torch.promote_types(q.dtype, torch.float32)
    scores = (q @ k.transpose(-1, -2)).to(wide) / q.shape[-1] ** 0.5
    hidden = torch.zeros(T, S, dtype=torch.bool, device=q.device)
    if causal:
        hidden = (~hidden).triu(1 + S - T)
    if key_padding_mask is not None:
        hidden = hidden | key_padding_mask[:, None, None]  # (B, 1, T, S)
    weights = scores.masked_fill(hidden, -math.inf).softmax(-1)
    return (weights.masked_fill(hidden, 0) @ v.to(wide)).to(q.dtype)


class MultiheadAttention(nn.Module):
    """Attention by several heads: def-sum-heads."""

    def __init__(self, d_model, n_heads):
        super().__init__()
        self.n_heads = n_heads
        self.q, self.k, self.v, self.out = (
            nn.Linear(d_model, d_model) for _ in range(4))

    def split(self, x):
        """Return x (B, T, D) by heads: (B, H, T, D / H)."""
        return x.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)

    def forward(self, x, memory, padding_mask=None, causal=False):
        """Return (B, T, D); the mask (B, S) is the memory's."""
        k, v = self.split(self.k(memory)), self.split(self.v(memory))
        mixed = scaled_dot_product_attention(
            self.split(self.q(x)), k, v, padding_mask, causal)
        return self.out(mixed.transpose(1, 2).flatten(2))  # (B, T, D)


class TransformerLayer(nn.Module):
    """One layer of an encoder or a decoder: def-sum-layer."""

    def __init__(self, is_decoder, d_model, n_heads, d_ffn, p_drop):
        super().__init__()
        self.is_decoder, self.dropout = is_decoder, nn.Dropout(p_drop)
        self.self_attn, self.cross_attn = (MultiheadAttention(
            d_model, n_heads) if used else None for used in (1, is_decoder))
        self.ffn = nn.Sequential(nn.Linear(d_model, d_ffn), nn.ReLU(),
                                 nn.Linear(d_ffn, d_model))
        self.norms = nn.ModuleList(
            nn.LayerNorm(d_model) for _ in range(2 + is_decoder))

    def forward(self, x, padding_mask=None, encoder_out=None,
                encoder_padding_mask=None, use_cache=False, past_kv=None):
        """Return the output (B, T, D) and the cache (B, i + T, D)."""
        m = x if past_kv is None else torch.cat([past_kv, x], 1)
        new = self.self_attn(x, m, padding_mask, self.is_decoder)
        x = self.norms[0](x + self.dropout(new))
        if self.is_decoder:
            new = self.cross_attn(x, encoder_out, encoder_padding_mask)
            x = self.norms[1](x + self.dropout(new))
        x = self.norms[-1](x + self.dropout(self.ffn(x)))
        return x, m if use_cache else None


class TransformerStack(nn.Module):
    """Positions and layers, one cache a layer: def-sum-positions."""

    def __init__(self, is_decoder, n_layers, d_model, n_heads, d_ffn, p_drop,
                 max_positions=512):
        super().__init__()
        self.positions = nn.Embedding(max_positions, d_model)
        self.norm, self.dropout = nn.LayerNorm(d_model), nn.Dropout(p_drop)
        self.layers = nn.ModuleList(TransformerLayer(
            is_decoder, d_model, n_heads, d_ffn, p_drop)
            for _ in range(n_layers))

    def place(self, x, past):
        """Return x (B, T, D) at the positions past, past + 1, …"""
        t = torch.arange(past, past + x.shape[1], device=x.device)
        return self.dropout(self.norm(x + self.positions(t)))

    def forward(self, x, padding_mask=None, encoder_out=None,
                encoder_padding_mask=None, use_cache=False, past_kvs=None):
        """Return the output (B, T, D) and the caches of the layers."""
        past_kvs = past_kvs or [None] * len(self.layers)
        x = self.place(x, 0 if past_kvs[0] is None else past_kvs[0].shape[1])
        caches = []
        for layer, past_kv in zip(self.layers, past_kvs, strict=True):
            x, cache = layer(x, padding_mask, encoder_out,
                             encoder_padding_mask, use_cache, past_kv)
            caches.append(cache)
        return x, caches if use_cache else None


class Transformer(nn.Module):
    """An encoder, a decoder and one table: def-sum-transformer."""

    def __init__(self, vocab_size, d_model, n_heads, d_ffn, n_layers, p_drop,
                 pad=0, eos=1):
        super().__init__()
        self.pad, self.eos = pad, eos
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.encoder, self.decoder = (TransformerStack(
            side, n_layers, d_model, n_heads, d_ffn, p_drop)
            for side in (False, True))

    def encode(self, input_ids, padding_mask):
        return self.encoder(self.embedding(input_ids), padding_mask)[0]

    def decode(self, tokens, encoder_out, encoder_padding_mask,
               use_cache=False, past_kvs=None):
        return self.decoder(self.embedding(tokens), None, encoder_out,
                            encoder_padding_mask, use_cache, past_kvs)

    def logits(self, states):
        """Return logits (…, V) of decoder states (…, D)."""
        return states @ self.embedding.weight.T

    def forward(self, input_ids, padding_mask, labels):
        """Return the logits (B, T, V) of labels (B, T)."""
        y = labels.masked_fill(labels < 0, self.pad).roll(1, 1)
        y[:, 0], e = self.eos, self.encode(input_ids, padding_mask)
        return self.logits(self.decode(y, e, padding_mask)[0])


class KeyValueDecoder:
    """Decode step by step, with the keys and values of all positions kept."""

    def __init__(self, model, encoder_out, padding_mask, max_length):
        self.model, self.mask, self.past = model, padding_mask, 0
        self.layers = model.decoder.layers
        self.cross = [project(layer.cross_attn, encoder_out)
                      for layer in self.layers]
        B, H, _, D = self.cross[0][0].shape
        self.own = [encoder_out.new_empty(2, B, H, max_length, D)
                    for _ in self.layers]

    @torch.no_grad()
    def step(self, tokens):
        """Return the states (B, 1, D) after one more token each, (B,)."""
        t, self.past = self.past, self.past + 1
        x = self.model.decoder.place(self.model.embedding(tokens[:, None]), t)
        for layer, cross, own in zip(self.layers, self.cross, self.own):
            for kept, new in zip(own, project(layer.self_attn, x)):
                kept[:, :, t:t + 1] = new
            x = layer.norms[0](x + attend(
                layer.self_attn, x, *own[..., :t + 1, :]))
            x = layer.norms[1](x + attend(
                layer.cross_attn, x, *cross, self.mask))
            x = layer.norms[2](x + layer.ffn(x))
        return x


def project(attention, x):
    """Return keys and values (B, H, S, D / H) of x (B, S, D)."""
    return [attention.split(f(x)) for f in (attention.k, attention.v)]

def attend(attention, x, keys, values, mask=None):
    """Return what x (B, T, D) finds among keys that are projected."""
    q = attention.split(attention.q(x))
    mixed = scaled_dot_product_attention(q, keys, values, mask)
    return attention.out(mixed.transpose(1, 2).flatten(2))

@torch.no_grad()
def greedy(model, input_ids, padding_mask, length, keep):
    """Return the likeliest next tokens, one after another: (B, length)."""
    y, e = torch.full_like(input_ids[:, :1], model.eos), None
    past = decoder = None
    for _ in range(length):
        if e is None or keep == "nothing":
            e = model.encode(input_ids, padding_mask)
        if keep == "keys and values":
            decoder = decoder or KeyValueDecoder(
                model, e, padding_mask, length)
            s = decoder.step(y[:, -1])
        elif keep == "inputs":
            s, past = model.decode(y[:, -1:], e, padding_mask, True, past)
        else:
            s, _ = model.decode(y, e, padding_mask)
        y = torch.cat([y, model.logits(s[:, -1:]).argmax(-1)], 1)
    return y[:, 1:]


def lively(vocab_size=50, **sizes):
    """Return a small model in double precision with large random weights."""
    torch.manual_seed(0)
    model = Transformer(vocab_size, **{**dict(
        d_model=16, n_heads=2, d_ffn=40, n_layers=3, p_drop=0.1), **sizes})
    for weight in model.parameters():
        if weight.ndim > 1:
            nn.init.normal_(weight, std=0.5)
    return model.double().eval()

def all_texts(longest):
    """Return all texts of the tokens 0, 2, 3 with EOS, or cut at `longest`."""
    return [[*body, end] for n in range(longest) for body in itertools.product(
        (0, 2, 3), repeat=n) for end in ((1,) if n < longest - 1
                                         else range(4))]

@torch.no_grad()
def cost(model, input_ids, padding_mask, text):
    """Return −log p of a list of tokens after one document, in nats."""
    y = torch.tensor([text], device=input_ids.device)
    log_p = model(input_ids, padding_mask, y).log_softmax(-1)
    return -log_p.gather(-1, y[..., None]).sum().item()


@torch.no_grad()
def beam_search(model, input_ids, padding_mask, num_beams, max_length,
                length_penalty):
    """Return the best text found for each document: def-sum-beam."""
    B, K, done = len(input_ids), num_beams, [[] for _ in input_ids]
    e, mask = (x.repeat_interleave(K, 0) for x in (
        model.encode(input_ids, padding_mask), padding_mask))
    y, past = input_ids.new_full((B * K, 1), model.eos), None
    log_p = e.new_full((B, K), -math.inf)
    log_p[:, 0], first = 0, torch.arange(0, B * K, K, device=e.device)
    for n in range(1, max_length + 1):
        s, past = model.decode(y[:, -1:], e, mask, True, past)
        more = model.logits(s[:, -1]).log_softmax(-1)  # (B · K, V)
        V = more.shape[-1]
        best, place = (log_p.view(-1, 1) + more).view(B, -1).topk(2 * K)
        rows, token = first[:, None] + place // V, place % V
        ends = (token == model.eos) | (n == max_length)
        for b, j in ends[:, :K].nonzero().tolist():
            if len(done[b]) < K and best[b, j] > -math.inf:
                text = [*y[rows[b, j], 1:].tolist(), token[b, j].item()]
                done[b].append((best[b, j].item() / n**length_penalty, text))
        if all(len(found) == K for found in done):
            break
        log_p, keep = best.masked_fill(ends, -math.inf).topk(K)
        rows, token = (x.gather(1, keep).flatten() for x in (rows, token))
        y = torch.cat([y[rows], token[:, None]], 1)
        past = [cache[rows] for cache in past]
    return [max(found)[1] for found in done]


def padded(rows, fill):
    """Return lists of tokens as one tensor (B, T), filled up behind."""
    return nn.utils.rnn.pad_sequence(
        [torch.as_tensor(row) for row in rows], True, fill)

def train(model, sources, targets, steps, size, rate, seed):
    """Train by teacher forcing; return the losses, in nats a token."""
    adam, losses = torch.optim.Adam(model.parameters(), rate), []
    dice, device = torch.Generator().manual_seed(seed), model.embedding.weight
    for step in progress(range(steps), "from scratch"):
        rows = torch.randint(len(sources), (size,), generator=dice).tolist()
        x, y = (padded([texts[i] for i in rows], fill).to(device.device)
                for texts, fill in ((sources, model.pad), (targets, -100)))
        logits = model.train()(x, x == model.pad, y)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
        adam.param_groups[0]["lr"] = rate * min(
            10 * (step + 1) / steps, 1 - step / steps)
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        losses.append(loss.item())
    model.eval()
    return losses


def prompted(documents):
    """Return documents with the task in front, as T5 knows it."""
    return [f"summarize: {text}" for text in documents]

def fine_tune(model, tokenizer, pairs, *, steps, size, longest, seed):
    """Tune a T5 on pairs as in def-sum-schedule; return the losses."""
    from tempfile import TemporaryDirectory
    from transformers import DataCollatorForSeq2Seq, PrinterCallback
    from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments

    rows = pairs.map(lambda part: tokenizer(
        prompted(part["document"]), text_target=part["summary"],
        truncation=True, max_length=longest),
        batched=True, remove_columns=pairs.column_names)
    with TemporaryDirectory() as folder:
        trainer = Seq2SeqTrainer(model, Seq2SeqTrainingArguments(
            folder, max_steps=steps, per_device_train_batch_size=size,
            optim="adafactor", learning_rate=1e-3, seed=seed,
            lr_scheduler_type="constant", logging_steps=1, report_to="none",
            save_strategy="no", disable_tqdm=not interactive(),
            average_tokens_across_devices=False,
            use_cpu=model.device.type == "cpu"), train_dataset=rows,
            data_collator=DataCollatorForSeq2Seq(tokenizer, model))
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return [row["loss"] for row in trainer.state.log_history if "loss" in row]


class NoOffset(TransformerStack):
    """The bug: a new token is always at position 0."""

    def place(self, x, past):
        return super().place(x, 0)

class MaskedAgain(MultiheadAttention):
    """The bug: query i may see the keys up to i, however many came before."""

    def forward(self, x, memory, padding_mask=None, causal=False):
        late = torch.arange(memory.shape[1])[None] >= x.shape[1]
        return super().forward(x, memory, late if causal else padding_mask)

class NotReordered:
    """The bug: the caches stay where they were, whatever comes in."""

    def __init__(self, model):
        self.model, self.eos, self.kept = model, model.eos, None
        self.encode, self.logits = model.encode, model.logits

    def decode(self, tokens, e, padding_mask, use_cache, past_kvs):
        states, self.kept = self.model.decode(
            tokens, e, padding_mask, use_cache, self.kept)
        return states, self.kept
