"""Checks of the exercises of the chapter on likelihood and Monte Carlo."""

import math

import numpy as np
import torch
from scipy import stats

from helpers.exercises.checks import Case, Mistake, checks

ERRORS = (TypeError, ValueError, RuntimeError, AttributeError, IndexError)
SMALL = (1e-300, 1e-45, 1e-30, 1e-20, 1e-16, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5)
CUT = "no gradient gets through: .item(), float(), .detach() and numpy cut it off"


@checks(
    equation="def-li-conditional-kl",
    hints=(
        "The row sums of p_joint are p(x). Mind keepdim=True, so that they "
        "broadcast along a row.",
        "Σ p(x, y) log [p(y|x) / q(y|x)] = Σ p(x, y) log [p(x, y) / (p(x) q(y|x))]: "
        "then nothing is divided by a p(x) that may be 0.",
        "torch.xlogy(p, p) − torch.xlogy(p, p(x) q(y|x)), summed over both axes; "
        "xlogy(0, 0) is 0. Where p is 0 put 1 in place of p(x) q(y|x), or the "
        "gradient is 0 / 0 in a row that never occurs.",
    ),
)
def conditional_kl(answer):
    p = torch.tensor([[0.10, 0.20, 0.05], [0.30, 0.15, 0.20]], dtype=torch.float64)
    q = torch.tensor([[0.20, 0.50, 0.30], [0.60, 0.30, 0.10]], dtype=torch.float64)
    right = _conditional_kl(p, q)
    rows = p.sum(1, keepdim=True)
    given = p / rows
    each = (given * (given / q).log()).sum(1)
    cross = -(p * q.log()).sum()
    yield Case(
        "conditional_kl(p_joint, q_conditional), both of shape (2, 3)",
        lambda: answer(p, q),
        right,
        [
            Mistake("the rows are averaged evenly: weigh each with p(x)",
                    each.mean()),
            Mistake("the rows are added up unweighted: weigh each with p(x)",
                    each.sum()),
            Mistake("the joint stands where p(y|x) belongs, inside the logarithm: "
                    "divide each row by its sum", (p * (p / q).log()).sum()),
            Mistake("this is the cross-entropy −E log q(y|x): the conditional "
                    "entropy of p is to be subtracted", cross),
            Mistake("the sign is wrong", -right),
            Mistake("p and q have changed places", (
                rows[:, 0] * (q * (q / given).log()).sum(1)).sum()),
            Mistake("p and q have changed places, and the rows are unweighted",
                    (q * (q / given).log()).sum()),
            Mistake("this is in bits: take the natural logarithm",
                    right / math.log(2)),
            Mistake("the columns are normalised, not the rows: x is the first axis",
                    (p * (p / p.sum(0) / q).log()).sum()),
            Mistake("one value for each row: the average over x is wanted", each),
            Mistake("one value for each row: their sum is wanted",
                    rows[:, 0] * each),
            Mistake("this is a mean over all cells: the sum is wanted", right / 6),
        ],
    )
    gaps = torch.tensor([[0.5, 0.0], [0.0, 0.0], [0.2, 0.3]], dtype=torch.float64)
    flat = torch.full((3, 2), 0.5, dtype=torch.float64)
    sure = torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.4, 0.6]], dtype=torch.float64)
    nan = "0 · log 0 is nan here, and 0 / 0 in a row that never occurs: such " \
          "pairs contribute nothing, as torch.xlogy has it"
    yield Case(
        "conditional_kl([[.5, 0], [0, 0], [.2, .3]], all rows (.5, .5))",
        lambda: answer(gaps, flat),
        _conditional_kl(gaps, flat),
        [Mistake(nan, math.nan), Mistake(nan, -math.inf), Mistake(nan, math.inf),
         Mistake("a row that never occurs has no p(y|x), 0 / 0: leave it out, or "
                 "do without the quotient", raises=ERRORS)],
    )
    yield Case(
        "conditional_kl([[.5, 0], [0, 0], [.2, .3]], its own conditional)",
        lambda: answer(gaps, sure),
        0.0,
        [Mistake(nan, math.nan)],
        atol=1e-6,
    )
    yield Case(
        "conditional_kl([[.5, .5]], [[1, 0]])",
        lambda: answer(torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0]])),
        math.inf,
        [Mistake("q rules out what p does not, so the divergence is infinite: "
                 "nan_to_num and masks on q hide that", 0.5 * math.log(0.5)),
         *[Mistake("a small number in the logarithm or the quotient hides that "
                   "the divergence is infinite: torch.xlogy needs none",
                   0.5 * math.log(0.5) + 0.5 * math.log(0.5 / small))
           for small in SMALL],
         *[Mistake("nan_to_num has made the infinite divergence finite",
                   torch.finfo(kind).max)
           for kind in (torch.float32, torch.float64)]],
    )
    logits = torch.tensor([[0.2, -0.4, 0.1], [1.0, 0.3, -0.5]], dtype=torch.float64)
    yield Case(
        "the gradient of conditional_kl(p, softmax of logits) in the logits",
        lambda: _gradient(lambda t: answer(p, t.softmax(1)), logits),
        rows * logits.softmax(1) - p,
        [Mistake(CUT, raises=ERRORS)],
    )
    logits = torch.tensor([[0.2, -0.4], [1.0, 0.3], [0.1, 0.5]], dtype=torch.float64)
    slope = gaps.sum(1, keepdim=True) * logits.softmax(1) - gaps
    hole = slope.clone()
    hole[1] = math.nan
    yield Case(
        "its gradient at [[.5, 0], [0, 0], [.2, .3]]",
        lambda: _gradient(lambda t: answer(gaps, t.softmax(1)), logits),
        slope,
        [Mistake("in a row that never occurs the gradient is 0 / 0, though the value "
                 "is right: put 1 in place of p(x) q(y|x) where p is 0", hole),
         Mistake(CUT, raises=ERRORS)],
    )


