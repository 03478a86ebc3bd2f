"""Wrong answers to the exercises, each with its diagnosis, and right ways."""

import math

import torch


def kl_swapped(mean_p, std_p, mean_q, std_q):
    log_ratio = torch.as_tensor(std_p / std_q).log()
    return log_ratio + (std_q**2 + (mean_p - mean_q) ** 2) / (2 * std_p**2) - 0.5


def kl_variances(mean_p, std_p, mean_q, std_q):
    log_ratio = 0.5 * torch.as_tensor(std_q / std_p).log()
    return log_ratio + (std_p + (mean_p - mean_q) ** 2) / (2 * std_q) - 0.5


def kl_without_half(mean_p, std_p, mean_q, std_q):
    log_ratio = torch.as_tensor(std_q / std_p).log()
    return log_ratio + (std_p**2 + (mean_p - mean_q) ** 2) / (2 * std_q**2)


def kl_log2(mean_p, std_p, mean_q, std_q):
    log_ratio = torch.as_tensor(std_q / std_p).log2()
    return log_ratio + (std_p**2 + (mean_p - mean_q) ** 2) / (2 * std_q**2) - 0.5


def kl_upside_down(mean_p, std_p, mean_q, std_q):
    log_ratio = torch.as_tensor(std_p / std_q).log()
    return log_ratio + (std_p**2 + (mean_p - mean_q) ** 2) / (2 * std_q**2) - 0.5


def kl_without_variance(mean_p, std_p, mean_q, std_q):
    log_ratio = torch.as_tensor(std_q / std_p).log()
    return log_ratio + (mean_p - mean_q) ** 2 / (2 * std_q**2) - 0.5


def kl_unsquared(mean_p, std_p, mean_q, std_q):
    log_ratio = torch.as_tensor(std_q / std_p).log()
    return log_ratio + (std_p**2 + (mean_p - mean_q)) / (2 * std_q**2) - 0.5


def kl_tensors_only(mean_p, std_p, mean_q, std_q):
    log_ratio = torch.log(std_q) - torch.log(std_p)
    return log_ratio + (std_p**2 + (mean_p - mean_q) ** 2) / (2 * std_q**2) - 0.5


def kl_numbers_only(mean_p, std_p, mean_q, std_q):
    log_ratio = math.log(std_q / std_p)
    return log_ratio + (std_p**2 + (mean_p - mean_q) ** 2) / (2 * std_q**2) - 0.5


def kl_summed(mean_p, std_p, mean_q, std_q):
    log_ratio = torch.as_tensor(std_q / std_p).log()
    square = std_p**2 + (mean_p - mean_q) ** 2
    return (log_ratio + square / (2 * std_q**2) - 0.5).sum()


def kl_detached(mean_p, std_p, mean_q, std_q):
    four = (mean_p, std_p, mean_q, std_q)
    mean_p, std_p, mean_q, std_q = (torch.as_tensor(x).detach() for x in four)
    square = std_p**2 + (mean_p - mean_q) ** 2
    return (std_q / std_p).log() + square / (2 * std_q**2) - 0.5


def kl_by_torch(mean_p, std_p, mean_q, std_q):
    four = (torch.as_tensor(x) for x in (mean_p, std_p, mean_q, std_q))
    mean_p, std_p, mean_q, std_q = torch.broadcast_tensors(*four)
    p = torch.distributions.Normal(mean_p, std_p)
    q = torch.distributions.Normal(mean_q, std_q)
    return torch.distributions.kl_divergence(p, q)


def kl_in_float32(mean_p, std_p, mean_q, std_q):
    four = (torch.as_tensor(x, dtype=torch.float32)
            for x in (mean_p, std_p, mean_q, std_q))
    return kl_by_torch(*four)


def kl_copying(mean_p, std_p, mean_q, std_q):
    log_ratio = torch.tensor(std_q / std_p).log()
    return log_ratio + (std_p**2 + (mean_p - mean_q) ** 2) / (2 * std_q**2) - 0.5


def kl_in_variances(mean_p, std_p, mean_q, std_q):
    ratio = torch.as_tensor(std_p, dtype=torch.float64) ** 2 / std_q**2
    return 0.5 * (ratio - 1 - ratio.log() + ((mean_p - mean_q) / std_q) ** 2)


def mc_wrong_sign(log_p, log_q, samples):
    log_ratio = log_q(samples) - log_p(samples)
    return log_ratio.mean(), log_ratio.std() / math.sqrt(len(samples))


