"""Numbers in words, texts made of them, and classification without a network."""

import pytest
import torch
import torch.nn.functional as F

from helpers import in_words, larger_expressions, logistic, order_text, split_rows

SMALL = [in_words(number) for number in range(20)]


def test_numbers_are_written_as_they_are_said():
    assert [in_words(n) for n in (0, 7, 13, 20, 21, 40, 99)] == [
        "zero", "seven", "thirteen", "twenty", "twenty one", "forty",
        "ninety nine"]
    assert len({in_words(number) for number in range(100)}) == 100


def test_larger_expressions_are_true_different_and_larger():
    pairs = larger_expressions(300, torch.Generator().manual_seed(0))
    value = {in_words(number): number for number in range(100)}
    assert len({text for text, _ in pairs}) == 300
    for text, label in pairs:
        word = "plus" if " plus " in text else "minus"
        a, b = (value[part] for part in text.split(f" {word} "))
        result = a + b if word == "plus" else a - b
        assert max(a, b) > 19 and label == 1 + (result > 0) - (result < 0)


def test_the_order_texts_are_true():
    texts = order_text(2000, torch.Generator().manual_seed(0))
    kinds = set()
    for text in texts:
        assert not {"plus", "minus"} & set(text.split())
        words = text.split()
        numbers = [SMALL.index(word) for word in words if word in SMALL]
        if len(numbers) == len(words):
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            kinds.add("counting")
            continue
        first, second = numbers
        kinds.add(kind := " ".join(w for w in words if w not in SMALL))
        assert {"is less than": first < second, "is more than": first > second,
                "comes after": first > second,
                "is equal to": first == second}[kind], text
    assert len(kinds) == 5


def test_a_split_takes_every_row_once_and_the_counts_of_each_label():
    labels = torch.tensor([0] * 5 + [1] * 3 + [2] * 8)
    parts = split_rows(labels, ((3, 1, 4), (2, 2, 4)),
                       torch.Generator().manual_seed(0))
    assert sorted(torch.cat(parts).tolist()) == list(range(16))
    assert labels[parts[0]].bincount().tolist() == [3, 1, 4]
    with pytest.raises(ValueError, match="label 1 has 3 rows"):
        split_rows(labels, ((3, 1, 4), (2, 1, 4)), torch.Generator())


def test_logistic_regression_ends_at_a_minimum():
    dice = torch.Generator().manual_seed(0)
    features = torch.randn(60, 4, generator=dice).double()
    labels = torch.randint(3, (60,), generator=dice)
    W, b = logistic(features, labels, 1e-2)
    W.requires_grad_()
    b.requires_grad_()
    loss = F.cross_entropy(features @ W.T + b, labels) + 1e-2 * W.square().sum()
    slopes = torch.autograd.grad(loss, (W, b))
    assert W.shape == (3, 4) and max(s.abs().max() for s in slopes) < 1e-3
