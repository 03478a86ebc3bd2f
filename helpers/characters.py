"""Texts as sequences of characters: numbers, batches, and a loop of training."""

import itertools
import random
from collections import defaultdict

import torch
from torch.nn.utils import clip_grad_norm_
from torch.nn.utils.rnn import pad_sequence

from helpers.bars import progress
from helpers.datasets import load_english_spanish, load_english_words

WORD_KINDS = ("1–5 letters", "6–8 letters", "9 letters and more",
              "vowel first", "one consonant", "two consonants",
              "three consonants", "qu", "sc", "th", "hyphenated")


class Vocabulary:
    """The numbers of the hyphen, a–z, start and end, their count, word kinds.

    The symbols that follow are those of phrases; with them there are ALL.
    """

    SYMBOLS = "-abcdefghijklmnopqrstuvwxyz⟨⟩ .,?!¿¡'\"0123456789áéíñóúü"
    SOS, EOS, SIZE, ALL = 27, 28, 29, len(SYMBOLS)
    KINDS = WORD_KINDS


def encode(text):
    """Return the numbers of a text's characters, and EOS."""
    return [*map(Vocabulary.SYMBOLS.index, text), Vocabulary.EOS]


def decode(numbers):
    """Return the text before the first EOS."""
    numbers = itertools.takewhile(lambda k: k != Vocabulary.EOS, numbers)
    return "".join(Vocabulary.SYMBOLS[k] for k in numbers)


def split_words(path, test=2000, validation=1000, train=22_402, small=3198,
                compounds=1500):
    """Return lists of words by name, drawn by a fixed rule.

    "test", "validation" and "large" are disjoint.

    `path` is asset("english_words"). The pool holds the most frequent words
    and `compounds` of two or three of the first 2,000; it is shuffled with a
    fixed seed. "small" is the beginning of "large"; "short" and "short
    validation" are those of "small" and "validation" of at most 8 characters.
    """
    words = load_english_words(path)
    dice, joined = random.Random(413), set()
    while len(joined) < compounds:
        count = dice.choice((2, 2, 3))
        joined.add("-".join(dice.choices(words[:2000], k=count)))
    pool = words[:test + validation + train - compounds] + sorted(joined)
    dice.shuffle(pool)
    large = pool[test + validation:]
    found = {"test": pool[:test], "validation": pool[test:test + validation],
             "large": large, "small": large[:small]}
    for name, part in (("short", "small"), ("short validation", "validation")):
        found[name] = [word for word in found[part] if len(word) <= 8]
    return found


def split_phrases(path, test=1000, validation=500, longest=20):
    """Return pairs of a short phrase and its translation, drawn by a fixed rule.

    `path` is asset("english_spanish"). "test", "validation" and "train" have
    no English phrase in common; a phrase of at most `longest` characters
    stands with each of its Spanish translations of at most twice as many. All
    is in lower case; what has characters that Vocabulary lacks is left out.
    """
    found, known = defaultdict(dict), set(Vocabulary.SYMBOLS) - set("⟨⟩")
    for pair in load_english_spanish(path):
        english, spanish = map(str.lower, pair)
        if (len(english) <= longest and len(spanish) <= 2 * longest
                and known.issuperset(english + spanish)):
            found[english][spanish] = None
    pool, held_out = list(found), test + validation
    random.Random(413).shuffle(pool)
    parts = {"test": pool[:test], "validation": pool[test:held_out],
             "train": pool[held_out:]}
    return {name: [(english, spanish) for english in part
                   for spanish in found[english]] for name, part in parts.items()}


def word_kinds(word):
    """Return the names, of WORD_KINDS, of the groups that a word belongs to."""
    if "-" in word:
        return ["hyphenated"]
    head = next((i for i, c in enumerate(word) if c in "aeiouy"), len(word))
    length = (len(word) > 5) + (len(word) > 8)
    return [WORD_KINDS[length], WORD_KINDS[3 + min(head, 3)],
            *(c for c in ("qu", "sc", "th") if word.startswith(c))]


def by_length(pairs):
    """Return pairs of texts as tensors (source, target) by source length.

    Targets of a group are filled up with −100, which no loss counts.
    """
    groups = defaultdict(list)
    for source, target in pairs:
        groups[len(source)].append((encode(source), encode(target)))
    return [(torch.tensor([s for s, _ in group]),
             pad_sequence([torch.tensor(t) for _, t in group], True, -100))
            for _, group in sorted(groups.items())]


def batches(data, size, generator):
    """Yield all of `data`, from `by_length`, in random batches of one length."""
    parts = [(s[i], t[i]) for s, t in data for i in torch.randperm(
        len(s), generator=generator).split(size)]
    for i in torch.randperm(len(parts), generator=generator).tolist():
        source, target = parts[i]
        longest = (target >= 0).sum(1).max()
        yield source, target[:, :longest]


def fit(model, loss, data, epochs, size, rate, seed, *, watch, falling=False):
    """Train by Adam, keep the weights of the best epoch, return the curve.

    `loss(source, target)` is minimised over `data`, from `by_length`. After
    each epoch `watch()` returns a tuple, whose first value is to be low; the
    curve has all of them. With `falling` the rate rises for a tenth of the
    time, then falls to 0, and gradients are clipped at length 1.
    """
    generator = torch.Generator().manual_seed(seed)
    adam = torch.optim.Adam(model.parameters(), rate, fused=True)
    total = epochs * sum(-(-len(source) // size) for source, _ in data)
    curve, best, step = [], None, 0
    for _ in progress(range(epochs)):
        for source, target in batches(data, size, generator):
            adam.zero_grad()
            loss(source, target).backward()
            if falling:
                step += 1
                adam.param_groups[0]["lr"] = rate * min(
                    10 * step / total, (1 - step / total) / 0.9)
                clip_grad_norm_(model.parameters(), 1.0)
            adam.step()
        curve.append(watch())
        if curve[-1][0] == min(curve)[0]:
            best = {k: v.clone() for k, v in model.state_dict().items()}
    model.load_state_dict(best)
    model.eval()
    return curve
