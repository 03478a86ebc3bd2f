"""Derived from book/chapters/likelihood.md, whose solutions it holds."""

import csv
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch.distributions import Normal


def load_birds(path):
    """Return island and species of each penguin, and its bill in mm.

    Two lists of words and a tensor (birds, 2) of bill length and depth.
    Birds of which something is missing are left out.
    """
    with open(path, newline="") as file:
        rows = [row for row in csv.DictReader(file) if all(row.values())]
    columns = ("bill_length_mm", "bill_depth_mm")
    bills = [[float(row[column]) for column in columns] for row in rows]
    return ([row["island"] for row in rows], [row["species"] for row in rows],
            torch.tensor(bills, dtype=torch.float64))


def descend(loss, start):
    """Return where L-BFGS gets from `start`; `loss` turns it into a scalar."""
    point = start.clone().requires_grad_()
    steps = torch.optim.LBFGS(
        [point], max_iter=2000, tolerance_grad=1e-10, tolerance_change=1e-15,
        line_search_fn="strong_wolfe")

    def closure():
        steps.zero_grad()
        value = loss(point)
        value.backward()
        return value

    steps.step(closure)
    return point.detach()


def conditional_kl(p_joint, q_conditional):
    """Return the mean of KL(p(y|x)‖q(y|x)) over p(x), nats; both (x, y)."""
    mix = p_joint.sum(1, keepdim=True) * q_conditional
    mix = torch.where(p_joint > 0, mix, 1.0)  # or 0/0 in the gradient
    return (torch.xlogy(p_joint, p_joint) - torch.xlogy(p_joint, mix)).sum()


def naive_bayes_to_logistic(means, variance, priors):
    """Return weights (C, d) and biases (C,) with the posterior of naive Bayes.

    From means (C, d), one variance and priors (C,): li-naive-logistic."""
    biases = priors.log() - (means**2).sum(-1) / (2 * variance)
    return means / variance, biases


def fit_clouds(x, y, classes=3):
    """Return shares (C,), means (C, d) and residuals (N, d): li-naive-fit.

    `x` is (N, d), `y` holds N class indices.
    """
    hot = F.one_hot(y, classes).to(x)  # (N, C)
    means = hot.T @ x / hot.sum(0)[:, None]
    return hot.mean(0), means, x - hot @ means


def logistic_loss(theta, x, y, ridge=1e-3):
    """Return the log loss in nats, plus ridge/2 · ‖weights‖²: def-li-logistic.

    `theta` (..., C, d + 1) holds weights and biases, `x` is (..., N, d),
    `y` (..., N). A mean over N, a sum over the leading dimensions.
    """
    weights, biases = theta[..., :-1], theta[..., -1]
    scores = x @ weights.mT + biases[..., None, :]
    said = scores.log_softmax(-1).gather(-1, y[..., None])
    penalty = ridge / 2 * (weights**2).sum((-1, -2))
    return (penalty - said.mean((-1, -2))).sum()


def split(y, n, generator):
    """Return n random indices of y, every class among them, and the rest."""
    while True:
        order = torch.randperm(len(y), generator=generator)
        if len(y[order[:n]].unique()) == len(y.unique()):
            return order[:n], order[n:]


def count_parameters(cardinalities, order):
    """Return how many parameters are free; None for all: li-count-order."""
    order = len(cardinalities) if order is None else order
    return sum((k - 1) * math.prod(cardinalities[max(0, i - order):i])
               for i, k in enumerate(cardinalities))


def random_tables(k, order, generator):
    """Return a logit table for each variable, its own values on the last axis.

    `k` lists how many values each has; the other axes of a table are those
    of its `order` predecessors: equation def-li-order.
    """
    return [torch.randn(*k[max(0, i - order):i + 1], generator=generator)
            for i in range(len(k))]


def joint_table(*tables):
    """Return p of all combinations from logit tables: def-li-order."""
    joint = torch.ones(())
    for logits in tables:
        joint = joint[..., None] * logits.softmax(-1)
    return joint


