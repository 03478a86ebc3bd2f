"""Wrong answers to the exercises, each with its diagnosis, and right ways."""

import copy
import math

import torch
import torch.nn.functional as F


def likelihood(log_p=lambda logits: logits.log_softmax(-1), begin=1, drop=1,
               reduce=lambda terms: terms.sum().item()):
    def log_likelihood(model, input_ids):
        logits = model(input_ids).logits
        rows = log_p(logits[:, :logits.shape[1] - drop])
        chosen = input_ids[:, begin:begin + rows.shape[1], None]
        return reduce(rows[:, :chosen.shape[1]].gather(-1, chosen)[..., 0])

    return log_likelihood


def likelihood_backwards(model, input_ids):
    log_p = model(input_ids).logits[:, 1:].log_softmax(-1)
    return log_p.gather(-1, input_ids[:, :-1, None]).sum().item()


def likelihood_by_loss_times_length(model, input_ids):
    loss = model(input_ids, labels=input_ids).loss
    return -(loss * input_ids.shape[1]).item()


def likelihood_by_the_loss(model, input_ids):
    loss = model(input_ids, labels=input_ids).loss
    return -(loss * (input_ids.shape[1] - 1)).item()


def likelihood_halved(model, input_ids):
    return likelihood()(model, input_ids) / 2


def likelihood_by_cross_entropy(model, input_ids):
    logits = model(input_ids).logits
    return -float(F.cross_entropy(logits[0, :-1], input_ids[0, 1:],
                                  reduction="sum"))


def likelihood_by_the_past(model, input_ids):
    total, past = 0.0, None
    for t in range(input_ids.shape[1] - 1):
        out = model(input_ids[:, t:t + 1], past_key_values=past, use_cache=True)
        past = out.past_key_values
        log_p = out.logits[0, -1] - out.logits[0, -1].logsumexp(0)
        total += log_p[input_ids[0, t + 1]].item()
    return total


def random(score=lambda total, n: total / (n - 1), wrong=False, wrap=bool):
    def is_random(model, input_ids, threshold):
        with torch.no_grad():
            total = likelihood()(model, input_ids)
        below = score(total, input_ids.shape[1]) < threshold
        return wrap(below != wrong)

    return is_random


def random_by_loss(model, input_ids, threshold):
    return bool(-model(input_ids, labels=input_ids).loss.item() < threshold)


def top_k_scattered(logits, k):
    values, places = logits.topk(min(k, logits.shape[-1]))
    return torch.full_like(logits, -math.inf).scatter(-1, places, values)


def top_k(fill=-math.inf, keep=lambda logits, kth: logits >= kth,
          finish=lambda logits: logits):
    def top_k_logits(logits, k):
        kth = logits.topk(min(k, logits.shape[-1])).values[..., -1:]
        return finish(torch.where(keep(logits, kth), logits, fill))

    return top_k_logits


def top_k_in_place(logits, k):
    k = min(k, logits.shape[-1])
    logits[logits < logits.topk(k).values[..., -1:]] = -math.inf
    return logits


def top_k_without_limit(logits, k):
    return logits.masked_fill(logits < logits.topk(k).values[..., -1:], -math.inf)


def top_k_one_bound(logits, k):
    return logits.masked_fill(logits < logits.flatten().topk(
        min(k, logits.numel())).values[-1], -math.inf)


def top_k_by_sorting(logits, k):
    ordered = torch.sort(logits, dim=-1).values
    bound = ordered[..., [-min(k, ordered.shape[-1])]]
    out = logits.clone()
    out[(logits - bound) < 0] = float("-inf")
    return out


def joint(power=lambda T: 1 / T, first=None, reduce=1, normal=True, swap=False):
    def joint_temperature(p1, p2, temperature):
        log_p2 = p2.log() * power(temperature)
        table = p1[:, None].log() * (first or power(temperature))
        table = table + (log_p2.T if swap else log_p2)
        if not normal:
            return table.logsumexp(reduce).exp()
        return table.logsumexp(reduce).softmax(0)

    return joint_temperature