@checks(
    equation="li-naive-logistic",
    hints=(
        "Expand the square ‖x − μ‖² in the exponent of the Gaussian. What does "
        "not depend on the class cancels in the softmax.",
        "What is linear in x gives the weights, what is left the biases; the "
        "priors enter as their logarithm.",
        "means / variance, and priors.log() − (means ** 2).sum(-1) / (2 variance).",
    ),
)
def naive_bayes_to_logistic(answer):
    means = torch.tensor([[1.0, -0.5], [0.3, 2.0], [-1.2, 0.4]], dtype=torch.float64)
    priors = torch.tensor([0.5, 0.2, 0.3], dtype=torch.float64)
    v, square = 0.7, (means**2).sum(-1)
    weights, biases = means / v, priors.log() - square / (2 * v)
    x = torch.tensor([[0.0, 0.0], [1.0, 0.5], [-0.7, 1.3], [2.0, -1.0]],
                     dtype=torch.float64)
    right = _posterior(x, means, v, priors)

    def gives(says, w, b):
        return Mistake(says, (x @ w.T + b).softmax(-1))

    yield Case(
        "the shapes of naive_bayes_to_logistic(means (3, 2), 0.7, priors (3,))",
        lambda: str(tuple(tuple(part.shape) for part in answer(means, v, priors))),
        "((3, 2), (3,))",
        [Mistake("the squares are to be summed over the features, the last axis: "
                 "one bias for each class", "((3, 2), (3, 2))"),
         Mistake("one bias for each class: sum over the features, the last axis",
                 "((3, 2), ())"),
         Mistake("one bias for each class: sum over the last axis, not the first",
                 "((3, 2), (2,))"),
         Mistake("one bias for each class: sum over the last axis, not the first",
                 raises=(RuntimeError,)),
         Mistake("one bias for each class: no keepdim", "((3, 2), (3, 1))"),
         Mistake("means @ means.T holds the products of all pairs of classes: "
                 "square and sum over the features", "((3, 2), (3, 3))"),
         Mistake("the biases come second", "((3,), (3, 2))"),
         Mistake("the weights have a row for each class", "((2, 3), (3,))")],
    )
    yield Case(
        "the posterior at four points from naive_bayes_to_logistic(means, 0.7, "
        "priors), compared with Bayes' rule",
        lambda: _softmax_of(answer(means, v, priors), x),
        right,
        [
            gives("the priors are missing: log π belongs to the biases",
                  weights, -square / (2 * v)),
            gives("the priors enter as a logarithm", weights,
                  priors - square / (2 * v)),
            gives("the square of the means is missing in the biases, or is the "
                  "same for all classes: sum over the features only", weights,
                  priors.log()),
            gives("the natural logarithm of the priors is wanted", weights,
                  priors.log2() - square / (2 * v)),
            gives("the squares are to be summed over the features, not averaged",
                  weights, priors.log() - square / (2 * v) / 2),
            gives("Python reads a / 2 * b as (a / 2) · b: brackets around 2 "
                  "variance", weights, priors.log() - square / 2 * v),
            gives("the weights have no ½: the cross term of the square is twice "
                  "the product", means / (2 * v), biases),
            gives("the sign of the weights is wrong", -weights, biases),
            gives("the square of the means has the wrong sign", weights,
                  priors.log() + square / (2 * v)),
            gives("the ½ of the square is missing", weights,
                  priors.log() - square / v),
            gives("the square is to be divided by the variance, too", weights,
                  priors.log() - square / 2),
            gives("the variance is σ²: do not square it", means / v**2,
                  priors.log() - square / (2 * v**2)),
            gives("the variance is σ², not σ: do not take its root",
                  means / v**0.5, priors.log() - square / (2 * v**0.5)),
            gives("the means are to be divided by the variance in the weights",
                  means, biases),
            gives("the weights lack the variance, and the biases too", means,
                  priors.log() - square / 2),
            gives("the square is of the length: sum of the squares, not square of "
                  "the sum", weights,
                  priors.log() - means.sum(-1) ** 2 / (2 * v)),
            gives("the length is to be squared", weights,
                  priors.log() - square.sqrt() / (2 * v)),
        ],
        rtol=1e-9, atol=1e-12,
    )
    many = torch.tensor([[3.0], [-2.0]], dtype=torch.float64)
    even = torch.tensor([0.9, 0.1], dtype=torch.float64)
    at = torch.tensor([[0.5], [-1.0]], dtype=torch.float64)
    yield Case(
        "the posterior of two classes with one feature, the variance a tensor",
        lambda: _softmax_of(answer(many, torch.tensor(4.0, dtype=torch.float64),
                                   even), at),
        _posterior(at, many, 4.0, even),
        [Mistake("the variance may be a number or a tensor without axes",
                 raises=ERRORS)],
        rtol=1e-9, atol=1e-12,
    )


