"""Checks of the exercises of the chapter on text and images."""

import math

import torch
import torch.nn.functional as F

from helpers.exercises.checks import Case, Mistake, checks

ERRORS = (TypeError, ValueError, RuntimeError, AttributeError, IndexError)


@checks(
    equation="def-ti-normalize",
    hints=(
        "The length of a vector is the root of the sum of its squares, over the "
        "last dimension.",
        "Keep that dimension, so that every row is divided by its own length.",
        "return x / x.norm(dim=-1, keepdim=True).clamp(min=1e-12)",
    ),
)
def l2_normalize(answer):
    x = torch.tensor([[3.0, 4.0], [1.0, -2.0], [0.5, 0.5]])
    yield Case(
        "l2_normalize(x of shape (3, 2))",
        lambda: answer(x.clone()),
        F.normalize(x, dim=-1),
        [
            Mistake("the columns are normalised: each row is a vector",
                    F.normalize(x, dim=0)),
            Mistake("the whole matrix is divided by one length: each row has its "
                    "own", x / x.norm()),
            Mistake("the rows are divided by the sum of their absolute values: "
                    "the length is the root of the sum of squares",
                    F.normalize(x, p=1, dim=-1)),
            Mistake("the root is missing: the rows are divided by the square of "
                    "their length", x / (x**2).sum(-1, keepdim=True)),
            Mistake("a softmax is no normalisation to length one", x.softmax(-1)),
            Mistake("the rows are standardised: only their length is to change",
                    (x - x.mean(-1, keepdim=True)) / x.std(-1, keepdim=True)),
            Mistake("the lengths are returned: the vectors divided by them are "
                    "wanted", x.norm(dim=-1)),
            Mistake("the lengths do not broadcast: keep their dimension",
                    raises=ERRORS),
        ],
    )
    deep = torch.arange(1.0, 13.0).reshape(2, 3, 2)
    yield Case(
        "l2_normalize(x of shape (2, 3, 2))",
        lambda: answer(deep.clone()),
        F.normalize(deep, dim=-1),
        [Mistake("any number of leading dimensions is possible: use dim −1",
                 F.normalize(deep, dim=1)),
         Mistake("any number of leading dimensions is possible: use dim −1",
                 raises=ERRORS)],
    )
    yield Case(
        "l2_normalize([[0, 0], [0, 2]])",
        lambda: answer(torch.tensor([[0.0, 0.0], [0.0, 2.0]])),
        torch.tensor([[0.0, 0.0], [0.0, 1.0]]),
        [Mistake("the zero vector has no direction and stays zero: bound the "
                 "length from below",
                 torch.tensor([[math.nan, math.nan], [0.0, 1.0]]))],
    )


@checks(
    equation="def-ti-loss",
    hints=(
        "The logits are one matrix product, times exp(log_temperature). Which "
        "class is right for row i?",
        "Row i should choose column i. Cross-entropy over the rows, again over "
        "the columns, and the mean of the two.",
        "logits = image_features @ text_features.T * log_temperature.exp(); "
        "classes = torch.arange(len(logits)); return (F.cross_entropy(logits, "
        "classes) + F.cross_entropy(logits.T, classes)) / 2",
    ),
)
def contrastive_loss(answer):
    u, v = _pairs()
    t = torch.tensor(1.2)
    cosine = u @ v.T
    logits = cosine * t.exp()
    rows, columns = _cross(logits), _cross(logits.T)
    yield Case(
        "contrastive_loss(image_features, text_features of shape (4, 3), 1.2)",
        lambda: answer(u, v, t),
        (rows + columns) / 2,
        [
            Mistake("only images choose among texts: texts must choose among "
                    "images, too", rows),
            Mistake("only texts choose among images: images must choose among "
                    "texts, too", columns),
            Mistake("the two directions are added: their mean is wanted",
                    rows + columns),
            Mistake("the logits are multiplied by log_temperature itself: its "
                    "exponential is wanted", _both(cosine * t)),
            Mistake("the logits are divided by exp(log_temperature): multiply",
                    _both(cosine / t.exp())),
            Mistake("the temperature plays no part", _both(cosine)),
            Mistake("the sum over pairs is returned: the mean is wanted",
                    2 * (rows + columns)),
            Mistake("the sign is wrong: this is minus the loss",
                    -(rows + columns) / 2),
            Mistake("the softmax runs over all pairs at once: each row and each "
                    "column has its own",
                    logits.logsumexp((0, 1)) - logits.diag().mean()),
            Mistake("softmax is applied twice: cross_entropy takes logits",
                    (_cross(logits.softmax(1)) + _cross(logits.T.softmax(1))) / 2),
        ],
    )
    same = torch.tensor([[1.0, 0.0]] * 5)
    yield Case(
        "contrastive_loss(five equal pairs, log_temperature 2)",
        lambda: answer(same, same, torch.tensor(2.0)),
        math.log(5),
        [Mistake("where nothing can be told apart, the loss is log B")],
    )
    yield Case(
        "the gradient of contrastive_loss by log_temperature",
        lambda: _slope(answer, u, v, 1.2),
        _slope(lambda a, b, s: _both(a @ b.T * s.exp()), u, v, 1.2),
        [Mistake("log_temperature is a parameter: no .item(), no float(), no "
                 "detach()", raises=ERRORS)],
    )


