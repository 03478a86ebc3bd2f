"""Checks of the exercises of the chapter on comparing distributions."""

import math

import numpy as np
import torch
from scipy import integrate, optimize, stats

from helpers.exercises.checks import Case, Mistake, agree, checks

ARGUMENTS = (TypeError, ValueError, RuntimeError, AttributeError)


@checks(
    equation="cd-kl-gaussian",
    hints=(
        "There are three terms: the log of a ratio of the deviations, a square "
        "over twice a variance, and a constant.",
        "The log ratio is log(std_q / std_p): q's deviation is on top. The "
        "square is std_p² + (mean_p − mean_q)².",
        "torch.log takes tensors only: torch.as_tensor(std_q / std_p).log() "
        "serves numbers and tensors alike. Do not use .item() or float(), "
        "which cut gradients off.",
    ),
)
def kl_gaussian(answer):
    p, q = (0.5, 1.5), (-1.0, 2.5)
    yield Case(
        "kl_gaussian(0.5, 1.5, -1.0, 2.5)",
        lambda: answer(*p, *q),
        _kl_by_quadrature(p, q),
        [
            Mistake("the arguments are swapped: this is KL(q‖p)",
                    _kl_by_quadrature(q, p)),
            Mistake("the sign of the whole is flipped: a divergence is never "
                    "negative", -_closed(*p, *q)),
            Mistake("std_p and std_q are standard deviations, not variances",
                    _closed(0.5, math.sqrt(1.5), -1.0, math.sqrt(2.5))),
            Mistake("the constant −1/2 is missing", _closed(*p, *q) + 0.5),
            Mistake("the constant is −1/2, not −1", _closed(*p, *q) - 0.5),
            Mistake("the log ratio is upside down: std_q belongs on top",
                    _closed(*p, *q) - 2 * math.log(2.5 / 1.5)),
            Mistake("the log ratio is halved: the ½ belongs to a ratio of "
                    "variances", _closed(*p, *q) - 0.5 * math.log(2.5 / 1.5)),
            Mistake("the log ratio is doubled: it is that of the deviations, or "
                    "half of that of the variances",
                    _closed(*p, *q) + math.log(2.5 / 1.5)),
            Mistake("the unit is the nat: take the natural logarithm",
                    _closed(*p, *q)
                    + (1 / math.log(2) - 1) * math.log(2.5 / 1.5)),
            Mistake("this is in bits: the unit is the nat",
                    _closed(*p, *q) / math.log(2)),
            Mistake("the square is divided by std_q², not by 2 std_q²",
                    _closed(*p, *q) + (1.5**2 + 1.5**2) / (2 * 2.5**2)),
            Mistake("the variance of p is missing beside the squared distance "
                    "of the means", _closed(*p, *q) - 1.5**2 / (2 * 2.5**2)),
            Mistake("the distance of the means is not squared",
                    _closed(*p, *q) + (1.5 - 1.5**2) / (2 * 2.5**2)),
            Mistake("the distance of the means is not squared",
                    _closed(*p, *q) + (-1.5 - 1.5**2) / (2 * 2.5**2)),
            Mistake("plain numbers must do as well as tensors; "
                    "torch.as_tensor(...) makes a tensor of either",
                    raises=(TypeError, AttributeError)),
        ],
    )
    yield Case(
        "kl_gaussian(0.3, 0.7, 0.3, 0.7)",
        lambda: answer(0.3, 0.7, 0.3, 0.7),
        0.0,
        [Mistake("equal distributions have divergence 0")],
        atol=1e-6,
    )
    means, stds = torch.tensor([0.0, 1.0, -2.0]), torch.tensor([1.0, 0.5, 3.0])
    each = [_kl_by_quadrature((m, s), (0.5, 1.2))
            for m, s in zip(means.tolist(), stds.tolist(), strict=True)]
    yield Case(
        "kl_gaussian(tensor([0, 1, -2]), tensor([1, 0.5, 3]), 0.5, 1.2)",
        lambda: answer(means, stds, 0.5, 1.2),
        torch.tensor(each),
        [
            Mistake("the divergences are summed: one for each pair is wanted",
                    sum(each)),
            Mistake("the divergences are averaged: one for each pair is wanted",
                    sum(each) / 3),
            Mistake("tensors of several elements must do as well as numbers: "
                    "use torch's functions, not math's", raises=ARGUMENTS),
        ],
    )
    yield Case(
        "kl_gaussian(means of shape (3, 1), stds of shape (3, 1), "
        "tensor([0, 1]), tensor([1, 2]))",
        lambda: answer(means[:, None], stds[:, None],
                       torch.tensor([0.0, 1.0]), torch.tensor([1.0, 2.0])),
        torch.tensor([
            [_kl_by_quadrature((m, s), other) for other in [(0, 1), (1, 2)]]
            for m, s in zip(means.tolist(), stds.tolist(), strict=True)
        ]),
        [Mistake("the four arguments must broadcast", raises=ARGUMENTS)],
    )
    doubles = [torch.tensor(value, dtype=torch.float64) for value in (*p, *q)]
    yield Case(
        "digits of kl_gaussian of four float64 tensors",
        lambda: _digits(answer(*doubles), _closed(*p, *q)),
        "at least 10",
        [Mistake("the arguments' precision is lost: do not cast to float32",
                 "fewer than 10")],
    )
    yield Case(
        "the gradient of kl_gaussian(1, 2, mean_q, std_q) at mean_q = 0.5, "
        "std_q = 1.5",
        lambda: _gradient(answer),
        [(0.5 - 1) / 1.5**2, 1 / 1.5 - (2**2 + 0.5**2) / 1.5**3],
        [
            Mistake("no gradient gets through: .item(), float(), .detach() and "
                    "math.log all cut it off", raises=ARGUMENTS),
            Mistake("the gradient of the log ratio is cut off: torch.tensor(...) "
                    "copies, torch.as_tensor(...) does not",
                    [(0.5 - 1) / 1.5**2, -(2**2 + 0.5**2) / 1.5**3]),
            Mistake("the gradient in std_q is cut off somewhere",
                    [(0.5 - 1) / 1.5**2, 0.0]),
        ],
    )