@checks(
    equation="li-count-order",
    hints=(
        "The table of variable i has a row for each combination of the values of "
        "its predecessors, and k_i − 1 free entries in each row.",
        "Variable i has min(i, order) predecessors, if i counts from 0: the slice "
        "cardinalities[max(0, i - order):i]. math.prod of an empty list is 1.",
        "sum((k - 1) * math.prod(cardinalities[max(0, i - order):i]) for i, k in "
        "enumerate(cardinalities)), where None means an order of len(cardinalities).",
    ),
)
def count_parameters(answer):
    k = [2, 3, 4, 2, 5]
    yield Case(
        "count_parameters([2, 3, 4, 2, 5], None)",
        lambda: answer(k, None),
        2 * 3 * 4 * 2 * 5 - 1,
        [Mistake("the entries sum to 1, so that one of them is not free: −1",
                 2 * 3 * 4 * 2 * 5),
         Mistake("None stands for the unrestricted joint, not for independence",
                 sum(k) - 5),
         Mistake("order None must be possible: treat it first", raises=TypeError)],
        rtol=0, atol=0,
    )
    yield Case(
        "count_parameters([2, 3, 4, 2, 5], 0)",
        lambda: answer(k, 0),
        1 + 2 + 3 + 1 + 4,
        [Mistake("order 0 is falsy in Python: ask `order is None`, not "
                 "`not order`", 2 * 3 * 4 * 2 * 5 - 1),
         Mistake("each row sums to 1: k − 1 free entries, not k", sum(k)),
         Mistake("the first variables' entries sum to 1, too: the −1 of the "
                 "bracket is missing", 1 + 11),
         Mistake("order 0 means that no predecessor is looked at; the slice "
                 "[-0:] takes all of them", _count(k, 99)),
         Mistake("order 0 means that no predecessor is looked at",
                 _count(k, 1))],
        rtol=0, atol=0,
    )
    for order in (1, 2):
        start = [math.prod(k[max(0, i - order):i]) for i in range(5)]
        yield Case(
            f"count_parameters([2, 3, 4, 2, 5], {order})",
            lambda order=order: answer(k, order),
            _count(k, order),
            [
                Mistake("each row sums to 1: k_i − 1 free entries, not k_i",
                        sum(n * s for n, s in zip(k, start, strict=True))),
                Mistake("the first variables are forgotten: they have tables, too",
                        sum((k[i] - 1) * start[i] for i in range(order, 5))),
                Mistake("each row sums to 1, not only each table: one entry of "
                        "every row is not free",
                        sum(n * s - 1 for n, s in zip(k, start, strict=True))),
                Mistake("one predecessor too many", _count(k, order + 1)),
                Mistake("one predecessor too few", _count(k, order - 1)),
                Mistake("the rows are the product of the predecessors' numbers of "
                        "values, not their sum",
                        sum((k[i] - 1) * max(1, sum(k[max(0, i - order):i]))
                            for i in range(5))),
                Mistake("the rows are combinations of predecessors' values: "
                        "k_j, not k_j − 1",
                        sum((k[i] - 1) * math.prod(
                            n - 1 for n in k[max(0, i - order):i])
                            for i in range(5))),
                Mistake("the first variables are not independent of each other: "
                        "each has those before it as predecessors",
                        sum((k[i] - 1) * (start[i] if i >= order else 1)
                            for i in range(5))),
                Mistake("the predecessors come before the variable, not after it",
                        _count(k[::-1], order)),
                Mistake("the numbers of values differ: no power of one of them",
                        sum((n - 1) * n**min(i, order) for i, n in enumerate(k))),
            ],
            rtol=0, atol=0,
        )
    yield Case(
        "count_parameters([2, 3, 4], order) for the orders 2, 3 and 9",
        lambda: [answer([2, 3, 4], order) for order in (2, 3, 9)],
        [23, 23, 23],
        [Mistake("an order of n − 1 or more restricts nothing: mind negative "
                 "starts of a slice and lists that end",
                 raises=(IndexError, ValueError)),
         Mistake("an order of n or more is no error, and no reason to count less",
                 [23, 23, 6])],
        rtol=0, atol=0,
    )
    yield Case(
        "str(count_parameters([2] * 200, None))",
        lambda: str(answer([2] * 200, None)),
        str(2**200 - 1),
        [Mistake("the number does not fit into an integer of 64 bits or a float: "
                 "stay with Python's own, as math.prod does", raises=ERRORS),
         Mistake("the number does not fit into an integer of 64 bits or a float: "
                 "stay with Python's own, as math.prod does", str(-1)),
         Mistake("the number does not fit into an integer of 64 bits or a float: "
                 "stay with Python's own, as math.prod does", str(2.0**200)),
         Mistake("the number does not fit into a float: stay with Python's own "
                 "integers, as math.prod does", str(2**200))],
    )