def mc_deviation(log_p, log_q, samples):
    log_ratio = log_p(samples) - log_q(samples)
    return log_ratio.mean(), log_ratio.std()


def mc_biased(log_p, log_q, samples):
    log_ratio = log_p(samples) - log_q(samples)
    return log_ratio.mean(), log_ratio.std(correction=0) / math.sqrt(len(samples))


def mc_variance(log_p, log_q, samples):
    log_ratio = log_p(samples) - log_q(samples)
    return log_ratio.mean(), log_ratio.var()


def mc_variance_over_n(log_p, log_q, samples):
    log_ratio = log_p(samples) - log_q(samples)
    return log_ratio.mean(), log_ratio.var() / len(samples)


def mc_over_n(log_p, log_q, samples):
    log_ratio = log_p(samples) - log_q(samples)
    return log_ratio.mean(), log_ratio.std() / len(samples)


def mc_sum(log_p, log_q, samples):
    log_ratio = log_p(samples) - log_q(samples)
    return log_ratio.sum(), log_ratio.std() / math.sqrt(len(samples))


def mc_log_of_log(log_p, log_q, samples):
    log_ratio = torch.log(log_p(samples)) - torch.log(log_q(samples))
    return log_ratio.mean(), log_ratio.std() / math.sqrt(len(samples))


def mc_log_of_mean(log_p, log_q, samples):
    log_ratio = log_p(samples) - log_q(samples)
    estimate = log_ratio.exp().mean().log()
    return estimate, log_ratio.std() / math.sqrt(len(samples))


def mc_estimate_only(log_p, log_q, samples):
    return (log_p(samples) - log_q(samples)).mean()


def mc_by_hand(log_p, log_q, samples):
    n = len(samples)
    terms = [float(log_p(x) - log_q(x)) for x in samples]
    mean = sum(terms) / n
    return mean, (sum((t - mean) ** 2 for t in terms) / (n - 1) / n) ** 0.5


def mc_var(log_p, log_q, samples):
    log_ratio = log_p(samples) - log_q(samples)
    return log_ratio.mean(), (log_ratio.var() / samples.numel()).sqrt()


def _descend(log_p, direction, mean, std, swap=False):
    """Return (mean, std) by Adam with a falling rate, on a grid."""
    if direction not in ("forward", "reverse"):
        raise ValueError(direction)
    x = torch.linspace(-20, 20, 2001, dtype=torch.float64)
    target = log_p(x)
    theta = torch.tensor([mean, math.log(std)], dtype=torch.float64,
                         requires_grad=True)
    adam = torch.optim.Adam([theta], lr=0.1)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, 400)
    for _ in range(400):
        q = torch.distributions.Normal(theta[0], theta[1].exp())
        log_q = q.log_prob(x)
        if (direction == "forward") != swap:
            loss = -(target.exp() * log_q).sum() * 0.02
        else:
            loss = (log_q.exp() * (log_q - target)).sum() * 0.02
        adam.zero_grad()
        loss.backward()
        adam.step()
        falling.step()
    return theta[0].item(), theta[1].exp().item()


def fit_swapped(log_p, direction, mean, std):
    return _descend(log_p, direction, mean, std, swap=True)


def fit_variance(log_p, direction, mean, std):
    mean, std = _descend(log_p, direction, mean, std)
    return mean, std**2


def fit_log_std(log_p, direction, mean, std):
    mean, std = _descend(log_p, direction, mean, std)
    return mean, math.log(std)


def fit_always_forward(log_p, direction, mean, std):
    return _descend(log_p, "forward", mean, std)


def fit_own_start(log_p, direction, mean, std):
    return _descend(log_p, direction, 0.0, 1.0)


def fit_any_direction(log_p, direction, mean, std):
    direction = "forward" if direction == "forward" else "reverse"
    return _descend(log_p, direction, mean, std)


def fit_unmoved(log_p, direction, mean, std):
    x = torch.linspace(-20, 20, 2001, dtype=torch.float64)
    target = log_p(x)
    theta = torch.tensor([mean, math.log(std)], dtype=torch.float64,
                         requires_grad=True)
    for _ in range(50):
        log_q = torch.distributions.Normal(theta[0], theta[1].exp()).log_prob(x)
        loss = (log_q.exp() * (log_q - target)).sum() * 0.02
        (gradient,) = torch.autograd.grad(loss, theta)
        theta.data.sub(0.1 * gradient)  # sub_ was meant
    return theta[0].item(), theta[1].exp().item()