def by_counting(k, order, generator):
    """Return two counts of free parameters: entries, and directions of p."""
    tables = random_tables(k, order, generator)
    free = sum(t.numel() - t[..., 0].numel() for t in tables)
    moves = torch.autograd.functional.jacobian(joint_table, tuple(tables))
    flat = [move.reshape(math.prod(k), -1) for move in moves]
    return [free, int(torch.linalg.matrix_rank(torch.cat(flat, 1), rtol=1e-9))]


def gaussian_reverse(mean1, std1, slope, intercept, std2):
    """Return (mean2, std2, slope, intercept, std1 given 2), reversed.

    The arguments are numbers or tensors that broadcast: x1 ~ N(mean1,
    std1²), x2 given x1 ~ N(intercept + slope·x1, std2²). Equation
    li-reverse.
    """
    mean = intercept + slope * mean1
    std = (std2**2 + slope**2 * std1**2) ** 0.5
    back = slope * std1**2 / std**2
    return mean, std, back, mean1 - back * mean, std1 * std2 / std


def half_lines(reach, points=300):
    """Return nodes on both sides of 0, up to ± `reach`, and their weights."""
    nodes, each = np.polynomial.legendre.leggauss(points)
    right, each = [torch.tensor(reach * t / 2) for t in (nodes + 1, each)]
    return torch.cat([-right.flip(0), right]), torch.cat([each.flip(0), each])


def best_reverse(mean, std):
    """Return a forward model and the reverse one closest to it, on nodes.

    `mean` and `std` turn x1 ~ N(0, 1) into those of x2. A dictionary: nodes
    x1, x2 with weights w1, w2; log_f of the forward density, log_2 of its
    marginal of x2, p2 the probabilities of its nodes; of the reverse model
    m2, v2 and, for each x2, m1, v1; and the function `std`.
    """
    (x1, w1), (x2, w2) = half_lines(9.0), half_lines(12.0)
    log_f = (Normal(0.0, 1.0).log_prob(x1)[:, None]
             + Normal(mean(x1)[:, None], std(x1)[:, None]).log_prob(x2))
    weighed = log_f + w1.log()[:, None]
    log_2, given = weighed.logsumexp(0), weighed.softmax(0)
    m1 = x1 @ given
    v1 = (given * (x1[:, None] - m1) ** 2).sum(0)
    p2 = log_2.exp() * w2
    m2 = p2 @ x2
    v2 = p2 @ (x2 - m2) ** 2
    return dict(x1=x1, w1=w1, x2=x2, w2=w2, log_f=log_f, log_2=log_2, p2=p2,
                m1=m1, v1=v1, m2=m2, v2=v2, std=std)


def log_reverse(x1, x2, m2, v2, m1, v1):
    """Return log p_r on a grid, m1 and v1 for each x2: def-li-directions."""
    second = Normal(m2, v2.sqrt()).log_prob(x2)
    return second + Normal(m1, v1.sqrt()).log_prob(x1[:, None])


def log_mean_exp(log_w, dim):
    """Return log of the mean of exp(log_w) along `dim`: li-log-mean-exp."""
    return torch.logsumexp(log_w, dim) - math.log(log_w.shape[dim])


def jensen_bias(p, variance):
    """Return the bias in nats of log p̂, where p̂ has this mean and variance.

    To second order: equation li-second-order. Numbers or tensors."""
    return -variance / (2 * p**2)


def all_estimates(log_w, chances, K):
    """Return every value of the log mean weight, and its probability.

    `log_w` (3,) holds the log weight of each z, `chances` (3,) how likely
    it is drawn; K independent draws, in any order, are a triple of counts.
    """
    first, second = torch.meshgrid(*[torch.arange(K + 1)] * 2, indexing="ij")
    fits = first + second <= K
    counts = torch.stack([first[fits], second[fits],
                          (K - first - second)[fits]]).double()  # (3, M)
    log_chance = (torch.xlogy(counts, chances[:, None])
                  - torch.lgamma(counts + 1)).sum(0) + math.lgamma(K + 1)
    value = (log_w[:, None] + counts.log()).logsumexp(0) - math.log(K)
    return value, log_chance.exp()


def mean_log(log_w, chances, K):
    """Return E log of the mean of K weights, exactly: all_estimates."""
    value, chance = all_estimates(log_w, chances, K)
    return chance @ value