@checks(
    equation="li-log-mean-exp",
    hints=(
        "Take the largest log weight out before you exponentiate, and add it "
        "again after the logarithm.",
        "torch.logsumexp does that for a sum. A mean is a sum divided by its "
        "number of terms; under a logarithm that is a difference.",
        "torch.logsumexp(log_w, dim) - math.log(log_w.shape[dim])",
    ),
)
def log_mean_exp(answer):
    a = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]], dtype=torch.float64)
    w = a.exp()
    right = w.mean(1).log()
    yield Case(
        "log_mean_exp(log_w of shape (2, 3), 1)",
        lambda: answer(a, 1),
        right,
        [
            Mistake("this is the log of the sum: a mean is divided by the number "
                    "of terms", w.sum(1).log()),
            Mistake("this is the mean of the logs, which is something else",
                    a.mean(1)),
            Mistake("the logarithm of the sum is divided by the number: divide "
                    "inside, or subtract a logarithm", w.sum(1).log() / 3),
            Mistake("the logarithm of the number is to be subtracted, not divided "
                    "by", w.sum(1).log() / math.log(3)),
            Mistake("the logarithm is missing", w.mean(1)),
            Mistake("the number of terms is that of the other dimension",
                    w.sum(1).log() - math.log(2)),
            Mistake("the number of terms is that of all elements: only those "
                    "along dim are averaged", w.sum(1).log() - math.log(6)),
            Mistake("the logarithm of the number is to be subtracted, not the "
                    "number", w.sum(1).log() - 3),
            Mistake("log K is to be subtracted, not added",
                    w.sum(1).log() + math.log(3)),
            Mistake("the largest is not added again after the logarithm",
                    right - a.max(1).values),
            Mistake("dim is ignored: everything is averaged", w.mean().log()),
            Mistake("the dimension is to disappear: no keepdim", right[:, None]),
            Mistake("the other dimension is averaged", w.mean(0).log()),
            Mistake("to subtract the maximum from its row it must keep its "
                    "dimension: keepdim=True", raises=RuntimeError),
        ],
    )
    yield Case(
        "log_mean_exp(log_w of shape (2, 3), 0)",
        lambda: answer(a, 0),
        w.mean(0).log(),
        [Mistake("dim is ignored: the last one is averaged", right),
         Mistake("the number of terms is that of the last dimension, whatever "
                 "dim is", w.sum(0).log() - math.log(3)),
         Mistake("the number of terms is the length of dim, which is not always "
                 "the first or last", raises=ERRORS)],
    )
    deep = torch.tensor([[-1000.0, -1001.0], [900.0, 905.0], [-3.0, -9e4]],
                        dtype=torch.float64)
    exact = torch.tensor([
        -1000 + math.log((1 + math.exp(-1)) / 2),
        905 + math.log((1 + math.exp(-5)) / 2), -3 - math.log(2)],
        dtype=torch.float64)
    over = "exp of −1000 is 0 and exp of 900 is infinite: take the largest of " \
           "the row out first"
    yield Case(
        "log_mean_exp([[−1000, −1001], [900, 905], [−3, −90000]], 1)",
        lambda: answer(deep, 1),
        exact,
        [Mistake(over, exact.new_tensor([-math.inf, math.inf, exact[2]])),
         Mistake("one maximum for the whole tensor is not enough: take that of "
                 "each row, along dim",
                 exact.new_tensor([-math.inf, exact[1], -math.inf])),
         Mistake("something smaller than the largest is taken out, and the largest "
                 "overflows: take the maximum of the row",
                 exact.new_tensor([exact[0], exact[1], math.inf])),
         *[Mistake("a small number in the logarithm hides the underflow and "
                   "falsifies the value: take the largest out",
                   exact.new_tensor([math.log(small), math.inf,
                                     math.log(math.exp(-3) / 2 + small)]))
           for small in SMALL],
         Mistake(over, raises=ERRORS)],
        rtol=1e-12,
    )
    zero = torch.tensor([-math.inf, 0.0], dtype=torch.float64)
    yield Case(
        "log_mean_exp([−∞, 0], 0)",
        lambda: answer(zero, 0),
        -math.log(2),
        [Mistake("a weight of 0 counts among the terms: do not leave it out", 0.0),
         Mistake("a single −∞ must do no harm: subtract the maximum, not the "
                 "minimum or the mean", math.nan)],
    )
    yield Case(
        "the gradient of the sum of log_mean_exp(log_w, 1)",
        lambda: _gradient(lambda t: answer(t, 1).sum(), a),
        a.softmax(1),
        [Mistake(CUT, raises=ERRORS)],
    )


