"""Derived from book/chapters/comparing_distributions.md, whose solutions it holds."""

import math

import torch


def finite_kl(p, q):
    """Return KL(p‖q) in nats of probabilities along the last axis.

    Follows equation def-cd-kl; infinite where q is 0 and p is not.
    """
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(-1)


def kl_gaussian(mean_p, std_p, mean_q, std_q):
    """Return KL(p‖q) in nats of Gaussians p and q.

    The four are numbers or tensors that broadcast; `std_p` and `std_q` are
    standard deviations, not variances. Returns a tensor of the common
    shape, through which gradients pass. Equation cd-kl-gaussian.
    """
    log_ratio = torch.as_tensor(std_q / std_p).log()
    square = std_p**2 + (mean_p - mean_q) ** 2
    return log_ratio + square / (2 * std_q**2) - 0.5


def log_gaussian(x, mean, std):
    """Return the log density of N(mean, std²) at x; all broadcast."""
    std = torch.as_tensor(std)
    return -(((x - mean) / std) ** 2 + math.log(2 * math.pi)) / 2 - std.log()


def gaussian_mean(f, mean, std):
    """Return E f(x) for x ~ N(mean, std²), by quadrature.

    `mean` and `std` are numbers or tensors that broadcast; the result has
    their shape. `f` gets a tensor with one more axis, the first, of points
    and keeps its shape.
    """
    mean, std = map(torch.as_tensor, (mean, std))
    z = torch.linspace(-10, 10, 2001, dtype=torch.float64)
    weights = torch.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])
    axes = max(mean.ndim, std.ndim)
    x = mean + std * z.reshape(-1, *[1] * axes)  # (points, ...)
    return torch.tensordot(weights, f(x), 1)


def kl_monte_carlo(log_p, log_q, samples):
    """Return an estimate of KL(p‖q) in nats and its standard error.

    `log_p` and `log_q` take a tensor of shape (n,) and return log densities
    of that shape; `samples`, of shape (n,), were drawn from p. Returns two
    numbers or tensors without axes. Equations def-cd-estimate, cd-mc-error.
    """
    log_ratio = log_p(samples) - log_q(samples)
    return log_ratio.mean(), log_ratio.std() / math.sqrt(len(samples))


def two_modes(x, half_gap=2.0, width=0.5):
    """Return the log density of an even mixture of two Gaussians.

    Their means are ± `half_gap`, their deviation is `width`: equation
    def-cd-target.
    """
    left = log_gaussian(x, -half_gap, width)
    right = log_gaussian(x, half_gap, width)
    return torch.logaddexp(left, right) - math.log(2)


def forward_kl(mean, std):
    """Return KL(p‖q) in nats of `two_modes` and q = N(mean, std²).

    `mean` and `std` are tensors of one shape, which the result has. By
    quadrature in each component, the mean of the two.
    """
    def gap(x):
        return two_modes(x) - log_gaussian(x, mean, std)

    centre = torch.full_like(mean, 2.0)
    return (gaussian_mean(gap, -centre, 0.5)
            + gaussian_mean(gap, centre, 0.5)) / 2


def slope(f):
    """Return the derivative of an elementwise function f, by autograd."""
    return torch.func.grad(lambda x: f(x).sum())


def reverse_kl(mean, std, log_p=two_modes):
    """Return KL(q‖p) in nats for q = N(mean, std²), by quadrature.

    `mean` and `std` are tensors of one shape, which the result has.
    Equation cd-reverse-kl.
    """
    entropy = math.log(2 * math.pi * math.e) / 2 + torch.log(std)
    return -entropy - gaussian_mean(log_p, mean, std)


def kl_on_grid(log_p, log_q, x):
    """Return KL(p‖q) in nats from log densities on an even grid `x`."""
    return (log_p.exp() * (log_p - log_q)).sum() * (x[1] - x[0])


def natural_step(gradient, std):
    """Return the cut natural gradient in (mean, log std): cd-fisher."""
    unit = torch.tensor([std, 1.0], dtype=gradient.dtype)
    fisher = torch.tensor([1.0, 2.0], dtype=gradient.dtype)
    return unit * (unit * gradient / fisher).clamp(-1, 1)


def newton(kl, mean, std):
    """Return the stationary (mean, std) of `kl(mean, std)` next to a fit."""
    def objective(theta):
        return kl(theta[0], theta[1].exp())

    theta = torch.tensor([mean, math.log(std)], dtype=torch.float64)
    for _ in range(6):
        curvature = torch.func.hessian(objective)(theta)
        gradient = torch.func.grad(objective)(theta)
        theta = theta - torch.linalg.solve(curvature, gradient)
    return torch.stack([theta[0], theta[1].exp()])


def fit_gaussian(log_p, direction, mean, std):
    """Return (mean, std) of the Gaussian q that is closest to p.

    `log_p` takes a tensor and returns the log density of p in its shape.
    `direction` is "forward", KL(p‖q), or "reverse", KL(q‖p); another is a
    ValueError. `mean` and `std`, floats, are where the descent starts. By
    quadrature on a grid over [−30, 30]. Equation def-cd-directions.
    """
    if direction not in ("forward", "reverse"):
        raise ValueError(f"forward or reverse, not {direction!r}")
    x = torch.linspace(-30, 30, 3001, dtype=torch.float64)
    target = log_p(x)
    theta = torch.tensor([mean, math.log(std)], dtype=torch.float64,
                         requires_grad=True)
    rate, last = 0.5, math.inf
    for _ in range(200):
        log_q = log_gaussian(x, theta[0], theta[1].exp())
        forward = direction == "forward"
        pair = (target, log_q) if forward else (log_q, target)
        kl = kl_on_grid(*pair, x)
        (gradient,) = torch.autograd.grad(kl, theta)
        rate, last = (rate / 2 if kl > last else rate), kl.item()
        theta.data -= rate * natural_step(gradient, theta[1].exp().item())
    return theta[0].item(), theta[1].exp().item()


def log_kde(x, data, bandwidth):
    """Return the log of a Gaussian kernel density estimate, shape of x.

    `data` has shape (n,). Equation def-cd-kde.
    """
    kernels = log_gaussian(x[..., None], data, bandwidth)  # (..., n)
    return torch.logsumexp(kernels, -1) - math.log(len(data))


def left_out_loss(data, bandwidth):
    """Return the mean −log density, in nats, of each datum by the others."""
    kernels = log_gaussian(data[:, None], data, bandwidth)  # (n, n)
    kernels.fill_diagonal_(-math.inf)
    return math.log(len(data) - 1) - torch.logsumexp(kernels, -1).mean()


def finite_jsd(p, q):
    """Return JSD(p, q) in nats along the last axis: equation def-cd-jsd."""
    middle = (p + q) / 2
    return (finite_kl(p, middle) + finite_kl(q, middle)) / 2
