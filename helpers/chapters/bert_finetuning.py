"""Numbers in words, texts made of them, and classifiers without a network."""

import torch
import torch.nn.functional as F

SMALL = ("zero one two three four five six seven eight nine ten eleven twelve "
         "thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"


def in_words(number):
    """Write a whole number from 0 to 99 in English, without a hyphen."""
    small, tens = SMALL.split(), TENS.split()
    if number < len(small):
        return small[number]
    rest = f" {small[number % 10]}" if number % 10 else ""
    return tens[number // 10 - 2] + rest


def larger_expressions(many, generator):
    """Return `many` different expressions with a number from twenty to ninety-nine.

    A list of pairs of a text, "a plus b" or "a minus b" in words, and a label:
    0, 1 or 2 for a value that is negative, zero or positive.
    """
    every = [(a, b, word) for a in range(100) for b in range(100)
             for word in ("plus", "minus") if max(a, b) > 19]
    places = torch.randperm(len(every), generator=generator)[:many]
    pairs = []
    for a, b, word in (every[place] for place in places.tolist()):
        value = a + b if word == "plus" else a - b
        pairs.append((f"{in_words(a)} {word} {in_words(b)}",
                      1 + (value > 0) - (value < 0)))
    return pairs


def order_text(many, generator):
    """Return `many` sentences on the order of the numbers up to nineteen.

    They are sequences of counting, and statements that a number is less than,
    more than or equal to another, or comes after it.
    """
    texts = []
    for _ in range(many):
        kind, a, b, more = (int(torch.randint(size, (), generator=generator))
                            for size in (4, 20, 20, 6))
        low, high = in_words(min(a, b)), in_words(max(a, b))
        if kind == 0:
            last = min(a + 3 + more, 20)
            texts.append(" ".join(in_words(n) for n in range(a, last)))
        elif a == b:
            texts.append(f"{low} is equal to {high}")
        else:
            texts.append((f"{low} is less than {high}",
                          f"{high} is more than {low}",
                          f"{high} comes after {low}")[kind - 1])
    return texts


def logistic(features, labels, decay, classes=3):
    """Fit logistic regression, softmax(W x + b), to features (N, D) and labels (N,).

    Features are float64. Returns W (classes, D) and b (classes,), which L-BFGS
    finds as the minimum of the mean loss in nats plus decay · |W|², a convex
    function.
    """
    W = features.new_zeros(classes, features.shape[1]).requires_grad_()
    b = features.new_zeros(classes).requires_grad_()
    optimizer = torch.optim.LBFGS([W, b], max_iter=200,
                                  line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        value = F.cross_entropy(features @ W.T + b, labels)
        value = value + decay * W.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return W.detach(), b.detach()


def split_rows(labels, sizes, generator):
    """Return a tensor of row numbers for each part of a stratified split.

    `labels` has shape (N,). Each part gets sizes[part][label] random rows of
    each label. Raises ValueError unless the parts together take every row.
    """
    parts = [[] for _ in sizes]
    for label, counts in enumerate(zip(*sizes, strict=True)):
        rows = (labels == label).nonzero()[:, 0]
        if sum(counts) != len(rows):
            raise ValueError(f"label {label} has {len(rows)} rows, and the parts "
                             f"take {sum(counts)}")
        rows = rows[torch.randperm(len(rows), generator=generator)]
        for part, chosen in zip(parts, rows.split(counts), strict=True):
            part.append(chosen)
    return [torch.cat(part) for part in parts]