@checks(
    equation="li-reverse",
    hints=(
        "The variance of x2 is its own noise plus what comes from x1: "
        "std2² + slope² std1².",
        "The slope backwards is the covariance slope · std1² over the variance of "
        "x2; the line goes through both means.",
        "What is left of x1 has the variance std1² std2² / variance of x2. Return "
        "deviations, so take roots.",
    ),
)
def gaussian_reverse(answer):
    case = (0.5, 1.5, -0.8, 2.0, 0.6)
    m, s, b, a, r = case
    right = _reverse(*case)
    mean, std, back, start, rest = right
    yield Case(
        "gaussian_reverse(0.5, 1.5, -0.8, 2.0, 0.6)",
        lambda: _real(answer(*case)),
        right,
        [
            Mistake("variances are returned: the second and the last are standard "
                    "deviations", (mean, std**2, back, start, rest**2)),
            Mistake("the second is the variance: return the standard deviation",
                    (mean, std**2, back, start, rest)),
            Mistake("the last is the variance: return the standard deviation",
                    (mean, std, back, start, rest**2)),
            Mistake("the slope backwards is not 1 / slope: predicting x1 from x2, "
                    "part of x2 is noise",
                    (mean, std, 1 / b, m - mean / b, rest)),
            Mistake("the slope backwards is not 1 / slope: predicting x1 from x2, "
                    "part of x2 is noise", (mean, std, 1 / b, -a / b, rest)),
            Mistake("the slope backwards is not that forwards: it is the "
                    "covariance over the variance of x2",
                    (mean, std, b, m - b * mean, rest)),
            Mistake("the marginal of x2 has more variance than its noise: add "
                    "slope² std1²", (mean, r, b * s**2 / r**2,
                                     m - b * s**2 / r**2 * mean, s)),
            Mistake("the intercept is missing in the mean of x2",
                    (b * m, std, back, m - back * b * m, rest)),
            Mistake("the intercept backwards is such that the line goes through "
                    "both means: mean1 − slope · mean2", (mean, std, back, m, rest)),
            Mistake("the intercept backwards has the wrong sign",
                    (mean, std, back, -start, rest)),
            Mistake("the intercept backwards has a minus before the slope: "
                    "mean1 − slope · mean2", (mean, std, back, m + back * mean, rest)),
            Mistake("the line backwards goes through mean2, the mean of what it "
                    "starts from: mean1 − slope · mean2",
                    (mean, std, back, m - back * m, rest)),
            Mistake("the line backwards goes through mean2, not through the "
                    "intercept: mean1 − slope · mean2",
                    (mean, std, back, m - back * a, rest)),
            Mistake("the covariance is slope · std1², not slope · std1",
                    (mean, std, back / s, m - back / s * mean, rest)),
            Mistake("slope and intercept have changed places in the result",
                    (mean, std, start, back, rest)),
            Mistake("slope and intercept have changed places among the arguments",
                    _reverse(m, s, a, b, r)),
            Mistake("what is left of x1, given x2, has less than its whole "
                    "deviation: std1 · std2 / std of x2",
                    (mean, std, back, start, s)),
            Mistake("the deviation given the other is that of x1 given x2, not "
                    "that of x2 given x1", (mean, std, back, start, r)),
            Mistake("deviations are taken for variances: square std1 and std2",
                    _reverse(m, s**0.5, b, a, r**0.5)),
            Mistake("deviations do not add: take the root of the sum of squares",
                    (mean, r + abs(b) * s, b * s**2 / (r + abs(b) * s) ** 2,
                     m - b * s**2 / (r + abs(b) * s) ** 2 * mean,
                     s * r / (r + abs(b) * s))),
            Mistake("the slope is to be squared in the variance of x2",
                    raises=(ValueError, ZeroDivisionError)),
            Mistake("plain numbers must do as well as tensors: ** 0.5 serves both",
                    raises=(TypeError, AttributeError)),
        ],
    )
    yield Case(
        "gaussian_reverse(1, 2, 0, 3, 0.5), where x1 tells nothing of x2",
        lambda: answer(1.0, 2.0, 0.0, 3.0, 0.5),
        (3.0, 0.5, 0.0, 1.0, 2.0),
        [Mistake("a slope of 0 must be possible: do not divide by it",
                 raises=(ZeroDivisionError,))],
    )
    each = torch.tensor([[0.1, -1.0], [0.5, 2.0], [1.2, -0.3], [0.0, 1.0],
                         [0.7, 0.9]], dtype=torch.float64)
    expected = [_reverse(*column) for column in each.T.tolist()]
    yield Case(
        "gaussian_reverse of five tensors of shape (2,)",
        lambda: answer(*each),
        torch.tensor(expected, dtype=torch.float64).T,
        [Mistake("tensors of several elements must do as well as numbers: "
                 "** 0.5 serves both, math.sqrt does not", raises=ERRORS)],
    )