def fit_sampled(log_p, direction, mean, std):
    """The moments of samples, by weights: right on average, noisy."""
    if direction not in ("forward", "reverse"):
        raise ValueError(direction)
    x = torch.linspace(-20, 20, 2001, dtype=torch.float64)
    picked = x[torch.multinomial(log_p(x).exp(), 200_000, replacement=True)]
    return picked.mean().item(), picked.std().item()


def fit_by_lbfgs(log_p, direction, mean, std):
    """Reparameterised for "reverse", so that log_p is differentiated."""
    if direction not in ("forward", "reverse"):
        raise ValueError(f"no direction {direction}")
    z = torch.linspace(-8, 8, 801, dtype=torch.float64)
    weights = torch.softmax(-(z**2) / 2, 0)
    grid = torch.linspace(-20, 20, 4001, dtype=torch.float64)
    p = log_p(grid).exp()
    m = torch.tensor(float(mean), dtype=torch.float64, requires_grad=True)
    s = torch.tensor(math.log(std), dtype=torch.float64, requires_grad=True)
    descent = torch.optim.LBFGS([m, s], lr=0.1, max_iter=400)

    def closure():
        descent.zero_grad()
        if direction == "forward":
            loss = 0.01 * (p * (((grid - m) / s.exp()) ** 2 / 2 + s)).sum()
        else:
            loss = -s - (weights * log_p(m + s.exp() * z)).sum()
        loss.backward()
        return loss

    descent.step(closure)
    return m.detach(), s.exp().detach()


WRONG = {
    "kl_gaussian": {
        "sign flipped": (lambda *four: -kl_by_torch(*four), "sign of the whole"),
        "cast to float32": (kl_in_float32, "precision is lost"),
        "log ratio copied": (kl_copying, "torch.as_tensor(...) does not"),
        "arguments swapped": (kl_swapped, "the arguments are swapped"),
        "deviations taken for variances": (kl_variances, "not variances"),
        "−1/2 missing": (kl_without_half, "−1/2 is missing"),
        "log to base 2": (kl_log2, "natural logarithm"),
        "log ratio upside down": (kl_upside_down, "upside down"),
        "variance of p missing": (kl_without_variance, "variance of p is missing"),
        "means not squared": (kl_unsquared, "not squared"),
        "tensors only": (kl_tensors_only, "plain numbers"),
        "numbers only": (kl_numbers_only, "several elements"),
        "summed": (kl_summed, "summed"),
        "detached": (kl_detached, "no gradient gets through"),
    },
    "kl_monte_carlo": {
        "sign": (mc_wrong_sign, "wrong sign"),
        "deviation, not error": (mc_deviation, "not divided by √n"),
        "biased deviation": (mc_biased, "n − 1 is right"),
        "variance": (mc_variance, "the variance is returned"),
        "variance over n": (mc_variance_over_n, "square root is missing"),
        "deviation over n": (mc_over_n, "divided by n, not by √n"),
        "sum": (mc_sum, "the sum is returned"),
        "log of a log": (mc_log_of_log, "logarithms already"),
        "log of the mean": (mc_log_of_mean, "log of the mean ratio"),
        "no error": (mc_estimate_only, "2 values"),
    },
    "fit_gaussian": {
        "directions swapped": (fit_swapped, "this is the reverse fit"),
        "variance": (fit_variance, "this is a variance"),
        "log of the deviation": (fit_log_std, "log of the standard deviation"),
        "always forward": (fit_always_forward, "this is the forward fit"),
        "own start": (fit_own_start, "did not start at"),
        "any direction": (fit_any_direction, "must raise a ValueError"),
        "step not applied": (fit_unmoved, "nothing has moved"),
        "sampled": (fit_sampled, "instead of drawing samples"),
    },
}

RIGHT = {
    "kl_gaussian": {
        "torch.distributions": kl_by_torch,
        "in variances, in float64": kl_in_variances,
    },
    "kl_monte_carlo": {
        "term by term, floats": mc_by_hand,
        "root of the variance over n": mc_var,
    },
    "fit_gaussian": {
        "Adam": _descend,
        "L-BFGS, reparameterised, tensors": fit_by_lbfgs,
    },
}
