"""Wrong answers to the exercises, each with its diagnosis, and right ways."""

import itertools

import torch
import torch.nn.functional as F
from torch import nn

NAMES = ("zero one two three four five six seven eight nine ten eleven twelve "
         "thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
NUMBERS = NAMES.split()


def arithmetic(label=lambda value: 1 + (value > 0) - (value < 0), numbers=range(20),
               write="{} {} {}".format, words=("plus", "minus"),
               keep=lambda a, b: True):
    def verbal_arithmetic():
        names = [*NUMBERS, "twenty"]
        return [(write(names[a], word, names[b]),
                 label(a + b if word == "plus" else a - b))
                for word in words for a in numbers for b in numbers if keep(a, b)]

    return verbal_arithmetic


def arithmetic_by_product():
    import numpy as np

    texts = [" ".join(parts) for parts in
             itertools.product(NUMBERS, ("plus", "minus"), NUMBERS)]
    a, b = np.divmod(np.arange(400), 20)
    values = np.stack([(a + b).reshape(20, 20), (a - b).reshape(20, 20)], 1)
    return [[text, int(label)] for text, label in
            zip(texts, np.sign(values).ravel() + 1, strict=True)]


def classifier(pool=lambda out: getattr(out, "pooler_output", None),
               after=lambda logits: logits, measure=F.cross_entropy,
               give=lambda logits, loss: (logits, loss), encode=None, bias=True,
               outputs=lambda n: n):
    class SentenceClassifier(nn.Module):
        def __init__(self, encoder, num_labels):
            super().__init__()
            self.encoder = encoder
            self.classifier = nn.Linear(encoder.config.hidden_size,
                                        outputs(num_labels), bias=bias)

        def forward(self, labels=None, **inputs):
            out = (encode or (lambda net, given: net(**given)))(
                self.encoder, inputs)
            h = pool(out)
            h = out.last_hidden_state[:, 0] if h is None else h
            logits = after(self.classifier(h))
            return give(logits, None if labels is None
                        else measure(logits, labels))

    return SentenceClassifier


def without_gradient(net, given):
    with torch.no_grad():
        return net(**given)


class ClassifierOtherNames(nn.Module):
    def __init__(self, encoder, num_labels):
        super().__init__()
        self.body = encoder
        self.weight = nn.Parameter(torch.zeros(num_labels,
                                               encoder.config.hidden_size))
        self.bias = nn.Parameter(torch.zeros(num_labels))

    def forward(self, labels=None, **inputs):
        out = self.body(**inputs)
        pooled = getattr(out, "pooler_output", None)
        pooled = out.last_hidden_state.select(1, 0) if pooled is None else pooled
        logits = pooled @ self.weight.T + self.bias
        if labels is None:
            return logits, None
        log_p = logits.log_softmax(-1)
        return logits, -log_p[torch.arange(len(labels)), labels].mean()


def report(fits=lambda own, given: own.shape == given.shape, order=sorted,
           state=lambda model: model.state_dict(), give=lambda *lists: lists,
           same=None):
    def loading_report(model, state_dict):
        own = state(model)
        loaded = [name for name in own if name in state_dict
                  and fits(own[name], state_dict[name])]
        return give(order(loaded), order(set(own) - set(loaded)),
                    order(set(state_dict) - set(loaded)))

    return loading_report


def report_by_sets(model, state_dict):
    shapes = {(name, tuple(value.shape))
              for name, value in model.state_dict().items()}
    file = {(name, tuple(value.shape)) for name, value in state_dict.items()}
    return tuple(sorted(name for name, _ in part)
                 for part in (shapes & file, shapes - file, file - shapes))


def report_that_loads(model, state_dict):
    out = report()(model, state_dict)
    model.load_state_dict({name: value for name, value in state_dict.items()
                           if name in out[0]}, strict=False)
    return out


def report_by_endings(model, state_dict):
    own = model.state_dict()
    loaded = [name for name in own
              if any(given.endswith(name) and value.shape == own[name].shape
                     for given, value in state_dict.items())]
    return (sorted(loaded), sorted(set(own) - set(loaded)),
            sorted(name for name in state_dict
                   if not any(name.endswith(end) for end in loaded)))


def report_unexpected_by_name(model, state_dict):
    loaded, missing, _ = report()(model, state_dict)
    return loaded, missing, sorted(set(state_dict) - set(model.state_dict()))


def left(model):
    return sum(w.numel() for w in model.parameters() if w.requires_grad)


def freezing(belongs=lambda name, part: name.startswith(part + "."), count=left,
             parts_of=list):
    def freeze(model, parts):
        for part in parts_of(parts):
            hit = [w for name, w in model.named_parameters() if belongs(name, part)]
            if not hit:
                raise ValueError(f"there is no part {part}")
            for weight in hit:
                weight.requires_grad = False
        return count(model)

    return freeze


def freeze_by_submodule(model, parts):
    for part in parts:
        model.get_submodule(part).requires_grad_(False)
    return left(model)


def freeze_the_module(model, parts):
    for part in parts:
        model.get_submodule(part).requires_grad = False
    return 9


def freeze_in_silence(model, parts):
    for name, weight in model.named_parameters():
        if any(name.startswith(part + ".") for part in parts):
            weight.requires_grad = False
    return left(model)


def freeze_all_but_the_last(model, parts):
    for part in parts:
        model.requires_grad_(True)
        model.get_submodule(part).requires_grad_(False)
    return left(model)


def freeze_the_rest(model, parts):
    model.requires_grad_(False)
    for part in parts:
        model.get_submodule(part).requires_grad_(True)
    return 9


def masking(masks=0.8, keeps=0.1, special=True, choose=lambda u, p: u < p,
            label=lambda ids, inputs, chosen: ids.where(chosen, -100),
            words=lambda size, shape, g: torch.randint(size, shape, generator=g),
            own=lambda generator: generator, copy=torch.clone, spare=False):
    def mask_tokens(input_ids, mask_id, vocab_size, special_ids, probability,
                    generator):
        g, shape = own(generator), input_ids.shape
        ids = input_ids.clone()
        inputs = copy(input_ids)
        chosen = choose(torch.rand(shape, generator=g), probability)
        if special:
            chosen &= ~torch.isin(ids, torch.tensor(special_ids))
        fate = torch.rand(shape, generator=g)
        where = torch.ones_like(chosen) if spare else chosen
        random = words(vocab_size, shape, g)
        inputs[chosen & (fate < masks)] = mask_id
        change = where & (fate >= masks) & (fate < 1 - keeps)
        inputs[change] = random[change]
        return inputs, label(ids, inputs, chosen)

    return mask_tokens


def mask_by_bernoulli(input_ids, mask_id, vocab_size, special_ids, probability,
                      generator):
    """As transformers' data collator does it."""
    labels, inputs = input_ids.clone(), input_ids.clone()
    chances = torch.full(labels.shape, probability)
    for special in special_ids:
        chances[labels == special] = 0
    chosen = torch.bernoulli(chances, generator=generator).bool()
    labels[~chosen] = -100
    masked = torch.bernoulli(torch.full(labels.shape, 0.8),
                             generator=generator).bool() & chosen
    inputs[masked] = mask_id
    random = torch.bernoulli(torch.full(labels.shape, 0.5),
                             generator=generator).bool() & chosen & ~masked
    words = torch.randint(vocab_size, labels.shape, generator=generator)
    inputs[random] = words[random]
    return inputs, labels


def mask_a_tenth_of_the_rest(input_ids, mask_id, vocab_size, special_ids,
                             probability, generator):
    return masking(keeps=0.18)(input_ids, mask_id, vocab_size, special_ids,
                               probability, generator)


def by_global(*_):
    return None


def seeded(_):
    return torch.Generator().manual_seed(7)


def warmup(up=lambda s, w, t: s / w, down=lambda s, w, t: max(0, (t - s) / (t - w)),
           rises=lambda s, w: s < w):
    def linear_warmup(step, warmup, total):
        if rises(step, warmup):
            return up(step, warmup, total)
        return down(step, warmup, total)

    return linear_warmup


def warmup_by_minimum(step, warmup, total):
    fall = max(0.0, (total - step) / (total - warmup))
    return min(step / warmup, fall) if warmup and step < warmup else fall


def warmup_by_transformers(step, warmup, total):
    from transformers.optimization import (
        _get_linear_schedule_with_warmup_lr_lambda as factor,
    )

    return factor(step, num_warmup_steps=warmup, num_training_steps=total)


WRONG = {
    "verbal_arithmetic": {
        "from one": (arithmetic(numbers=range(1, 20)), "from zero to nineteen"),
        "with twenty": (arithmetic(numbers=range(21)), "range(20) ends"),
        "minus only": (arithmetic(words=("minus",)), "both words"),
        "one order": (arithmetic(keep=lambda a, b: a <= b), "both orders"),
        "different numbers": (arithmetic(keep=lambda a, b: a != b),
                              "on both sides"),
        "turned round": (arithmetic(lambda v: 1 + (v < 0) - (v > 0)),
                         "changed places"),
        "signs": (arithmetic(lambda v: (v > 0) - (v < 0)), "one more than the"),
        "zero is positive": (arithmetic(lambda v: 2 if v >= 0 else 0),
                             "label of its own"),
        "values": (arithmetic(lambda v: v if v > 0 else 1 - (v < 0)),
                   "not the value"),
        "symbols": (arithmetic(words=("+", "-")), "no such text"),
    },
    "SentenceClassifier": {
        "before the pooler": (classifier(lambda out: None), "before the pooler"),
        "mean": (classifier(lambda out: out.last_hidden_state.mean(1)),
                 "the mean over the positions"),
        "last": (classifier(lambda out: out.last_hidden_state[:, -1]),
                 "the last position"),
        "softmax": (classifier(after=lambda x: x.softmax(-1)), "probabilities"),
        "twice": (classifier(measure=lambda x, y: F.cross_entropy(
            x.softmax(-1), y)), "applied twice"),
        "sum": (classifier(measure=lambda x, y: F.cross_entropy(
            x, y, reduction="sum")), "the sum over the batch"),
        "logits alone": (classifier(give=lambda x, loss: x), "two things"),
        "loss first": (classifier(give=lambda x, loss: (loss, x) if loss
                                  is not None else (x, None)), "logits, loss"),
        "no mask": (classifier(encode=lambda net, given: net(
            input_ids=given["input_ids"])), "does not reach the encoder"),
        "no gradient": (classifier(encode=without_gradient), "cut it off"),
        "no bias": (classifier(bias=False), "has no bias"),
        "two labels": (classifier(outputs=lambda n: 2), "num_labels of them"),
        "pooler only": (classifier(lambda out: out.pooler_output), "no pooler"),
    },
    "loading_report": {
        "turned round": (report(give=lambda a, b, c: (a, c, b)),
                         "changed places"),
        "counts": (report(give=lambda *lists: tuple(map(len, lists))),
                   "names are wanted"),
        "two": (report(give=lambda a, b, c: (b, c)), "three lists"),
        "shapes": (report(fits=lambda own, given: True), "compare the shapes"),
        "unsorted": (report(order=lambda names: sorted(names)[::-1]),
                     "to be sorted"),
        "parameters": (report(state=lambda model: dict(model.named_parameters())),
                       "more than parameters"),
        "loads": (report_that_loads, "a report changes nothing"),
        "endings": (report_by_endings, "end alike"),
        "unexpected by name": (report_unexpected_by_name, "goes nowhere"),
    },
    "freeze": {
        "prefix": (freezing(lambda name, part: name.startswith(part)),
                   "a part ends at a dot"),
        "what was frozen": (freezing(count=lambda m: sum(
            w.numel() for w in m.parameters() if not w.requires_grad)),
            "what is left"),
        "everything counted": (freezing(count=lambda m: sum(
            w.numel() for w in m.parameters())), "everything is counted"),
        "tensors counted": (freezing(count=lambda m: sum(
            w.requires_grad for w in m.parameters())), "these are tensors"),
        "of the module": (freeze_the_module, "nothing is frozen"),
        "in silence": (freeze_in_silence, "must be an error"),
        "first part": (freezing(parts_of=lambda parts: parts[:1]),
                       "only the first part"),
        "last part": (freeze_all_but_the_last, "only the last part"),
        "the rest": (freeze_the_rest, "the other way round"),
    },
    "mask_tokens": {
        "all masks": (masking(masks=1.0, keeps=0.0), "eight in ten do"),
        "nine in ten": (masking(masks=0.9), "nine in ten"),
        "never random": (masking(keeps=0.2), "no position shows a random word"),
        "never kept": (masking(keeps=0.0), "word of its own"),
        "a tenth of the rest": (mask_a_tenth_of_the_rest, "one in ten of the last"),
        "specials": (masking(special=False), "[CLS] and [SEP] stay"),
        "inverted": (masking(choose=lambda u, p: u >= p), "changed places"),
        "labels everywhere": (masking(label=lambda ids, shown, c: ids),
                              "every position has one"),
        "labels as shown": (masking(label=lambda ids, shown, c:
                                    shown.where(c, -100)), "what is shown"),
        "only masks": (masking(label=lambda ids, shown, c: ids.where(
            shown == 4, -100)), "only positions that show the mask"),
        "others changed": (masking(spare=True), "may be changed only"),
        "in place": (masking(copy=lambda ids: ids), "were written to"),
        "generator ignored": (masking(own=by_global), "is not used"),
        "seeded inside": (masking(own=seeded), "seeded anew"),
        "no specials drawn": (masking(words=lambda size, shape, g: torch.tensor(
            [1, *range(5, size)])[torch.randint(size - 4, shape, generator=g)]),
            "special ones included"),
    },
    "linear_warmup": {
        "from one": (warmup(lambda s, w, t: (s + 1) / w), "(step + 1)"),
        "no fall": (warmup(down=lambda s, w, t: 1), "stays at 1"),
        "fall from nought": (warmup(down=lambda s, w, t: max(0, 1 - s / t)),
                             "begins at step 0"),
        "slow fall": (warmup(down=lambda s, w, t: max(0, 1 - (s - w) / t)),
                      "too slow"),
        "no warm-up": (warmup(rises=lambda s, w: False,
                              down=lambda s, w, t: 1 - s / t), "no warm-up"),
        "whole numbers": (warmup(lambda s, w, t: s // w), "divide with /"),
        "divided by nought": (warmup(rises=lambda s, w: s <= w),
                              "nothing is to be divided"),
        "negative": (warmup(down=lambda s, w, t: (t - s) / (t - w)),
                     "turn negative"),
    },
}

RIGHT = {
    "verbal_arithmetic": {"product and numpy": arithmetic_by_product,
                          "loops": arithmetic()},
    "SentenceClassifier": {"by hand": ClassifierOtherNames,
                           "plain": classifier()},
    "loading_report": {"sets of pairs": report_by_sets, "plain": report()},
    "freeze": {"submodules": freeze_by_submodule, "names": freezing()},
    "mask_tokens": {"bernoulli": mask_by_bernoulli, "plain": masking()},
    "linear_warmup": {"minimum": warmup_by_minimum,
                      "transformers": warmup_by_transformers,
                      "plain": warmup()},
}
