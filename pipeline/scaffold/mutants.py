"""Wrong answers to the exercises, each with its diagnosis, and right ways."""

import math

import torch
from scipy import stats


def error(make):
    def standard_error(theta, n):
        return make(theta, theta * (1 - theta), n)

    return standard_error


def error_by_bernoulli(theta, n):
    return torch.distributions.Bernoulli(probs=theta).stddev / n**0.5


def error_by_binomial(theta, n):
    return torch.tensor(stats.binom(n, theta.double()).std()) / n


WRONG = {
    "standard_error": {
        "variance": (error(lambda theta, v, n: v / n), "this is the variance"),
        "n outside": (error(lambda theta, v, n: v.sqrt() / n), "outside the root"),
        "no n": (error(lambda theta, v, n: v.sqrt()), "n is missing"),
        "sum": (error(lambda theta, v, n: (v * n).sqrt()), "of the sum of n tosses"),
        "mean": (error(lambda theta, v, n: (theta / n).sqrt()), "1 − θ is missing"),
        "n - 1": (error(lambda theta, v, n: (v / (n - 1)).sqrt()), "n − 1 belongs"),
        "one number": (error(lambda theta, v, n: math.sqrt(v / n)),
                       "may be a tensor"),
    },
}

RIGHT = {
    "standard_error": {
        "torch.distributions": error_by_bernoulli,
        "the binomial's deviation": error_by_binomial,
    },
}
