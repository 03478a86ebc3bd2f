"""Derived from book/chapters/language_sampling.md, whose solutions it holds."""

import copy
import itertools
import math
import random

import torch
from torch import nn


def log_likelihood(model, input_ids):
    """Return log p(x₂, …, x_T | x₁), a float: def-ls-likelihood."""
    log_p = model(input_ids).logits[:, :-1].log_softmax(-1)
    chosen = log_p.gather(-1, input_ids[:, 1:, None])  # (1, T − 1, 1)
    return chosen.sum().item()


def small_model(words=6, seed=3):
    """Return a Llama of a few words with random weights, in float64."""
    from transformers import LlamaConfig, LlamaForCausalLM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = LlamaForCausalLM(LlamaConfig(
            vocab_size=words, hidden_size=8, intermediate_size=16,
            num_hidden_layers=2, num_attention_heads=2, eos_token_id=None,
            num_key_value_heads=1, initializer_range=0.8, bos_token_id=None,
            max_position_embeddings=64, tie_word_embeddings=True))
    return net.double().eval()


@torch.inference_mode()
def token_log_p(model, texts, batch=16):
    """Return, for each text, a tensor (T − 1,) of log p of its tokens.

    `texts` is a list of lists of tokens; they may differ in length.
    """
    rows = []
    for start in range(0, len(texts), batch):
        part = [torch.tensor(text) for text in texts[start:start + batch]]
        ids = nn.utils.rnn.pad_sequence(part, batch_first=True)  # (B, T)
        logits = model(ids).logits[:, :-1]
        log_p = logits.gather(-1, ids[:, 1:, None])[..., 0]
        log_p = log_p - logits.logsumexp(-1)
        rows += [row[:len(text) - 1]
                 for row, text in zip(log_p, part, strict=True)]
    return rows


def random_characters(alphabet, many, tokens, tokenizer, generator):
    """Return `many` lists of `tokens` tokens of independent characters."""
    texts = []
    for _ in range(many):
        draws = torch.randint(len(alphabet), (12 * tokens,),
                              generator=generator)
        text = "".join(alphabet[i] for i in draws.tolist())
        texts.append(tokenizer(text).input_ids[:tokens])
    return texts


def best_threshold(real, noise):
    """Return the midpoint of scores with the fewest errors, widest gap first.

    `real` should lie above it and `noise` below; both have shape (N,).
    """
    points = torch.cat([real, noise]).sort().values
    middles, gaps = (points[1:] + points[:-1]) / 2, points.diff()
    errors = ((real[:, None] < middles).sum(0)
              + (noise[:, None] >= middles).sum(0))
    best = errors == errors.min()
    return middles[best][gaps[best].argmax()].item()


def halves(scores, kind, chosen):
    """Return the scores (N,) for choosing and those held back.

    Prose is of two kinds in one; noise has as many as both together.
    """
    if kind == "prose":
        pairs = [(scores[style][:chosen], scores[style][chosen:])
                 for style in ("abstracts", "reviews")]
        return [torch.cat(part) for part in zip(*pairs, strict=True)]
    return scores[kind][:2 * chosen], scores[kind][2 * chosen:]


def is_random(model, input_ids, threshold):
    """Tell whether a text (1, T) has too few nats a token: def-ls-random."""
    predicted = input_ids.shape[1] - 1
    return log_likelihood(model, input_ids) / predicted < threshold


def top_k_logits(logits, k):
    """Return logits (…, V), −inf for all but the largest k: def-ls-top-k."""
    k = min(k, logits.shape[-1])
    smallest = logits.topk(k).values[..., -1:]
    return logits.masked_fill(logits < smallest, -math.inf)


def top_p_logits(logits, mass):
    """Return logits (…, V), −inf for all but the fewest with p(A) ≥ mass."""
    p, order = logits.softmax(-1).sort(dim=-1, descending=True)
    drop = p.cumsum(-1) - p >= mass  # what stands before has enough already
    drop = torch.zeros_like(drop).scatter(-1, order, drop)
    return logits.masked_fill(drop, -math.inf)


def joint_temperature(p1, p2, temperature):
    """Return p(x₁) of a heated pair, (V1,): def-ls-joint-temperature."""
    log_joint = (p1[:, None].log() + p2.log()) / temperature
    return log_joint.logsumexp(1).softmax(0)


def sliding(joint, temperature, horizon):
    """Return what a sampler of this horizon makes of p(x₁, x₂, x₃).

    `joint` has shape (V, V, V); so has the result.
    """
    made = torch.ones(())
    for t in range(3):
        ahead = min(horizon, 3 - t)
        seen = joint.sum(dim=list(range(t + ahead, 3))) if t + ahead < 3 \
            else joint
        marginal = seen.sum(dim=list(range(t, t + ahead)), keepdim=True)
        scaled = ((seen / marginal).log() / temperature)
        first = scaled.flatten(t + 1).logsumexp(-1) if ahead > 1 else scaled
        made = made[..., None] * first.softmax(-1)
    return made


def temperature_scale(logits, model, past, temperature, horizon, top_k):
    """Return scaled logits (1, V): ls-look-ahead for horizon 2.

    `logits` (1, V) are cut to the top k already, so that −inf marks words
    that cannot come; `past` is the model's cache of the text so far.
    """
    scaled = logits / temperature
    if horizon == 1:
        return scaled
    words = logits[0].isfinite().nonzero()  # (n, 1)
    ahead = copy.deepcopy(past)
    ahead.batch_repeat_interleave(len(words))
    second = model(words, past_key_values=ahead).logits[:, -1]  # (n, V)
    log_p = top_k_logits(second, top_k).log_softmax(-1)
    scaled[0, words[:, 0]] += (log_p / temperature).logsumexp(-1)
    return scaled


def sample(model, input_ids, length, temperature=None, temperature_horizon=1,
           top_k=40, generator=None):
    """Return a text (1, T0 + length) drawn after a prompt: def-ls-sampling.

    `input_ids` has shape (1, T0). One draw of torch.multinomial for each
    token, from the top k words; no temperature means τ = 1.
    """
    text, current, past = input_ids, input_ids, None
    with torch.no_grad():
        for _ in range(length):
            out = model(current, past_key_values=past, use_cache=True)
            past = out.past_key_values
            logits = top_k_logits(out.logits[:, -1], top_k)
            if temperature is not None:
                logits = temperature_scale(logits, model, past, temperature,
                                           temperature_horizon, top_k)
            current = torch.multinomial(logits.softmax(-1), 1,
                                        generator=generator)
            text = torch.cat([text, current], 1)
    return text