@checks(
    equation="li-second-order",
    hints=(
        "Expand log(1 + δ) to second order, δ being the relative error of p̂.",
        "δ has mean 0 and its square has the mean variance / p².",
        "-variance / (2 * p ** 2)",
    ),
)
def jensen_bias(answer):
    p, v = 0.4, 0.03
    yield Case(
        "jensen_bias(0.4, 0.03)",
        lambda: answer(p, v),
        -v / (2 * p**2),
        [
            Mistake("the sign: the logarithm of an estimate is too small on "
                    "average", v / (2 * p**2)),
            Mistake("the ½ of the second order is missing", -v / p**2),
            Mistake("the ½ of the second order is missing, and the sign is wrong",
                    v / p**2),
            Mistake("the variance is relative to p squared, not to p",
                    -v / (2 * p)),
            Mistake("the variance is to be divided by p²", -v / 2),
            Mistake("`variance` is a variance: do not square it",
                    -(v**2) / (2 * p**2)),
            Mistake("`variance` is a variance: do not take its root",
                    -math.sqrt(v) / (2 * p**2)),
            Mistake("2 p² is meant, not (2 p)²", -v / (2 * p) ** 2),
            Mistake("Python reads a / 2 * b as (a / 2) · b: brackets around 2 p²",
                    -v / 2 * p**2),
            Mistake("this is the logarithm of one plus the bias: the bias itself "
                    "is wanted", math.log(1 - v / (2 * p**2))),
            Mistake("this is the biased logarithm itself: only the bias is wanted",
                    math.log(p) - v / (2 * p**2)),
        ],
        rtol=1e-9,
    )
    yield Case(
        "jensen_bias(2.0, 0.0)",
        lambda: answer(2.0, 0.0),
        0.0,
        [Mistake("an estimate that does not vary has no bias")],
    )
    pairs = torch.tensor([[0.5, 1.0, 2.0], [0.1, 0.2, 0.4]], dtype=torch.float64)
    yield Case(
        "jensen_bias(tensor([0.5, 1, 2]), tensor([0.1, 0.2, 0.4]))",
        lambda: answer(*pairs),
        torch.tensor([-0.2, -0.1, -0.05], dtype=torch.float64),
        [Mistake("tensors must do as well as numbers", raises=ERRORS)],
    )