@checks(
    equation="def-ti-retrieve",
    hints=(
        "Similarity of unit vectors is their inner product. Which are the k "
        "largest?",
        "torch.topk returns values and positions, the largest first.",
        "return (query @ features.T).topk(min(k, len(features))).indices",
    ),
)
def retrieve(answer):
    features = F.normalize(torch.tensor([[1.0, 0.2], [0.1, 1.0], [-1.0, 0.3],
                                         [0.8, 0.9], [0.0, -1.0]]), dim=-1)
    query = F.normalize(torch.tensor([0.9, 0.5]), dim=-1)
    order = (features @ query).argsort(descending=True)
    yield Case(
        "retrieve(query of shape (2,), features of shape (5, 2), 3)",
        lambda: answer(query, features, 3),
        order[:3],
        [
            Mistake("the farthest are returned: the largest similarity comes "
                    "first", order.flip(0)[:3]),
            Mistake("the nearest are there, but the nearest must come first",
                    order[:3].flip(0)),
            Mistake("similarities are returned: positions are wanted",
                    (features @ query)[order[:3]]),
            Mistake("the features themselves are returned: positions are wanted",
                    features[order[:3]]),
            Mistake("all are returned: k are wanted", order),
            Mistake("the right ones are in the order of their positions: the "
                    "nearest comes first", order[:3].sort().values),
            Mistake("the transpose is missing", raises=ERRORS),
        ],
    )
    queries = F.normalize(torch.tensor([[0.9, 0.5], [-1.0, 0.0]]), dim=-1)
    orders = (queries @ features.T).argsort(1, descending=True)
    yield Case(
        "retrieve(queries of shape (2, 2), features of shape (5, 2), 2)",
        lambda: answer(queries, features, 2),
        orders[:, :2],
        [Mistake("with several queries each row is one answer: use the last "
                 "dimension", raises=ERRORS),
         Mistake("with several queries each row is one answer: use the last "
                 "dimension")],
    )
    yield Case(
        "retrieve(query, features of shape (5, 2), 9)",
        lambda: answer(query, features, 9),
        order,
        [Mistake("where there are fewer than k, all are returned: min(k, N)",
                 raises=ERRORS)],
    )


