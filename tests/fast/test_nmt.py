"""Words by rule, their batches, training that keeps the best, and the kept sweep."""

import gzip
import itertools
import json
import re

import msgpack
import pytest
import torch

from helpers import (
    Vocabulary,
    batches,
    by_length,
    decode,
    encode,
    fit,
    split_phrases,
    split_words,
    word_kinds,
)
from helpers.chapters.nmt import WORD_KINDS
from helpers.data.texts import load_english_spanish, load_english_words
from pipeline.records.sweep import code_of
from solutions.nmt import configurations
from tests.conftest import BOOK


@pytest.fixture
def path(tmp_path):
    words = [a + b + c for a in "abcdefghij" for b in "klmno" for c in "pqrst"]
    path = tmp_path / "words.msgpack.gz"
    with gzip.open(path, "wb") as file:
        file.write(msgpack.packb([{"format": "cB"}, ["the", "it's"], [], words]))
    return path


def test_words_are_read_in_order_and_of_letters_alone(path):
    words = load_english_words(path)
    assert words[:2] == ["the", "akp"] and len(words) == 251


def test_the_sets_are_disjoint_nested_and_always_the_same(path):
    sizes = {"test": 20, "validation": 10, "train": 60, "small": 15, "compounds": 9}
    words = split_words(path, **sizes)
    assert words == split_words(path, **sizes)
    assert {name: len(words[name]) for name in ("test", "validation", "large",
                                                "small")} == {
        "test": 20, "validation": 10, "large": 60, "small": 15}
    for name, part in (("short", "small"), ("short validation", "validation")):
        assert set(words[name]) <= set(words[part])
        left_out = set(words[part]) - set(words[name])
        assert max(map(len, words[name])) <= 8 < min(map(len, left_out), default=9)
    parts = words["test"] + words["validation"] + words["large"]
    assert len(set(parts)) == 90 and sum("-" in word for word in parts) == 9
    assert words["small"] == words["large"][:15]


def test_phrases_are_split_by_their_english_and_keep_every_translation(tmp_path):
    pairs = [(f"Go {a}{b}.", f"Ve {a}{b}{c}.") for a in "abcde" for b in "fg"
             for c in ("", "!")]
    pairs += [("Go af.", "ve AF."), ("x" * 21, "no"), ("Oh", "¡" * 41), ("1 €", "uno")]
    path = tmp_path / "spa.tsv"
    path.write_text("".join(f"{a}\t{b}\tauthors\n" for a, b in pairs))
    assert load_english_spanish(path) == pairs
    parts = split_phrases(path, test=3, validation=2)
    assert parts == split_phrases(path, test=3, validation=2)
    english = {name: {a for a, _ in part} for name, part in parts.items()}
    assert [len(part) for part in english.values()] == [3, 2, 5]
    assert len(set.union(*english.values())) == 10
    assert sorted(sum(parts.values(), [])) == sorted(
        (a.lower(), b.lower()) for a, b in pairs[:20])


def test_a_text_becomes_numbers_and_comes_back():
    assert encode("-az") == [0, 1, 26, 28]
    assert decode(encode("¿año?")) == "¿año?" and 1 + max(encode("ü")) == Vocabulary.ALL
    assert decode([1, 0, 26, 28, 5]) == "a-z"


@pytest.mark.parametrize("word, kinds", [
    ("apple", {"1–5 letters", "vowel first"}),
    ("queen", {"1–5 letters", "one consonant", "qu"}),
    ("schooling", {"9 letters and more", "three consonants", "sc"}),
    ("strengths", {"9 letters and more", "three consonants"}),
    ("thrift", {"6–8 letters", "three consonants", "th"}),
    ("yellow", {"6–8 letters", "vowel first"}),
    ("a-b", {"hyphenated"}),
])
def test_words_have_kinds(word, kinds):
    assert set(word_kinds(word)) == kinds <= set(WORD_KINDS)


def test_batches_hold_everything_once_and_nothing_too_long():
    data = by_length([(a * n, b * m) for a in "abc" for b in "de"
                      for n in (1, 2) for m in (1, 3)])
    seen = []
    for source, target in batches(data, 4, torch.Generator().manual_seed(0)):
        assert len(source) <= 4 and (target[:, -1] >= 0).any()
        seen += [(decode(s), decode(t)) for s, t in
                 zip(source.tolist(), target.tolist(), strict=True)]
    assert len(seen) == len(set(seen)) == 24
    assert {len(s) for s, _ in seen} == {1, 2} and {len(t) for _, t in seen} == {1, 3}


def test_training_keeps_the_best_epoch():
    model, losses, states = torch.nn.Linear(1, 1), iter([3.0, 1.0, 2.0]), []

    def watch():
        states.append(model.weight.item())
        return next(losses), 0.0

    curve = fit(model, lambda s, t: model(s[:, :1].float()).square().mean(),
                by_length([("a", "b"), ("c", "d")]), 3, 1, 0.1, 0, watch=watch)
    assert [loss for loss, _ in curve] == [3.0, 1.0, 2.0]
    assert model.weight.item() == states[1] != states[2]
    assert not model.training


def test_the_kept_sweep_is_whole_and_of_the_code_that_is_there():
    kept = json.loads((BOOK.kept / "nmt.json").read_text())
    found = {(run["parameters"]["only"], run["parameters"]["seed"])
             for run in kept["runs"]}
    assert found == set(itertools.product(configurations(), range(3)))
    assert len(kept["runs"]) == len(found) and kept["profile"] == "full"
    assert {run["code"] for run in kept["runs"]} == {code_of(BOOK.chapter("nmt"))}
    (commit,) = {run["commit"] for run in kept["runs"]}
    assert re.fullmatch("[0-9a-f]{12}", commit)
