"""Checks of the exercises of the chapter on continual learning."""

import math

import numpy as np
import torch
from torch import nn

from helpers.exercises.checks import Case, Mistake, checks

ERRORS = (TypeError, ValueError, RuntimeError, AttributeError, IndexError,
          KeyError)
# A statistical check allows 5 standard errors for each of its counts: it
# rejects a right answer less often than once in 100,000 times. Generators are
# seeded, so the draws of one answer repeat from run to run.
SIGMAS = 5


@checks(
    equation="def-cl-permute",
    hints=(
        "The last two dimensions are one list of pixels: x.flatten(-2) has "
        "shape (…, height · width).",
        "Indexing the last dimension by `permutation` puts at place j what "
        "stood at place permutation[j].",
        "x.flatten(-2)[..., permutation].reshape(x.shape)",
    ),
)
def permute_pixels(answer):
    x = torch.arange(12.0).reshape(2, 1, 2, 3)
    order = torch.tensor([2, 0, 1, 5, 3, 4])
    rows = x.reshape(2, 6).numpy()
    there = [[row[j] for j in order.tolist()] for row in rows]
    back = [[row[order.tolist().index(j)] for j in range(6)] for row in rows]
    right = torch.tensor(np.array(there)).reshape(x.shape)
    yield Case(
        "permute_pixels(x, [2, 0, 1, 5, 3, 4]), x = 0 … 11 of shape (2, 1, 2, 3)",
        lambda: answer(x.clone(), order),
        right,
        [
            Mistake("this is the inverse permutation: place j must get the "
                    "pixel permutation[j]",
                    torch.tensor(np.array(back)).reshape(x.shape)),
            Mistake("the shape of x is lost: reshape to it at the end",
                    right.flatten(1)),
            Mistake("the shape of x is lost: reshape to it at the end",
                    right.flatten(2)),
            Mistake("nothing has moved", x),
            Mistake("the permutation is of pixels, not of images or rows: "
                    "flatten the last two dimensions", raises=ERRORS),
        ],
        rtol=0, atol=0,
    )
    yield Case(
        "permute_pixels of a single image of shape (2, 3)",
        lambda: answer(x[0, 0].clone(), order),
        right[0, 0],
        [Mistake("x may have any number of dimensions before the last two",
                 raises=ERRORS)],
        rtol=0, atol=0,
    )
    yield Case(
        "two calls with one permutation, and x after them",
        lambda: _twice(answer, x, order),
        "equal, x as it was",
        [Mistake("each call shuffles anew: every image of a task must be "
                 "permuted alike", "different, x as it was"),
         Mistake("x itself was changed: the next task needs it as it was",
                 "equal, x changed"),
         Mistake("x itself was changed: the next task needs it as it was",
                 "different, x changed")],
    )
    yield Case(
        "the type of permute_pixels of bytes",
        lambda: str(answer(x.byte(), order).dtype),
        "torch.uint8",
        [Mistake("the type must stay that of x", raises=ERRORS),
         Mistake("the type must stay that of x", "torch.float32")],
    )