@checks(
    equation="cd-mc-error",
    hints=(
        "Each sample gives one log ratio, log_p(x) − log_q(x). The estimate is "
        "their mean.",
        "log_p and log_q return logarithms already: subtract, do not divide.",
        "The standard error is the standard deviation of the log ratios, with "
        "n − 1 as torch's std() has it, divided by √n.",
    ),
)
def kl_monte_carlo(answer):
    def log_p(x):
        return torch.where(x > 0.5, 0.0, -2.0)

    samples = torch.tensor([0.2, 0.9, 0.8, 0.7, 0.1, 0.6], dtype=torch.float64)
    ratio = np.array([-1.0, 1.0, 1.0, 1.0, -1.0, 1.0])
    mean, deviation = ratio.mean(), ratio.std(ddof=1)
    error = deviation / math.sqrt(6)
    yield Case(
        "kl_monte_carlo with log ratios −1, 1, 1, 1, −1, 1",
        lambda: answer(log_p, lambda x: torch.full_like(x, -1.0), samples),
        (1 / 3, math.sqrt(16 / 15 / 6)),
        [
            Mistake("the estimate has the wrong sign: log_p − log_q",
                    (-mean, error)),
            Mistake("the standard deviation is not divided by √n",
                    (mean, deviation)),
            Mistake("the standard deviation is divided by n, not by √n",
                    (mean, deviation / 6)),
            Mistake("the variance over n is returned: its square root is missing",
                    (mean, deviation**2 / 6)),
            Mistake("the variance is returned, not the standard error",
                    (mean, deviation**2)),
            Mistake("the deviation divides by n where n − 1 is right",
                    (mean, ratio.std() / math.sqrt(6))),
            Mistake("the sum is returned, not the mean", (ratio.sum(), error)),
            Mistake("this is the log of the mean ratio; the mean of the log "
                    "ratio is wanted", (math.log(np.exp(ratio).mean()), error)),
            Mistake("this is the mean of the ratio p/q; its logarithm is wanted",
                    (np.exp(ratio).mean(),
                     np.exp(ratio).std(ddof=1) / math.sqrt(6))),
            Mistake("log_p and log_q are logarithms already", (math.nan, math.nan)),
        ],
        atol=1e-6,
    )
    yield Case(
        "kl_monte_carlo with log ratios 0 and 2 of two samples",
        lambda: answer(lambda x: x - 3.0, lambda x: torch.full_like(x, -3.0),
                       torch.tensor([0.0, 2.0])),
        (1.0, 1.0),
        [Mistake("the deviation divides by n where n − 1 is right",
                 (1.0, math.sqrt(0.5)))],
    )
    yield Case(
        "kl_monte_carlo with the log ratio 0.75 at every sample",
        lambda: answer(lambda x: -x, lambda x: -x - 0.75, samples),
        (0.75, 0.0),
        [Mistake("a constant log ratio has no error")],
        atol=1e-6,
    )
    # the quantiles of p stand for a sample without chance
    n = 4001
    quantiles = stats.norm.ppf((np.arange(n) + 0.5) / n)
    p, q = torch.distributions.Normal(0.0, 1.0), torch.distributions.Normal(1.0, 2.0)
    exact = _kl_by_quadrature((0.0, 1.0), (1.0, 2.0))
    spread = math.sqrt(1 / 16 + 0.5 * (1 / 4 - 1) ** 2)
    other_way = _kl_by_quadrature((1.0, 2.0), (0.0, 1.0))
    yield Case(
        "kl_monte_carlo(N(0, 1), N(1, 2²), 4,001 quantiles of N(0, 1))",
        lambda: answer(p.log_prob, q.log_prob, torch.tensor(quantiles)),
        (exact, spread / math.sqrt(n)),
        [
            Mistake("the estimate has the wrong sign: log_p − log_q",
                    (-exact, spread / math.sqrt(n))),
            Mistake("this is KL(q‖p): the samples come from p",
                    (other_way, spread / math.sqrt(n))),
        ],
        rtol=5e-3, atol=1e-3 / math.sqrt(n),
    )