@checks(
    equation="def-ti-recall",
    hints=(
        "Query i belongs to column i. How many columns are more similar to it "
        "than that one?",
        "A hit is a query with fewer than k of them. Average the hits.",
        "right = similarity.diag()[:, None]; return "
        "((similarity > right).sum(1) < k).float().mean().item()",
    ),
)
def recall_at_k(answer):
    s = torch.tensor([[0.9, 0.1, 0.2, 0.3], [0.8, 0.7, 0.1, 0.75],
                      [0.5, 0.85, 0.4, 0.1], [0.6, 0.95, 0.3, 0.2]])
    yield Case(
        "recall_at_k(similarity of shape (4, 4), 1)",
        lambda: answer(s, 1),
        0.25,
        [
            Mistake("the number of hits is returned: the share is wanted", 1),
            Mistake("a percentage is returned: a share from 0 to 1 is wanted", 25.0),
            Mistake("nothing counts as a hit: fewer than k must be more similar, "
                    "and the match is not more similar than itself", 0.0),
            Mistake("the columns are taken for the queries: queries stand in rows",
                    _recall(s.T, 1)),
            Mistake("this is the precision or a miss rate: hits are counted", 0.75),
        ],
    )
    yield Case(
        "recall_at_k(similarity of shape (4, 4), 3)",
        lambda: answer(s, 3),
        0.75,
        [
            Mistake("hits are divided by k: a query is hit or not", 0.25),
            Mistake("the columns are taken for the queries: queries stand in rows",
                    _recall(s.T, 3)),
            Mistake("the smallest similarities are taken for the nearest",
                    _recall(-s, 3)),
            Mistake("k plays no part", 0.25),
            Mistake("one too many is counted: fewer than k must be more similar",
                    1.0),
        ],
    )
    yield Case(
        "recall_at_k(similarity of shape (4, 4), 4)",
        lambda: answer(s, 4),
        1.0,
        [Mistake("among all of them the match is always found")],
    )
    yield Case(
        "the type of what recall_at_k returns",
        lambda: type(answer(s, 2)).__name__,
        "float",
        [Mistake("a Python float is wanted: .item()", "Tensor")],
    )


@checks(
    equation="def-ti-zero-shot",
    hints=(
        "Each class has one vector. Which of them is nearest to a picture?",
        "The inner products of pictures and classes have shape (N, C); the class "
        "is the position of the largest in each row.",
        "return (image_features @ class_features.T).argmax(1)",
    ),
)
def zero_shot(answer):
    u = F.normalize(torch.tensor([[1.0, 0.1, 0.0], [0.0, 1.0, 0.6], [0.2, 0.1, 1.0],
                                  [0.9, 0.8, 0.1]]), dim=-1)
    classes = F.normalize(torch.tensor([[0.0, 0.1, 1.0], [1.0, 0.3, 0.2],
                                        [0.1, 1.0, 0.2]]), dim=-1)
    s = u @ classes.T
    yield Case(
        "zero_shot(image_features of shape (4, 3), class_features of shape (3, 3))",
        lambda: answer(u, classes),
        s.argmax(1),
        [
            Mistake("the best picture of each class is returned: the best class "
                    "of each picture is wanted", s.argmax(0)),
            Mistake("the farthest class is chosen", s.argmin(1)),
            Mistake("similarities are returned: the number of the class is wanted",
                    s),
            Mistake("the largest similarity is returned: its position is wanted",
                    s.max(1).values),
            Mistake("probabilities are returned: the number of the class is wanted",
                    s.softmax(1)),
            Mistake("the classes are taken without transposing",
                    (u @ classes).argmax(1)),
        ],
    )
    yield Case(
        "zero_shot(image_features of shape (4, 3), class_features of shape (2, 3))",
        lambda: answer(u, classes[:2]),
        s[:, :2].argmax(1),
        [Mistake("there are as many classes as rows of class_features",
                 raises=ERRORS),
         Mistake("there are as many classes as rows of class_features")],
    )
    yield Case(
        "zero_shot(one picture, class_features)",
        lambda: answer(u[:1], classes),
        torch.tensor([1]),
        [Mistake("a tensor of shape (N,) is wanted, for one picture, too", 1)],
    )


def _pairs():
    u = torch.tensor([[1.0, 0.2, -0.3], [0.1, 1.0, 0.5], [-0.7, 0.4, 1.0],
                      [0.3, -0.9, 0.2]])
    v = torch.tensor([[0.8, 0.5, -0.1], [0.6, 0.7, -0.4], [-0.2, 0.9, 0.8],
                      [0.9, -0.5, 0.6]])
    return F.normalize(u, dim=-1), F.normalize(v, dim=-1)


def _cross(logits):
    return (logits.logsumexp(1) - logits.diag()).mean()


def _both(logits):
    return (_cross(logits) + _cross(logits.T)) / 2


def _slope(answer, u, v, value):
    with torch.enable_grad():
        t = torch.tensor(value, requires_grad=True)
        (slope,) = torch.autograd.grad(answer(u, v, t), t)
    return slope


def _recall(s, k):
    return ((s > s.diag()[:, None]).sum(1) < k).float().mean().item()