@checks(
    equation="def-cl-forgetting",
    hints=(
        "accuracy[t, i] belongs to task i after training on task t. The tasks "
        "that can be forgotten are all but the last: columns 0 … T − 2.",
        "For each of them take the best value in the rows before the last, and "
        "subtract the last row's.",
        "(accuracy[:-1].max(0).values - accuracy[-1])[:-1].mean()",
    ),
)
def forgetting(answer):
    a = torch.tensor([[0.90, 0.15, 0.20, 0.12],
                      [0.70, 0.80, 0.25, 0.10],
                      [0.75, 0.85, 0.60, 0.30],
                      [0.40, 0.65, 0.70, 0.95]])
    best = a[:-1].amax(0)
    drop = (best - a[-1])[:-1]
    diagonal = (a.diagonal() - a[-1])[:-1]
    yield Case(
        "forgetting of a matrix of four tasks",
        lambda: answer(a),
        drop.mean(),
        [
            Mistake("this is minus the backward transfer: the best earlier "
                    "accuracy counts, not that right after the task",
                    diagonal.mean()),
            Mistake("the mean is over the T − 1 tasks that can be forgotten, "
                    "not over T", drop.sum() / 4),
            Mistake("this is the sum; the mean is wanted", drop.sum()),
            Mistake("one value for each task is returned: their mean is wanted",
                    drop),
            Mistake("the sign is wrong: lost accuracy counts as positive",
                    -drop.mean()),
            Mistake("a gain does not show: the maximum is over the rows before "
                    "the last, and nothing is clamped at 0",
                    (a.amax(0) - a[-1])[:-1].mean()),
            Mistake("the last row and the last task are counted in: both are "
                    "too much", (a.amax(0) - a[-1]).mean()),
            Mistake("the last task is counted in: it cannot be forgotten yet",
                    (best - a[-1]).mean()),
            Mistake("rows and columns are exchanged: accuracy[t, i] belongs to "
                    "task i after task t",
                    (a.T[:-1].amax(0) - a.T[-1])[:-1].mean()),
            Mistake("the first row alone is not the best of the earlier ones",
                    (a[0] - a[-1])[:-1].mean()),
            Mistake("a.max(0) gives values and places: a.amax(0) gives the "
                    "values alone", raises=TypeError),
        ],
    )
    yield Case(
        "forgetting([[0.9, 0.1], [0.3, 0.8]])",
        lambda: answer(torch.tensor([[0.9, 0.1], [0.3, 0.8]])),
        0.6,
        [Mistake("this is the sum or mean over another number of tasks: here "
                 "only the first can be forgotten", 0.3)],
    )
    yield Case(
        "forgetting([[0.5, 0.1], [0.7, 0.8]])",
        lambda: answer(torch.tensor([[0.5, 0.1], [0.7, 0.8]])),
        -0.2,
        [Mistake("a task that improved has negative forgetting: the maximum is "
                 "over the rows before the last, and nothing is clamped", 0.0),
         Mistake("a task that improved has negative forgetting: no absolute "
                 "value", 0.2)],
    )


@checks(
    equation="def-cl-empirical",
    hints=(
        "One gradient for each example, squared, then averaged. Squaring the "
        "gradient of a batch's mean loss is something else.",
        "A loop is right: for each example take torch.autograd.grad of "
        "F.cross_entropy(model(x[i:i+1]), y[i:i+1]) with respect to "
        "list(model.parameters()), and add up the squares.",
        "Faster: torch.func.vmap(torch.func.grad(loss), (None, 0, 0)), where "
        "loss takes a dict of parameters and one example and calls "
        "torch.func.functional_call(model, parameters, (x[None],)).",
        "model.eval() before, model.train(was) after, with was = model.training.",
    ),
)
def fisher_diagonal(answer):
    x = torch.tensor([[1.0, -0.5, 2.0], [0.3, 1.5, -1.0], [-2.0, 0.4, 0.7],
                      [0.8, 0.8, -0.2]], dtype=torch.float64)
    y = torch.tensor([0, 0, 1, 1])
    first = _softmax_fisher(x, y)
    # this dropout drops everything in training mode, at every call
    blind = _softmax_fisher(torch.zeros_like(x), y)
    n = len(x)
    model_like = _softmax_fisher(x, None)
    guess = _softmax_fisher(x, "argmax")
    cases = [
        Mistake("dropout was on: the model must be in eval mode", blind["each"]),
        Mistake("this is the square of the mean gradient: square each "
                "example's gradient first, then average", first["of mean"]),
        Mistake("this is the square of the summed gradient: square each "
                "example's gradient first, then average",
                [n**2 * t for t in first["of mean"]]),
        Mistake("this is the sum over the examples; the mean is wanted",
                [n * t for t in first["each"]]),
        Mistake("gradients have piled up from example to example: set them to "
                "zero before each backward()", first["piled up"]),
        Mistake("the gradients are not squared", first["mean"]),
        Mistake("this is the mean absolute gradient: squares are wanted",
                first["absolute"]),
        Mistake("this is a square root: mean squares are wanted",
                [t.sqrt() for t in first["each"]]),
        Mistake("the examples' losses were divided by their number before "
                "squaring", [t / n**2 for t in first["each"]]),
        Mistake("the examples' losses were divided by their number before "
                "squaring", [t / n for t in first["each"]]),
        Mistake("this is the Fisher information, averaged over the model's "
                "labels: the given labels y are wanted here",
                model_like["each"]),
        Mistake("the labels are the model's best guesses: the given y are "
                "wanted", guess["each"]),
        Mistake("the answer is a dict by parameter name", raises=ERRORS),
    ]
    yield Case(
        "the values of fisher_diagonal(model, x, y), where the model, in "
        "training mode, is Dropout and Linear(3, 2)",
        lambda: _values(answer(_softmax(), x, y)),
        first["each"],
        cases,
    )
    yield Case(
        "the names in fisher_diagonal(model, x, y)",
        lambda: ", ".join(answer(_softmax(), x, y)),
        "1.weight, 1.bias",
        [Mistake("the names are those of model.named_parameters(), in order",
                 raises=ERRORS)],
    )
    yield Case(
        "the model's mode afterwards, when it was in training, in eval mode",
        lambda: _modes(answer, x, y),
        "training, eval",
        [Mistake("the model is left in eval mode, and its dropout will be off "
                 "in the training that follows: put it back", "eval, eval"),
         Mistake("the model is put into training mode although it was not",
                 "training, training")],
    )
    images = torch.linspace(-1, 1, 3 * 25, dtype=torch.float64)
    images = images.reshape(3, 1, 5, 5).sin()
    labels = torch.tensor([0, 1, 0])
    yield Case(
        "fisher_diagonal of a model with a convolution, x of shape (3, 1, 5, 5)",
        lambda: _values(answer(_convolution(), images, labels)),
        _by_loop(_convolution(), images, labels),
        [Mistake("the model wants a batch: give it one example as x[i:i+1] or "
                 "x[None]", raises=ERRORS)],
    )
    yield Case(
        "whether any value of fisher_diagonal(model, x, y) carries a gradient",
        lambda: any(t.requires_grad for t in answer(_softmax(), x, y).values()),
        False,
        [Mistake("importances are constants: detach them", True)],
    )