def _conditional_kl(p, q):
    """Row by row with scipy's entropy, which knows 0 log 0."""
    p, q = np.asarray(p, dtype=float), np.asarray(q, dtype=float)
    return sum(row.sum() * stats.entropy(row / row.sum(), other)
               for row, other in zip(p, q, strict=True) if row.sum() > 0)


def _posterior(x, means, variance, priors):
    """By Bayes' rule from scipy's Gaussian densities."""
    cloud = np.stack([
        stats.norm.pdf(x.numpy(), mean, math.sqrt(variance)).prod(-1)
        for mean in means.numpy()], -1) * priors.numpy()
    return torch.tensor(cloud / cloud.sum(-1, keepdims=True))


def _softmax_of(pair, x):
    weights, biases = pair
    return (x @ weights.T + biases).softmax(-1)


def _count(k, order):
    return sum((n - 1) * math.prod(k[max(0, i - order):i])
               for i, n in enumerate(k))


def _reverse(mean1, std1, slope, intercept, std2):
    """By conditioning the joint Gaussian with its precision matrix."""
    cov = np.array([[std1**2, slope * std1**2],
                    [slope * std1**2, std2**2 + slope**2 * std1**2]])
    precision = np.linalg.inv(cov)
    mean2 = intercept + slope * mean1
    back = -precision[0, 1] / precision[0, 0]
    return (mean2, math.sqrt(cov[1, 1]), back, mean1 - back * mean2,
            1 / math.sqrt(precision[0, 0]))


def _real(values):
    """Raise ValueError where a root of a negative number was taken."""
    if isinstance(values, (tuple, list)) and any(
            isinstance(value, complex) for value in values):
        raise ValueError("a root of a negative number")
    return values


def _gradient(function, point):
    point = point.clone().requires_grad_()
    (slope,) = torch.autograd.grad(function(point), point)
    return slope