@checks(
    equation="def-cd-directions",
    hints=(
        "Evaluate log_p on the grid once. At every step evaluate log_gaussian of "
        "q there; kl_on_grid then gives the divergence in either direction.",
        "kl_on_grid(a, b, x) averages under its first argument: log_p comes "
        "first for \"forward\", log_q for \"reverse\".",
        "Descend in (mean, log std): theta = torch.tensor([mean, math.log(std)], "
        "dtype=torch.float64, requires_grad=True), torch.autograd.grad(kl, "
        "theta), then theta.data -= rate * natural_step(gradient, std). Return "
        "theta[0].item() and theta[1].exp().item().",
    ),
)
def fit_gaussian(answer):
    near = {"rtol": 0.01, "atol": 0.01}
    broad, total = (0.0, math.sqrt(4.25)), 4.25
    mode, centre = _stationary(2.0, 0.5), _stationary(0.0, 1.7)
    yield Case(
        "fit_gaussian(two_modes, \"forward\", 0.5, 2.0), twice",
        lambda: _twice(lambda: answer(_two_modes, "forward", 0.5, 2.0)),
        "the same",
        [
            Mistake("two equal calls differ: integrate on a grid instead of "
                    "drawing samples", "different"),
            Mistake("a standard deviation went below 0: descend in log std",
                    raises=ValueError),
        ],
    )
    yield Case(
        "fit_gaussian(two_modes, \"forward\", 1.0, 1.0)",
        lambda: answer(_two_modes, "forward", 1.0, 1.0),
        broad,
        [
            Mistake("this is the reverse fit: for \"forward\" p averages", mode),
            Mistake("this is the reverse fit: for \"forward\" p averages", centre),
            Mistake("this is a variance: return the standard deviation",
                    (0.0, total)),
            Mistake("this is the log of the standard deviation",
                    (0.0, math.log(total) / 2)),
            Mistake("nothing has moved: is the step applied to the parameters?",
                    (1.0, 1.0)),
            Mistake("log_p and its exponential are mixed up somewhere, or a "
                    "step was far too long", (math.nan, math.nan)),
            Mistake("a standard deviation went below 0: descend in log std",
                    raises=ValueError),
        ],
        **near,
    )
    yield Case(
        "fit_gaussian(two_modes, \"reverse\", 1.5, 0.6)",
        lambda: answer(_two_modes, "reverse", 1.5, 0.6),
        mode,
        [
            Mistake("this is the forward fit: for \"reverse\" q averages", broad),
            Mistake("the descent did not start at the mean and std passed",
                    centre),
            Mistake("the descent did not start at the mean and std passed",
                    (-mode[0], mode[1])),
            Mistake("nothing has moved: is the step applied to the parameters?",
                    (1.5, 0.6)),
        ],
        **near,
    )
    yield Case(
        "fit_gaussian(two_modes, \"reverse\", -1.5, 0.6)",
        lambda: answer(_two_modes, "reverse", -1.5, 0.6),
        (-mode[0], mode[1]),
        [
            Mistake("the descent did not start at the mean passed", mode),
            Mistake("the descent did not start at the mean and std passed",
                    centre),
        ],
        **near,
    )
    yield Case(
        "fit_gaussian(two_modes, \"reverse\", 0.0, 2.0)",
        lambda: answer(_two_modes, "reverse", 0.0, 2.0),
        centre,
        [
            Mistake("this is the forward fit: for \"reverse\" q averages", broad),
            Mistake("nothing has moved, or the steps overshoot and swing for "
                    "ever: halve the rate when the divergence has risen",
                    (0.0, 2.0)),
            Mistake("the descent left the valley in which it was started: are "
                    "the steps too long, or is std ignored?", mode),
            Mistake("the descent left the valley in which it was started: are "
                    "the steps too long, or is std ignored?",
                    (-mode[0], mode[1])),
        ],
        **near,
    )
    skewed = torch.distributions.Gumbel(0.5, 0.8)
    yield Case(
        "fit_gaussian(Gumbel(0.5, 0.8).log_prob, \"forward\", 0.0, 1.0)",
        lambda: answer(skewed.log_prob, "forward", 0.0, 1.0),
        (0.5 + 0.8 * np.euler_gamma, 0.8 * math.pi / math.sqrt(6)),
        [Mistake("the mean is that of p, not its mode",
                 (0.5, 0.8 * math.pi / math.sqrt(6)))],
        **near,
    )
    yield Case(
        "fit_gaussian(two_modes, \"sideways\", 0.0, 1.0)",
        lambda: _raised(lambda: answer(_two_modes, "sideways", 0.0, 1.0)),
        "ValueError",
        [Mistake("an unknown direction must raise a ValueError", "nothing")],
    )