@checks(
    equation="def-cl-ewc",
    hints=(
        "Go through model.named_parameters() and take anchor[name] and "
        "fisher[name] for each.",
        "The sum of fisher[name] * (parameter − anchor[name])² over all "
        "elements of all parameters, times strength / 2.",
        "strength / 2 * sum((fisher[n] * (p - anchor[n]) ** 2).sum() "
        "for n, p in model.named_parameters())",
    ),
)
def ewc_penalty(answer):
    model = _softmax()
    anchor = {"1.bias": torch.tensor([0.5, -0.2], dtype=torch.float64),
              "1.weight": torch.tensor([[1.0, 0.0, 2.0], [0.5, -1.0, 0.1]],
                                       dtype=torch.float64)}
    fisher = {"1.weight": torch.tensor([[0.2, 1.0, 0.0], [3.0, 0.5, 0.7]],
                                       dtype=torch.float64),
              "1.bias": torch.tensor([2.0, 0.3], dtype=torch.float64)}
    now = {name: p.detach() for name, p in model.named_parameters()}
    gap = {name: now[name] - anchor[name] for name in now}

    def total(f, reduce=torch.sum):
        return sum(reduce(f(fisher[name], gap[name])) for name in now)

    right = 1.5 * total(lambda f, d: f * d**2)
    yield Case(
        "ewc_penalty(model, anchor, fisher, 3.0), of a Linear(3, 2)",
        lambda: answer(model, anchor, fisher, 3.0),
        right,
        [
            Mistake("the factor ½ is missing", 2 * right),
            Mistake("strength is missing", right / 3),
            Mistake("strength is missing, and the factor ½", 2 * right / 3),
            Mistake("the strength is squared: it multiplies the sum once",
                    3 * right),
            Mistake("the Fisher information is missing: every weight is pulled "
                    "alike", 1.5 * total(lambda f, d: d**2)),
            Mistake("the distances are not squared",
                    1.5 * total(lambda f, d: f * d)),
            Mistake("the distances are not squared",
                    1.5 * total(lambda f, d: f * d.abs())),
            Mistake("the Fisher information is squared, too",
                    1.5 * total(lambda f, d: (f * d) ** 2)),
            Mistake("the mean over each tensor is taken; the sum is wanted",
                    1.5 * total(lambda f, d: f * d**2, torch.mean)),
            Mistake("the mean over all weights is taken; the sum is wanted",
                    right / 8),
            Mistake("the biases are forgotten", 1.5 * (
                fisher["1.weight"] * gap["1.weight"] ** 2).sum()),
            Mistake("the anchor is ignored: the distance is from anchor[name]",
                    1.5 * sum((fisher[n] * now[n] ** 2).sum() for n in now)),
            Mistake("match anchor and fisher by name, not by their order",
                    raises=ERRORS),
        ],
    )
    yield Case(
        "the gradient of ewc_penalty(model, anchor, fisher, 3.0) in the weights",
        lambda: _penalty_gradient(answer, anchor, fisher),
        [3 * fisher[name] * gap[name] for name in now],
        [
            Mistake("no gradient gets through: .item(), .detach() and .data cut "
                    "it off", raises=ERRORS),
            Mistake("no gradient gets through: .item(), .detach() and .data cut "
                    "it off", [torch.zeros_like(now[name]) for name in now]),
        ],
    )
    yield Case(
        "ewc_penalty at the anchor",
        lambda: answer(model, now, fisher, 3.0),
        torch.zeros(()),
        [Mistake("at the anchor there is nothing to pay")],
    )