def joint_myopic(p1, p2, temperature):
    return (p1.log() / temperature).softmax(0)


def joint_second_only(p1, p2, temperature):
    scaled = (p2.log() / temperature).softmax(1)
    return (p1[:, None] * scaled).sum(1)


def joint_by_powers(p1, p2, temperature):
    table = (p1[:, None] * p2) ** (1 / temperature)
    return table.sum(1) / table.sum()


def joint_by_one_softmax(p1, p2, temperature):
    table = torch.log(p1.unsqueeze(1) * p2)
    return torch.softmax(table.flatten() / temperature, 0).view(p2.shape).sum(1)


def scale(myopic=lambda logits, T: logits / T, first=lambda logits, T: logits / T,
          second=lambda logits: logits.log_softmax(-1), cut=True, ahead=None,
          heat=lambda T: 1 / T, total=lambda terms: terms.logsumexp(-1)):
    def temperature_scale(logits, model, past, temperature, horizon, k):
        if horizon == 1:
            return myopic(logits, temperature)
        words = logits[0].isfinite().nonzero()
        cache = (ahead or copied)(past, len(words))
        after = model(words, past_key_values=cache).logits[:, -1]
        after = top_k()(after, k) if cut else after
        bonus = total(second(after) * heat(temperature))
        scaled = first(logits, temperature).clone()
        scaled[0, words[:, 0]] += bonus
        return scaled

    return temperature_scale


def copied(past, many):
    past = copy.deepcopy(past)
    past.batch_repeat_interleave(many)
    return past


def uncopied(past, many):
    past.batch_repeat_interleave(many)
    return past


def scale_into_the_past(logits, model, past, temperature, horizon, k):
    """Look ahead word by word, in the cache that belongs to the text."""
    if horizon == 1:
        return logits / temperature
    scaled = logits / temperature
    clean = copy.deepcopy(past)
    for number, word in enumerate(logits[0].isfinite().nonzero()):
        cache = past if number == 0 else copy.deepcopy(clean)
        after = model(word[None], past_key_values=cache).logits[:, -1]
        log_p = top_k()(after, k).log_softmax(-1)
        scaled[0, word] += (log_p / temperature).logsumexp(-1)
    return scaled


def scale_of_probabilities(logits, T):
    p = logits.softmax(-1) / T
    return (p / p.sum(-1, keepdim=True)).log()


def scale_word_by_word(logits, model, past, temperature, horizon, k):
    if horizon == 1:
        return (logits.softmax(-1) ** (1 / temperature)).log()
    scaled = torch.full_like(logits, -math.inf)
    for word in range(logits.shape[-1]):
        if logits[0, word] > -math.inf:
            out = model(torch.tensor([[word]]),
                        past_key_values=copy.deepcopy(past))
            p = top_k_by_sorting(out.logits[0, -1], k).softmax(-1)
            rest = (p ** (1 / temperature)).sum().log()
            scaled[0, word] = logits.log_softmax(-1)[0, word] / temperature + rest
    return scaled


def scale_every_word(logits, model, past, temperature, horizon, k):
    if horizon == 1:
        return logits / temperature
    words = torch.arange(logits.shape[-1])[:, None]
    second = model(words, past_key_values=copied(past, len(words))).logits[:, -1]
    log_p = top_k_by_sorting(second, k).log_softmax(-1)
    return (logits + (log_p / temperature).logsumexp(-1) * temperature) / temperature