def _closed(mean_p, std_p, mean_q, std_q):
    square = std_p**2 + (mean_p - mean_q) ** 2
    return math.log(std_q / std_p) + square / (2 * std_q**2) - 0.5


def _kl_by_quadrature(p, q):
    """Return KL(N(p)‖N(q)) with p and q given as (mean, std)."""
    (mean, std), other = p, stats.norm(*q)
    one = stats.norm(mean, std)
    return integrate.quad(
        lambda x: one.pdf(x) * (one.logpdf(x) - other.logpdf(x)),
        mean - 12 * std, mean + 12 * std, limit=200,
    )[0]


def _digits(got, exact):
    enough = agree(got, exact, 1e-10, 0)
    return "at least 10" if enough else "fewer than 10"


def _gradient(answer):
    mean_q = torch.tensor(0.5, requires_grad=True)
    std_q = torch.tensor(1.5, requires_grad=True)
    kl = answer(torch.tensor(1.0), torch.tensor(2.0), mean_q, std_q)
    found = torch.autograd.grad(kl, (mean_q, std_q), allow_unused=True)
    return [0.0 if g is None else g.item() for g in found]


def _two_modes(x):
    """Return the log of ½ N(−2, ½²) + ½ N(2, ½²) at x."""
    left, right = (torch.distributions.Normal(m, 0.5) for m in (-2.0, 2.0))
    return torch.logaddexp(left.log_prob(x), right.log_prob(x)) - math.log(2)


def _stationary(mean, std):
    """Return the solution of equation cd-stationary nearest to (mean, std)."""
    z = np.linspace(-10, 10, 4001)
    weights = stats.norm.pdf(z) * (z[1] - z[0])

    def gap(theta):
        x = theta[0] + math.exp(theta[1]) * z
        share = 1 / (1 + np.exp(np.clip(-16 * x, -700, 700)))  # of the right mode
        slope = -(x - 4 * share + 2) / 0.25
        curve = -4 + 256 * share * (1 - share)
        return [weights @ slope, math.exp(-2 * theta[1]) + weights @ curve]

    mean, log_std = optimize.root(gap, [mean, math.log(std)], tol=1e-12).x
    return mean, math.exp(log_std)


def _twice(call):
    return "the same" if agree(call(), call(), 0, 1e-5) else "different"


def _raised(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return "nothing"