@checks(
    equation="cl-reservoir",
    hints=(
        "Count every item in self.seen first. While there is room, append.",
        "After that draw a slot uniformly from range(self.seen). If it is one "
        "of the buffer's slots, the item takes its place; otherwise it is let "
        "go.",
        "slot = torch.randint(self.seen, (), generator=self.generator); "
        "if slot < self.capacity: self.items[slot] = item",
    ),
)
def ReservoirBuffer(answer):
    yield Case(
        "the items of ReservoirBuffer(3, generator) after 10, 11",
        lambda: _text(_filled(answer, 3, [10, 11], 0)),
        "10, 11",
        [Mistake("while there is room every item is kept, in a list self.items",
                 raises=ERRORS),
         Mistake("while there is room every item is kept, in a list self.items",
                 "")],
    )
    yield Case(
        "the size after 0 … 9 with a capacity of 3, and of 0",
        lambda: f"{len(_filled(answer, 3, range(10), 0))}, "
                f"{len(_filled(answer, 0, range(10), 0))}",
        "3, 0",
        [Mistake("the buffer grows beyond its capacity", "10, 10"),
         Mistake("the buffer grows beyond its capacity", "10, 0"),
         Mistake("the buffer keeps one item too many", "4, 1"),
         Mistake("a capacity of 0 keeps nothing, and is no error",
                 raises=(*ERRORS, ZeroDivisionError)),
         Mistake("a capacity of 0 keeps nothing", "3, 1"),
         Mistake("one list is shared by all buffers: make it in __init__",
                 "3, 3")],
    )
    yield Case(
        "whether draws come from the generator: equal seeds, other global seeds",
        lambda: _reproducible(answer),
        "equal seeds agree, others differ",
        [Mistake("the draws come from elsewhere: pass generator=self.generator",
                 "equal seeds differ, others differ"),
         Mistake("the draws come from elsewhere: pass generator=self.generator",
                 "equal seeds differ, others agree"),
         Mistake("the generator makes no difference: nothing is random after "
                 "the buffer is full, or draws are seeded anew",
                 "equal seeds agree, others agree")],
    )
    yield _shares(answer, 3, 8, 4000)
    yield _shares(answer, 1, 5, 4000)


def _shares(answer, capacity, seen, trials):
    """Return a Case on how often each item of a stream is kept."""
    m, n = capacity, seen
    steps = range(1, n + 1)

    def kept(accept, evict=None):
        """Return the shares when item t enters with probability accept(t)."""
        evict = evict or (lambda t: 1 / m)
        shares = []
        for t in steps:
            share = 1.0 if t <= m else min(1.0, accept(t))
            for later in range(max(t, m) + 1, n + 1):
                share *= 1 - min(1.0, accept(later)) * evict(later)
            shares.append(share)
        return torch.tensor(shares, dtype=torch.float64)

    right = torch.full((n,), m / n, dtype=torch.float64)
    first = torch.tensor([1.0] * m + [0.0] * (n - m))
    mistakes = [
        Mistake("every new item enters: the early ones die out. It may enter "
                "with probability capacity / seen only", kept(lambda t: 1.0)),
        Mistake("the item just seen must be counted before the draw: it enters "
                "too easily", kept(lambda t: m / (t - 1))),
        Mistake("the slot is drawn from one number too many: range(seen), not "
                "range(seen + 1)", kept(lambda t: m / (t + 1))),
        Mistake("the buffer keeps the last items: a queue, no sample",
                first.flip(0)),
        Mistake("the buffer keeps the first items and no others", first),
        Mistake("an item enters with probability ½ whenever it comes: that "
                "forgets the early ones", kept(lambda t: 0.5)),
        Mistake("the first slot is never given away: slots begin at 0",
                _first_fixed(m, n)),
        Mistake("an item enters with probability 1 / seen instead of capacity / "
                "seen", kept(lambda t: 1 / t)),
    ]
    return Case(
        f"how often ReservoirBuffer({m}, generator) holds each of 0 … {n - 1} "
        f"at the end, in {trials} trials",
        lambda: _frequencies(answer, m, n, trials),
        right, mistakes, rtol=0,
        atol=SIGMAS * math.sqrt(m / n * (1 - m / n) / trials),
    )