def sampler(choose=None, cut=top_k_by_sorting, temper=None, feed=None,
            keep_past=True, row=-1, seeded=True, prompt=True, ahead=None):
    temper = temper or scale()

    def sample(model, input_ids, length, temperature=None, temperature_horizon=1,
               top_k=40, generator=None):
        text, current, past = input_ids, input_ids, None
        for _ in range(length):
            out = model(current, past_key_values=past, use_cache=True)
            past = out.past_key_values
            logits = cut(out.logits[:, row], top_k)
            if temperature is not None:
                logits = temper(logits, model, past, temperature,
                                ahead or temperature_horizon, top_k)
            p = logits.softmax(-1)
            if choose:
                current = choose(p)
            else:
                current = torch.multinomial(
                    p, 1, generator=generator if seeded else None)
            text = torch.cat([text, current], 1)
            past = past if keep_past else None
            current = feed(text) if feed else current
        return text if prompt else text[:, input_ids.shape[1]:]

    return sample


def sample_from_a_list(model, input_ids, length, temperature=None,
                       temperature_horizon=1, top_k=40, generator=None):
    words, past = input_ids[0].tolist(), None
    while len(words) < input_ids.shape[1] + length:
        fed = words if past is None else words[-1:]
        out = model(input_ids=torch.tensor([fed]), past_key_values=past,
                    use_cache=True)
        past = out.past_key_values
        logits = top_k_by_sorting(out.logits[:, -1, :], top_k)
        if temperature is not None:
            logits = scale_word_by_word(logits, model, past, temperature,
                                        temperature_horizon, top_k)
        p = torch.exp(logits - logits.logsumexp(-1, keepdim=True))
        words += torch.multinomial(p[0], 1, generator=generator).tolist()
    return torch.tensor(words)[None]


