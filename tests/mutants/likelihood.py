"""Wrong answers to the exercises, each with its diagnosis, and right ways."""

import math

import torch
from torch.distributions import Categorical, kl_divergence


def kl(give=lambda p, rows, q: torch.xlogy(p, p) - torch.xlogy(p, rows * q),
       total=lambda t: t.sum()):
    def conditional_kl(p_joint, q_conditional):
        rows = p_joint.sum(1, keepdim=True)
        return total(give(p_joint, rows, q_conditional))

    return conditional_kl


def kl_evenly(p_joint, q):
    p = p_joint / p_joint.sum(1, keepdim=True)
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(1).mean()


def kl_with_epsilon(p_joint, q):
    p = p_joint / (p_joint.sum(1, keepdim=True) + 1e-12)
    return (p_joint * ((p + 1e-12) / (q + 1e-12)).log()).sum()


def kl_by_rows(p_joint, q):
    total = torch.zeros((), dtype=p_joint.dtype)
    for row, other in zip(p_joint, q, strict=True):
        if row.sum() > 0:
            seen = row > 0
            ratio = row[seen] / row.sum() / other[seen]
            total = total + (row[seen] * ratio.log()).sum()
    return total


def kl_by_entropies(p_joint, q):
    entropy = torch.special.entr(p_joint).sum() - torch.special.entr(
        p_joint.sum(1)).sum()
    return -torch.xlogy(p_joint, q).sum() - entropy


def scores(weights=lambda m, v: m / v,
           biases=lambda m, v, p: p.log() - (m**2).sum(-1) / (2 * v)):
    return lambda m, v, p: (weights(m, v), biases(m, v, p))


def scores_from_class_zero(means, variance, priors):
    weights = (means - means[0]) / variance
    biases = (priors / priors[0]).log() - (
        means.square().sum(1) - means[0].square().sum()) / (2 * variance)
    return weights, biases


def scores_with_constants(means, variance, priors):
    d = means.shape[1]
    norm = torch.einsum("cd,cd->c", means, means)
    return means / variance, (priors.log() - norm / (2 * variance)
                              - d / 2 * math.log(2 * math.pi))


def count(rows=lambda k, i, m: math.prod(k[max(0, i - m):i]),
          free=lambda n: n - 1, first=lambda i, m: True):
    def count_parameters(cardinalities, order):
        k = cardinalities
        m = len(k) if order is None else order
        return sum(free(n) * rows(k, i, m) for i, n in enumerate(k) if first(i, m))

    return count_parameters


def count_entries(k, order):
    return math.prod(k) if order is None else count()(k, order)


def count_none_is_zero(k, order):
    return count()(k, order or 0)


def count_falsy(k, order):
    return count()(k, order or len(k))


def count_by_tensor(k, order):
    if order is None:
        return int(torch.tensor(k).prod()) - 1
    return count()(k, order)


def count_by_loop(k, order):
    order = len(k) - 1 if order is None else min(order, len(k) - 1)
    total = math.prod(k[:order]) - 1
    for i in range(order, len(k)):
        rows = 1
        for j in range(i - order, i):
            rows *= k[j]
        total += rows * (k[i] - 1)
    return total


def mean_by_max(log_w, dim):
    top = log_w.max(dim, keepdim=True).values
    return (log_w - top).exp().mean(dim).log() + top.squeeze(dim)


def mean_by_numpy(log_w, dim):
    return torch.tensor((torch.logsumexp(log_w, dim)
                         - math.log(log_w.shape[dim])).detach().numpy())


def mean_with_global_max(log_w, dim):
    top = log_w.max()
    return (log_w - top).exp().mean(dim).log() + top


def mean_with_epsilon(log_w, dim):
    return (log_w.exp().mean(dim) + 1e-30).log()


def mean_without_zeros(log_w, dim):
    number = torch.isfinite(log_w).sum(dim)
    return torch.logsumexp(log_w, dim) - number.log()


def back(change=lambda *five: five):
    def gaussian_reverse(mean1, std1, slope, intercept, std2):
        mean2 = intercept + slope * mean1
        both = (std2**2 + slope**2 * std1**2) ** 0.5
        other = slope * std1**2 / both**2
        return change(mean2, both, other, mean1 - other * mean2,
                      std1 * std2 / both)

    return gaussian_reverse