def _first_fixed(m, n):
    """Return the shares when slot 0 is never replaced: slots from 1 to t."""
    shares = [1.0]
    for t in range(2, n + 1):
        share = 1.0 if t <= m else (m - 1) / t
        for later in range(max(t, m) + 1, n + 1):
            share *= 1 - 1 / later
        shares.append(share)
    return torch.tensor(shares, dtype=torch.float64)


def _frequencies(answer, capacity, seen, trials):
    generator = torch.Generator().manual_seed(20_230_428)
    counts = torch.zeros(seen, dtype=torch.float64)
    for _ in range(trials):
        for item in _add_all(answer(capacity, generator), range(seen)):
            counts[int(item)] += 1
    return counts / trials


def _filled(answer, capacity, stream, seed):
    return _add_all(answer(capacity, torch.Generator().manual_seed(seed)), stream)


def _add_all(buffer, stream):
    for item in stream:
        buffer.add(item)
    return buffer.items


def _text(items):
    return ", ".join(str(int(item)) for item in items)


def _reproducible(answer):
    texts = []
    for global_seed, seed in ((1, 0), (2, 0), (1, 1), (1, 2)):
        torch.manual_seed(global_seed)
        np.random.seed(global_seed)
        texts.append(_text(_filled(answer, 5, range(60), seed)))
    equal = "agree" if texts[0] == texts[1] else "differ"
    others = "agree" if texts[0] == texts[2] == texts[3] else "differ"
    return f"equal seeds {equal}, others {others}"


def _twice(answer, x, order):
    before = x.clone()
    torch.manual_seed(0)
    one, two = answer(x, order), answer(x, order)
    same = "equal" if torch.equal(one, two) else "different"
    return f"{same}, x {'as it was' if torch.equal(x, before) else 'changed'}"


def _softmax():
    """Return a softmax regression behind a dropout that drops everything."""
    model = nn.Sequential(nn.Dropout(1.0), nn.Linear(3, 2)).double()
    with torch.no_grad():
        model[1].weight.copy_(torch.tensor([[0.5, -1.0, 0.3], [0.2, 0.4, -0.6]]))
        model[1].bias.copy_(torch.tensor([0.1, -0.3]))
    return model.train()


def _softmax_fisher(x, y):
    """Return squared gradients of the softmax regression, in closed form.

    `y` None averages over the model's own labels, "argmax" takes its best.
    """
    layer = _softmax()[1]
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    logits = x.numpy() @ weight.T + bias
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    inputs = np.concatenate([x.numpy(), np.ones((len(x), 1))], 1)

    def slopes(labels):
        return (p - np.eye(2)[labels])[:, :, None] * inputs[:, None, :]

    def parts(values):  # (2, 4): the last column belongs to the bias
        return [torch.tensor(values[:, :3]), torch.tensor(values[:, 3])]

    if y is None:
        each = sum(p[:, [c], None] * slopes(np.full(len(x), c)) ** 2
                   for c in range(2))
        return {"each": parts(each.mean(0))}
    g = slopes(p.argmax(1) if isinstance(y, str) else y.numpy())
    return {"each": parts((g**2).mean(0)), "of mean": parts(g.mean(0) ** 2),
            "piled up": parts((g.cumsum(0) ** 2).mean(0)),
            "mean": parts(g.mean(0)), "absolute": parts(abs(g).mean(0))}


def _convolution():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(),
                             nn.Linear(18, 2)).double()


def _by_loop(model, x, y):
    weights = list(model.parameters())
    total = [torch.zeros_like(w) for w in weights]
    for one, label in zip(x, y, strict=True):
        loss = -model(one[None]).log_softmax(-1)[0, label]
        for t, g in zip(total, torch.autograd.grad(loss, weights), strict=True):
            t += g**2 / len(x)
    return total


def _values(importance):
    return [t.detach() for t in importance.values()]


def _modes(answer, x, y):
    found = []
    for training in (True, False):
        model = _softmax().train(training)
        answer(model, x, y)
        found.append("training" if model.training else "eval")
    return ", ".join(found)


def _penalty_gradient(answer, anchor, fisher):
    model = _softmax()
    value = answer(model, anchor, fisher, 3.0)
    found = torch.autograd.grad(value, list(model.parameters()),
                                allow_unused=True)
    return [torch.zeros_like(p) if g is None else g
            for p, g in zip(model.parameters(), found, strict=True)]