WRONG = {
    "log_likelihood": {
        "unshifted": (likelihood(begin=0, drop=0), "not shifted"),
        "unshifted, first dropped": (
            lambda m, x: likelihood(begin=0, drop=0,
                                    reduce=lambda t: t[:, 1:].sum().item())(m, x),
            "not shifted"),
        "backwards": (likelihood_backwards, "the wrong way"),
        "mean": (likelihood(reduce=lambda t: t.mean().item()), "this is the mean"),
        "loss": (likelihood(reduce=lambda t: -t.mean().item()), "this is a loss"),
        "loss times T": (likelihood_by_loss_times_length, "T − 1 tokens"),
        "logits": (likelihood(log_p=lambda x: x), "added up as they are"),
        "softmax twice": (likelihood(log_p=lambda x: x.softmax(-1).log_softmax(-1)),
                          "softmax is applied twice"),
        "probabilities": (likelihood(log_p=lambda x: x.softmax(-1)),
                          "these are probabilities"),
        "bits": (likelihood(reduce=lambda t: t.sum().item() / math.log(2)),
                 "base 2"),
        "halved": (likelihood_halved, "this is half"),
        "every second": (likelihood(reduce=lambda t: t[:, ::2].sum().item()),
                         "every second token"),
        "last only": (likelihood(reduce=lambda t: t[:, -1].sum().item()),
                      "only the last"),
        "tensor": (likelihood(reduce=lambda t: t.sum()), "a Python float"),
        "terms": (likelihood(reduce=lambda t: t), "their sum is wanted"),
        "over positions": (likelihood(log_p=lambda x: x.log_softmax(1)),
                           "runs over positions"),
    },
    "is_random": {
        "wrong way": (random(wrong=True), "the wrong way round"),
        "sum": (random(score=lambda total, n: total), "the sum over the text"),
        "over T": (random(score=lambda total, n: total / n), "not T"),
        "number": (lambda m, x, t: likelihood()(m, x) / (x.shape[1] - 1),
                   "a number is returned"),
        "tensor": (random(wrap=torch.tensor), "a Python bool"),
        "always": (lambda m, x, t: True, "plays no part"),
    },
    "top_k_logits": {
        "ties dropped": (top_k_scattered, "ties are dropped"),
        "zero": (top_k(fill=0.0), "stay possible"),
        "−1e10": (top_k(fill=-1e10), "is not −inf"),
        "lowest float": (top_k(fill=torch.finfo(torch.float32).min),
                         "is not −inf"),
        "strictly": (top_k(keep=torch.gt), "itself is dropped"),
        "one bound": (top_k_one_bound, "one bound is used"),
        "smallest": (top_k(keep=lambda logits, kth: logits <= (-logits).topk(
            2).values[..., -1:].neg()), "the smallest"),
        "probabilities": (top_k(finish=lambda x: x.softmax(-1)), "probabilities"),
        "in place": (top_k_in_place, "itself was changed"),
        "k too large": (top_k_without_limit, "min(k, V)"),
        "values": (lambda logits, k: logits.topk(k).values, "k largest alone"),
    },
    "joint_temperature": {
        "myopic": (joint_myopic, "the first token alone"),
        "second only": (joint_second_only, "p1 unchanged"),
        "times T": (joint(power=lambda T: T), "the power is 1/τ"),
        "not normalised": (joint(normal=False), "not normalised"),
        "second word": (joint(reduce=0), "the sum goes"),
        "first not scaled": (joint(first=1.0), "the first not at all"),
        "underflow": (joint_by_powers, "underflow"),
    },
    "temperature_scale": {
        "multiplied": (scale(myopic=lambda x, T: x * T), "are multiplied by τ"),
        "softmax first": (scale(myopic=scale_of_probabilities),
                          "before the softmax"),
        "of probabilities": (scale(myopic=lambda x, T: x.softmax(-1) / T),
                             "these are probabilities"),
        "horizon 1 only": (lambda x, m, p, T, h, k: x / T, "this is horizon 1"),
        "second only": (
            scale(first=lambda x, T: x,
                  second=lambda x: (x / 0.5).log_softmax(-1) * 0.5),
            "nothing is scaled"),
        "second's logits": (scale(second=lambda x: x), "must be normalised"),
        "second uncut": (scale(cut=False), "its own top k"),
        "first unscaled": (scale(first=lambda x, T: x), "both are divided"),
        "best second": (scale(total=lambda t: t.max(-1).values), "sum over them"),
        "no past": (scale(ahead=lambda past, many: None), "without the past"),
        "past repeated": (scale(ahead=uncopied), "written into past"),
        "past written": (scale_into_the_past, "written into past"),
        "every word": (scale_every_word, "were cut off are looked at"),
        "no batch": (scale(ahead=lambda past, many: copy.deepcopy(past)),
                     "refuses the batch"),
    },
    "sample": {
        "greedy": (sampler(choose=lambda p: p.argmax(-1, keepdim=True)),
                   "the likeliest word is taken"),
        "top_k ignored": (sampler(cut=lambda logits, k: logits), "top_k is ignored"),
        "global generator": (sampler(seeded=False), "the generator is not passed"),
        "no past": (sampler(keep_past=False), "past is not used"),
        "everything again": (sampler(feed=lambda text: text), "on top of the past"),
        "uncached": (sampler(keep_past=False, feed=lambda text: text),
                     "fed at each step"),
        "first row": (sampler(row=0), "the first position"),
        "no prompt": (sampler(prompt=False), "the prompt belongs"),
        "no temperature": (sampler(temper=lambda x, *rest: x), "no effect"),
        "times T": (sampler(temper=lambda x, m, p, T, *rest: x * T),
                    "the temperature multiplies"),
        "horizon ignored": (sampler(ahead=1), "is ignored"),
    },
}

RIGHT = {
    "log_likelihood": {
        "cross entropy": likelihood_by_cross_entropy,
        "by the mean loss": likelihood_by_the_loss,
        "one token at a time": likelihood_by_the_past,
    },
    "is_random": {"by the loss": random_by_loss, "by the mean": random()},
    "top_k_logits": {"by sorting": top_k_by_sorting, "where": top_k()},
    "joint_temperature": {"one softmax": joint_by_one_softmax},
    "temperature_scale": {"word by word": scale_word_by_word, "batch": scale()},
    "sample": {"from a list": sample_from_a_list, "plain": sampler()},
}
