"""Texts as sequences of characters: encoding, batches, and a training loop."""

import itertools
import random
from collections import defaultdict

import torch
from torch.nn.utils import clip_grad_norm_
from torch.nn.utils.rnn import pad_sequence

from helpers.data.texts import load_english_spanish, load_english_words
from helpers.notebook import progress

WORD_KINDS = ("1–5 letters", "6–8 letters", "9 letters and more",
              "vowel first", "one consonant", "two consonants",
              "three consonants", "qu", "sc", "th", "hyphenated")


class Vocabulary:
    """The characters that the models read and write; an index is a token.

    Words use the first SIZE symbols: the hyphen, a–z and the marks of start,
    SOS, and end, EOS. Phrases use all of them, ALL. KINDS are WORD_KINDS.
    """

    SYMBOLS = "-abcdefghijklmnopqrstuvwxyz⟨⟩ .,?!¿¡'\"0123456789áéíñóúü"
    SOS, EOS, SIZE, ALL = 27, 28, 29, len(SYMBOLS)
    KINDS = WORD_KINDS


def encode(text):
    """Return a list of the tokens of a text's characters, then EOS."""
    return [*map(Vocabulary.SYMBOLS.index, text), Vocabulary.EOS]


def decode(tokens):
    """Return the text of the tokens before the first EOS."""
    tokens = itertools.takewhile(lambda k: k != Vocabulary.EOS, tokens)
    return "".join(Vocabulary.SYMBOLS[k] for k in tokens)


def split_words(path, test=2000, validation=1000, train=22_402, small=3198,
                compounds=1500):
    """Return a dict of lists of words, split with a fixed seed.

    `path` is asset("english_words"). The pool holds the most frequent words
    and `compounds` of two or three of the first 2,000, and is shuffled.
    "test", "validation" and "large" are disjoint; "small" is the beginning of
    "large"; "short" and "short validation" are the words of "small" and
    "validation" with at most 8 characters.
    """
    words = load_english_words(path)
    generator, joined = random.Random(413), set()
    while len(joined) < compounds:
        count = generator.choice((2, 2, 3))
        joined.add("-".join(generator.choices(words[:2000], k=count)))
    pool = words[:test + validation + train - compounds] + sorted(joined)
    generator.shuffle(pool)
    large = pool[test + validation:]
    found = {"test": pool[:test], "validation": pool[test:test + validation],
             "large": large, "small": large[:small]}
    for name, part in (("short", "small"), ("short validation", "validation")):
        found[name] = [word for word in found[part] if len(word) <= 8]
    return found


def split_phrases(path, test=1000, validation=500, longest=20):
    """Return a dict of lists of pairs (English, Spanish), split with a fixed seed.

    `path` is asset("english_spanish"). "test", "validation" and "train" have
    no English phrase in common. English phrases have at most `longest`
    characters, each with all its translations of at most twice as many. All
    texts are in lower case; those with a character that Vocabulary lacks are
    left out.
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
    """Return pairs of texts as a list of tensors (source, target) of tokens.

    Each element holds the N pairs of one source length S: source (N, S) and
    target (N, T), padded with −100, which the losses ignore.
    """
    groups = defaultdict(list)
    for source, target in pairs:
        groups[len(source)].append((encode(source), encode(target)))
    return [(torch.tensor([s for s, _ in group]),
             pad_sequence([torch.tensor(t) for _, t in group], True, -100))
            for _, group in sorted(groups.items())]


def batches(data, size, generator):
    """Yield all of `data`, from `by_length`, in random batches of one length.

    A batch is (source (B, S), target (B, T)) with B at most `size`.
    """
    parts = [(s[i], t[i]) for s, t in data for i in torch.randperm(
        len(s), generator=generator).split(size)]
    for i in torch.randperm(len(parts), generator=generator).tolist():
        source, target = parts[i]
        longest = (target >= 0).sum(1).max()
        yield source, target[:, :longest]


def fit(model, loss, data, epochs, size, rate, seed, *, watch, falling=False):
    """Train by Adam, keep the weights of the best epoch, return the curve.

    `loss(source, target)` is minimized over `data`, from `by_length`, in
    batches of `size` with the learning rate `rate`. After each epoch `watch()`
    returns a tuple, whose first value decides the best epoch, the lower the
    better; the curve is the list of these tuples. With `falling` the learning
    rate rises linearly for a tenth of the steps, then falls to 0, and gradients
    are clipped at norm 1.
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