def back_inverse_slope(m, s, b, a, r):
    mean, std, _, _, rest = back()(m, s, b, a, r)
    return mean, std, 1 / b, m - mean / b, rest


def back_noise_only(m, s, b, a, r):
    mean = a + b * m
    slope = b * s**2 / r**2
    return mean, r, slope, m - slope * mean, s


def back_by_precisions(m, s, b, a, r):
    precision = 1 / s**2 + b**2 / r**2
    rest = 1 / precision**0.5
    slope = rest**2 * b / r**2
    mean = b * m + a
    return [mean, s * r / rest, slope, rest**2 * (m / s**2 - a * b / r**2), rest]


def back_by_correlation(m, s, b, a, r):
    std = (r * r + (b * s) ** 2) ** (1 / 2)
    rho = b * s / std
    slope = rho * s / std
    mean = a + b * m
    return mean, std, slope, m - slope * mean, s * (1 - rho**2) ** 0.5


WRONG = {
    "conditional_kl": {
        "rows evenly": (kl_evenly, "averaged evenly"),
        "joint inside": (kl(lambda p, r, q: torch.xlogy(p, p) - torch.xlogy(p, q)),
                         "joint stands where"),
        "cross-entropy": (kl(lambda p, r, q: -torch.xlogy(p, q)),
                          "this is the cross-entropy"),
        "sign": (lambda p, q: -kl()(p, q), "sign is wrong"),
        "swapped": (kl(lambda p, r, q: r * q * (q / (p / r)).log()),
                    "changed places"),
        "bits": (lambda p, q: kl()(p, q) / math.log(2), "in bits"),
        "columns": (kl(lambda p, r, q: p * (p / p.sum(0) / q).log()),
                    "columns are normalised"),
        "one for each row": (kl(total=lambda t: t.sum(1)), "one value for each row"),
        "mean": (kl(total=lambda t: t.mean()), "mean over all cells"),
        "plain log": (kl(lambda p, r, q: p * (p / r / q).log()), "0 · log 0"),
        "epsilon": (kl_with_epsilon, "a small number"),
        "nan_to_num": (lambda p, q: kl(
            lambda p, r, q: torch.nan_to_num(p * (p / r / q).log(), 0.0, 0.0, 0.0)
        )(p, q), "hide that"),
        "detached": (lambda p, q: kl()(p, q.detach()), "no gradient"),
        "0/0 in the gradient": (kl(), "the gradient is 0 / 0"),
        "no row left out": (lambda p, q: p.sum(1) @ kl_divergence(
            Categorical(p / p.sum(1, keepdim=True)), Categorical(q)),
            "a row that never occurs"),
        "nan_to_num at the end": (lambda p, q: torch.nan_to_num(
            kl_by_rows(p, q)), "made the infinite divergence finite"),
    },
    "naive_bayes_to_logistic": {
        "no priors": (scores(biases=lambda m, v, p: -(m**2).sum(-1) / (2 * v)),
                      "priors are missing"),
        "priors not logs": (
            scores(biases=lambda m, v, p: p - (m**2).sum(-1) / (2 * v)),
            "enter as a logarithm"),
        "no square": (scores(biases=lambda m, v, p: p.log()),
                      "square of the means is missing"),
        "plus": (scores(biases=lambda m, v, p: p.log() + (m**2).sum(-1) / (2 * v)),
                 "wrong sign"),
        "no half": (scores(biases=lambda m, v, p: p.log() - (m**2).sum(-1) / v),
                    "½ of the square"),
        "deviation": (lambda m, v, p: scores()(m, v**2, p), "do not square it"),
        "root": (lambda m, v, p: scores()(m, v**0.5, p), "do not take its root"),
        "means as weights": (scores(weights=lambda m, v: m),
                             "divided by the variance in the weights"),
        "not summed": (scores(biases=lambda m, v, p: p.log()[:, None]
                              - m**2 / (2 * v)), "one bias for each class"),
        "first axis": (scores(biases=lambda m, v, p: p.log()
                              - (m**2).sum(0) / (2 * v)), "not the first"),
        "square of the sum": (scores(biases=lambda m, v, p: p.log()
                                     - m.sum(-1) ** 2 / (2 * v)),
                              "not square of the sum"),
        "square of all": (scores(biases=lambda m, v, p: p.log()
                                 - torch.norm(m)**2 / (2 * v)),
                          "the same for all classes"),
        "mean of squares": (scores(biases=lambda m, v, p: p.log()
                                   - (m**2).mean(-1) / (2 * v)), "not averaged"),
        "precedence": (scores(biases=lambda m, v, p: p.log()
                              - (m**2).sum(-1) / 2 * v), "brackets"),
        "half weights": (scores(weights=lambda m, v: m / (2 * v)),
                         "weights have no ½"),
        "products of pairs": (scores(biases=lambda m, v, p: p.log()
                                     - m @ m.T / (2 * v)), "all pairs of classes"),
        "results swapped": (lambda m, v, p: scores()(m, v, p)[::-1],
                            "biases come second"),
    },
    "count_parameters": {
        "entries": (count_entries, "one of them is not free"),
        "None as 0": (count_none_is_zero, "None stands for"),
        "falsy": (count_falsy, "ask `order is None`"),
        "None not treated": (lambda k, m: sum(
            (n - 1) * math.prod(k[max(0, i - m):i]) for i, n in enumerate(k)),
            "order None must be possible"),
        "k for k − 1": (lambda k, m: count(free=lambda n: n)(k, m)
                        if m is not None else math.prod(k) - 1,
                        "k − 1 free entries, not k"),
        "first forgotten": (lambda k, m: math.prod(k) - 1 if m is None else
                            count(first=lambda i, m: i >= m)(k, m),
                            "first variables are forgotten"),
        "one too many": (lambda k, m: count()(k, m and m + 1),
                         "one predecessor too many"),
        "tables for rows": (lambda k, m: math.prod(k) - 1 if m is None else sum(
            math.prod(k[max(0, i - m):i + 1]) - 1 for i in range(len(k))),
            "not only each table"),
        "sum of rows": (lambda k, m: math.prod(k) - 1 if m is None else count(
            lambda k, i, m: max(1, sum(k[max(0, i - m):i])))(k, m),
            "not their sum"),
        "k_j − 1": (lambda k, m: math.prod(k) - 1 if m is None else count(
            lambda k, i, m: math.prod(n - 1 for n in k[max(0, i - m):i]))(k, m),
            "k_j, not k_j − 1"),
        "first independent": (lambda k, m: math.prod(k) - 1 if m is None else count(
            lambda k, i, m: math.prod(k[i - m:i]) if i >= m else 1)(k, m),
            "not independent of each other"),
        "64 bits": (count_by_tensor, "64 bits"),
        "beyond n": (lambda k, m: math.prod(k) - 1 if m is None else math.prod(
            k[:m]) - 1 + sum((k[i] - 1) * math.prod(k[i - m:i])
                             for i in range(m, max(m + 1, len(k)))),
            "restricts nothing"),
    },
    "log_mean_exp": {
        "sum": (lambda a, d: torch.logsumexp(a, d), "log of the sum"),
        "mean of logs": (lambda a, d: a.mean(d), "mean of the logs"),
        "divided outside": (lambda a, d: torch.logsumexp(a, d) / a.shape[d],
                            "divided by the number"),
        "no log": (lambda a, d: a.exp().mean(d), "logarithm is missing"),
        "all elements": (lambda a, d: torch.logsumexp(a, d) - math.log(a.numel()),
                         "that of all elements"),
        "divided by log K": (lambda a, d: torch.logsumexp(a, d)
                             / math.log(a.shape[d]), "not divided by"),
        "mean taken out": (lambda a, d: (a - a.mean(d, keepdim=True)).exp()
                           .mean(d).log() + a.mean(d), "the largest overflows"),
        "maximum without its dimension": (
            lambda a, d: (a - a.max(d).values).exp().mean(d).log(),
            "keepdim=True"),
        "K for log K": (lambda a, d: torch.logsumexp(a, d) - a.shape[d],
                        "not the number"),
        "maximum not added": (lambda a, d: (
            a - a.max(d, keepdim=True).values).exp().mean(d).log(),
            "not added again"),
        "dim ignored": (lambda a, d: torch.logsumexp(a, -1) - math.log(a.shape[-1]),
                        "dim is ignored"),
        "last length": (lambda a, d: torch.logsumexp(a, d) - math.log(a.shape[-1]),
                        "number of terms is that of the last"),
        "keepdim": (lambda a, d: torch.logsumexp(a, d, keepdim=True)
                    - math.log(a.shape[d]), "no keepdim"),
        "the obvious way": (lambda a, d: a.exp().mean(d).log(),
                            "exp of −1000 is 0"),
        "one maximum": (mean_with_global_max, "one maximum for the whole"),
        "epsilon": (mean_with_epsilon, "hides the underflow"),
        "zeros left out": (mean_without_zeros, "do not leave it out"),
        "numpy": (mean_by_numpy, "no gradient"),
    },
    "gaussian_reverse": {
        "variances": (back(lambda m, s, b, a, r: (m, s**2, b, a, r**2)),
                      "variances are returned"),
        "last a variance": (back(lambda m, s, b, a, r: (m, s, b, a, r**2)),
                            "the last is the variance"),
        "1 / slope": (back_inverse_slope, "not 1 / slope"),
        "noise only": (back_noise_only, "more variance than its noise"),
        "slope not squared": (lambda m, s, b, a, r: (
            a + b * m, (r**2 + b * s**2) ** 0.5, b, a, s), "slope is to be squared"),
        "covariance of a deviation": (back(lambda m, s, b, a, r: (
            m, s, b / 1.5, 0.5 - b / 1.5 * m, r)), "not slope · std1"),
        "through mean1": (back(lambda m, s, b, a, r: (
            m, s, b, (1 - b) * 0.5, r)), "starts from"),
        "swapped results": (back(lambda m, s, b, a, r: (m, s, a, b, r)),
                            "changed places in the result"),
        "swapped arguments": (lambda m, s, b, a, r: back()(m, s, a, b, r),
                              "changed places among the arguments"),
        "variance arguments": (lambda m, s, b, a, r: back()(m, s**0.5, b, a, r**0.5),
                               "taken for variances"),
        "whole deviation": (lambda m, s, b, a, r: (*back()(m, s, b, a, r)[:4], s),
                            "less than its whole"),
        "tensors only": (lambda *five: tuple(
            torch.sqrt(part) ** 2 for part in back()(*five)), "plain numbers"),
        "numbers only": (lambda m, s, b, a, r: (
            a + b * m, math.sqrt(r**2 + b**2 * s**2), *back()(m, s, b, a, r)[2:]),
            "math.sqrt does not"),
    },
    "jensen_bias": {
        "sign": (lambda p, v: v / (2 * p**2), "the sign"),
        "no half": (lambda p, v: -v / p**2, "½ of the second order"),
        "not squared": (lambda p, v: -v / (2 * p), "p squared"),
        "absolute": (lambda p, v: -v / 2, "divided by p²"),
        "variance squared": (lambda p, v: -(v**2) / (2 * p**2), "do not square"),
        "precedence": (lambda p, v: -v / 2 * p**2, "brackets"),
        "square of 2p": (lambda p, v: -v / (2 * p) ** 2, "not (2 p)²"),
        "log of 1 plus": (lambda p, v: math.log1p(-v / (2 * p**2)),
                          "logarithm of one plus"),
        "the logarithm": (lambda p, v: math.log(p) - v / (2 * p**2),
                          "only the bias"),
    },
}

RIGHT = {
    "conditional_kl": {
        "row by row": kl_by_rows,
        "two entropies": kl_by_entropies,
    },
    "naive_bayes_to_logistic": {
        "against class 0": scores_from_class_zero,
        "with the constants": scores_with_constants,
    },
    "count_parameters": {
        "by the formula of two parts": count_by_loop,
        "by differences of products": lambda k, order: sum(
            math.prod(k[max(0, i - (len(k) if order is None else order)):i + 1])
            - math.prod(k[max(0, i - (len(k) if order is None else order)):i])
            for i in range(len(k))),
    },
    "log_mean_exp": {
        "by the maximum": mean_by_max,
        "weights added to the logs": lambda a, d: torch.logsumexp(
            a - math.log(a.shape[d]), d),
    },
    "gaussian_reverse": {
        "by precisions, a list": back_by_precisions,
        "by the correlation": back_by_correlation,
    },
    "jensen_bias": {
        "by the relative error": lambda p, v: -0.5 * (v**0.5 / p) ** 2,
        "as a product": lambda p, v: v * p**-2 / -2,
    },
}
