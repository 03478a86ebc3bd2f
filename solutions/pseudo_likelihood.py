"""Derived from book/chapters/pseudo_likelihood.md, whose solutions it holds."""

import math
import random

import torch
import torch.nn.functional as F
from helpers import progress
from torch import nn


def score(y):
    """Return the ring score Σ y_n y_{n+1} of labels (..., N): def-pl-score."""
    return (y * y.roll(-1, -1)).sum(-1)


def every_ring(n):
    """Return all 3ⁿ arrangements of n labels, of shape (3ⁿ, n)."""
    return torch.cartesian_prod(*[torch.arange(-1, 2)] * n).reshape(-1, n)


def pseudo_by_table(scores):
    """Return −ln P̃ in nats of every entry of a table of scores (3, …, 3)."""
    return -sum(scores.log_softmax(axis) for axis in range(scores.ndim))


def negative_log_pseudo_likelihood(y):
    """Return −ln P̃(y) in nats of labels (..., N), N ≥ 2, in shape (...)."""
    y, pull = y.double(), (y.roll(1, -1) + y.roll(-1, -1)).double()
    candidates = torch.stack([-pull, 0 * pull, pull])  # (3, ..., N)
    return (torch.logsumexp(candidates, 0) - y * pull).sum(-1)


def log_partition(n):
    """Return ln Z in nats, a tensor, of a ring of n ≥ 1 labels: pl-trace."""
    labels = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
    values = torch.linalg.eigvalsh(torch.outer(labels, labels).exp())
    return torch.logsumexp(n * values.log(), 0)


def transfer(weight):
    """Return the matrices e^{θab} (..., 3, 3) of weights θ, a tensor (...)."""
    labels = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
    return (weight[..., None, None] * torch.outer(labels, labels)).exp()


def log_z(weight, n):
    """Return ln Z_θ in nats of rings of n labels, in the shape of weight."""
    values = torch.linalg.eigvalsh(transfer(weight))  # rising
    largest = values[..., -1:]
    terms = ((values / largest) ** n).sum(-1).log()
    return n * largest[..., 0].log() + terms


def sample_rings(weight, n, count, generator):
    """Return exact samples y (count, n) and their ln P_θ(y): pl-chain."""
    matrix = transfer(torch.tensor(weight, dtype=torch.float64))
    matrix = matrix / torch.linalg.eigvalsh(matrix)[-1]
    powers = [torch.eye(3, dtype=torch.float64)]
    for _ in range(n):
        powers.append(powers[-1] @ matrix)
    y, log_p = torch.empty(count, 0, dtype=torch.long), 0.0  # y counts 0, 1, 2
    for k in range(n):
        chance = powers[n].diagonal().expand(count, 3)
        if k:
            chance = matrix[y[:, -1]] * powers[n - k][:, y[:, 0]].T
        chance = chance / chance.sum(1, keepdim=True)
        drawn = torch.multinomial(chance, 1, generator=generator)
        log_p = log_p + chance.gather(1, drawn)[:, 0].log()
        y = torch.cat([y, drawn], 1)
    return y - 1, log_p


def pseudo_terms(y, weight):
    """Return ln P_θ(y_n | rest) in nats, in the shape (..., N) of y."""
    t = weight * (y.roll(1, -1) + y.roll(-1, -1))
    return y * t - torch.log1p(2 * torch.cosh(t))


def information(weight, n):
    """Return (H, J, Var s, Cov(ψ, s)) of rings of n labels, by enumeration."""
    y, weight = every_ring(n), torch.as_tensor(weight, dtype=torch.float64)
    p, s = (weight * score(y)).softmax(0), score(y).double()
    total = torch.func.jacfwd(lambda w: pseudo_terms(y, w).sum(1))
    psi, bend, s = total(weight), torch.func.jacfwd(total)(weight), s - p @ s
    return torch.stack([-p @ bend, p @ psi**2, p @ s**2, p @ (psi * s)])


def bisect(surplus, count):
    """Return the zeros (count,) of decreasing functions, within [−4, 4]."""
    low, high = torch.tensor([[-4.0], [4.0]]).double().expand(2, count)
    for _ in range(40):
        middle = (low + high) / 2
        up = surplus(middle) > 0
        low, high = torch.where(up, middle, low), torch.where(up, high, middle)
    return middle


def fit_likelihood(y):
    """Return the maximum-likelihood weight of each ring y (count, N)."""
    slope = torch.func.grad(lambda w: log_z(w, y.shape[1]).sum())
    return bisect(lambda w: score(y) - slope(w), len(y))


def fit_pseudo(y, pull):
    """Return each zero of Σ h (y − μ(θh)); y and the pull h: (count, N)."""
    mu = lambda t: 2 * torch.sinh(t) / (1 + 2 * torch.cosh(t))
    ones, twos = [(pull.abs() == k).sum(1) for k in (1, 2)]
    return bisect(lambda w: (pull * y).sum(1) - ones * mu(w)
                  - 2 * twos * mu(2 * w), len(y))


def inverse_cdf(probabilities, epsilon):
    """Return the i with C_{i−1} ≤ ε < C_i, integers in the shape of ε."""
    edges = torch.as_tensor(probabilities).double().cumsum(0)
    epsilon = torch.as_tensor(epsilon, dtype=torch.float64)
    return torch.searchsorted(edges / edges[-1], epsilon, right=True)


def sample_bigram(P, Q, epsilons):
    """Return the string, T indices, that T uniform numbers give.

    P has shape (I,), Q (I, I) with row Q[i] after word i. def-pl-sample.
    """
    words = [inverse_cdf(P, epsilons[0])]
    for epsilon in epsilons[1:]:
        words.append(inverse_cdf(Q[words[-1]], epsilon))
    return torch.stack(words)


def tables(theta):
    """Return ln P (3,) and ln Q (3, 3) from twelve logits theta (12,)."""
    first, after = theta[:3], theta[3:].reshape(3, 3)
    return first.log_softmax(0), after.log_softmax(1)


def log_strings(theta):
    """Return ln p_θ(w) in nats of all 27 strings of three words: (3, 3, 3)."""
    log_p, log_q = tables(theta)
    return log_p[:, None, None] + log_q[:, :, None] + log_q


def path_loss(theta, table, epsilons):
    """Return the loss, of a table (3, 3, 3), of the string from noise (3,)."""
    log_p, log_q = tables(theta)
    return table[tuple(sample_bigram(log_p.exp(), log_q.exp(), epsilons))]


def expected_loss(theta, table):
    """Return the exact expected loss, the sum over all 27 strings."""
    return (log_strings(theta).exp() * table).sum()


def relaxed_loss(theta, table, gumbel, temperature, hard):
    """Return the loss of a relaxed string of three words.

    `gumbel` has shape (3, 3): step, word. With `hard`, words are one-hot in
    the forward pass and soft in the backward pass. Equation def-pl-gumbel.
    """
    log_p, log_q = tables(theta)
    string = []
    for g in gumbel:
        logits = string[-1] @ log_q if string else log_p
        x = ((logits + g) / temperature).softmax(0)
        if hard:
            x = (x == x.max()).double() + x - x.detach()
        string.append(x)
    return torch.einsum("i,j,k,ijk->", *string, table)


def relaxed_gradients(theta, table, gumbel, temperature, hard=False):
    """Return one gradient for each noise: (samples, 3, 3) → (samples, 12)."""
    one = lambda g: torch.func.grad(relaxed_loss)(
        theta, table, g, temperature, hard)
    return torch.func.vmap(one)(gumbel)


def gumbel_noise(shape, generator):
    """Return independent standard Gumbel variables."""
    uniform = torch.rand(shape, generator=generator, dtype=torch.float64)
    return -torch.log(-torch.log(uniform.clamp_min(1e-300)))


def estimate(method, theta, table, count, generator):
    """Return an estimate (12,) of the gradient of the expected loss.

    `method` is "exact", "score function" or "Gumbel-softmax"; the latter
    two draw `count` strings, the last at temperature 0.5.
    """
    if method == "exact":
        return torch.func.grad(expected_loss)(theta, table)
    if method == "Gumbel-softmax":
        noise = gumbel_noise((count, 3, 3), generator)
        return relaxed_gradients(theta, table, noise, 0.5).mean(0)
    theta = theta.clone().requires_grad_()
    log_p = log_strings(theta).flatten()
    drawn = torch.multinomial(log_p.detach().exp(), count, True,
                              generator=generator)
    loss = table.flatten()[drawn]
    others = (loss.sum() - loss) / (count - 1)  # each one's own baseline
    surrogate = ((loss - others) * log_p[drawn]).mean()
    return torch.autograd.grad(surrogate, theta)[0]


def reparameterize(mean, variance, epsilon):
    """Return the sample ẑ + σε; all broadcast. Equation def-pl-reparam."""
    return mean + variance**0.5 * epsilon


def mutual_information(pop, encoder):
    """Return I(s, z) = H(s) + H(z) − H(s, z) in nats.

    `pop` has shape (..., S), `encoder` (S, Z) has rows p(z|s).
    """
    joint = pop[..., None] * encoder  # (..., S, Z)
    total = lambda p, axes: -torch.xlogy(p, p).sum(axes)
    return (total(joint.sum(-1), -1) + total(joint.sum(-2), -1)
            - total(joint, (-1, -2)))


def capacity(encoder, steps=5000):
    """Return a lower and an upper bound in nats, which meet."""
    pop = torch.full(encoder.shape[:1], 1 / len(encoder), dtype=torch.float64)
    for _ in range(steps):
        z = pop @ encoder
        each = (torch.xlogy(encoder, encoder) - torch.xlogy(encoder, z)).sum(1)
        below, above = (pop @ each.exp()).log(), each.max()
        pop = (pop.log() + each).softmax(0)
    return below, above


def straight_through(z, codebook):
    """Return (z̄, k): the nearest codes (..., D), their indices (...)."""
    square = (z[..., None, :] - codebook).square().sum(-1)  # (..., K)
    index = square.argmin(-1)
    return z + (codebook[index] - z).detach(), index


class VQVAE(nn.Module):
    """A convolutional VQ-VAE of 28 × 28 images: 49 codes for an image."""

    def __init__(self, codes=64, width=32, depth=8):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, width, 4, 4), nn.ReLU(),
            nn.Conv2d(width, width, 3, 1, 1), nn.ReLU(),
            nn.Conv2d(width, depth, 1))
        self.decoder = nn.Sequential(
            nn.Conv2d(depth, width, 3, 1, 1), nn.ReLU(),
            nn.Conv2d(width, width, 3, 1, 1), nn.ReLU(),
            nn.ConvTranspose2d(width, 1, 4, 4))
        self.codebook = nn.Parameter(torch.randn(codes, depth))

    def encode(self, x):
        return self.encoder(x).movedim(1, -1)  # (B, 7, 7, depth)

    def decode(self, z):
        return self.decoder(z.movedim(-1, 1))  # (B, 1, 28, 28)

    def loss_terms(self, x, mistake=None, beta=0.25):
        """Return distortion, in nats an image, the other terms, and codes."""
        z = self.encode(x)
        z_bar, k = straight_through(z, self.codebook)
        code = self.codebook[k]
        z_bar = code if mistake == "no straight-through" else z_bar
        distortion = F.binary_cross_entropy_with_logits(
            self.decode(z_bar), x, reduction="sum") / len(x)
        others = ((z.detach() - code) ** 2 + beta * (z - code.detach()) ** 2)
        return distortion, others.sum() / len(x), k


def train_vqvae(images, steps, seed, mistake=None):
    """Return a VQVAE trained on images (n, 1, 28, 28) in [0, 1].

    `mistake` is None, "no straight-through" or "far codebook".
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = VQVAE().float()
        with torch.no_grad():
            z = model.encode(images[:200]).reshape(-1, 8)
            model.codebook.copy_(z[torch.randperm(len(z))[:64]])
            if mistake == "far codebook":
                model.codebook.copy_(5 * torch.randn(64, 8))
        adam = torch.optim.Adam(model.parameters(), 2e-3)
        for _ in progress(range(steps), mistake or "VQ-VAE", steps):
            x = images[torch.randint(len(images), (64,))]
            distortion, others, _ = model.loss_terms(x, mistake)
            adam.zero_grad()
            (distortion + others).backward()
            adam.step()
    return model


@torch.no_grad()
def judge(model, images):
    """Return distortion in nats an image, and the perplexity of the codes."""
    parts = [model.loss_terms(x) for x in images.split(500)]
    distortion = sum(part[0] for part in parts) / len(parts)
    k = torch.cat([part[2] for part in parts])
    share = torch.bincount(k.flatten(), minlength=64) / k.numel()
    return distortion.item(), math.exp(-torch.xlogy(share, share).sum())


def practice(seed):
    """Return three problems like the exam's as (numbers, question, key)."""
    draw = random.Random(seed)
    n, reach, c = draw.randint(2, 6), draw.choice([1, 2]), draw.choice([-1, 1])
    weight, labels = draw.choice([0.5, 1, 2]), range(-reach, reach + 1)
    ring = (n, reach, c, weight), (
        f"A ring of {n} labels in {[*labels]} has the score {weight} Σ y_n "
        f"y_n+1. What is −ln P̃ if all labels are {c}?"
    ), n * math.log(sum(math.exp(2 * weight * c * (k - c)) for k in labels))
    cuts = [sorted([0, *draw.sample(range(1, 10), 2), 10]) for _ in range(4)]
    P, *Q = [[b - a for a, b in zip(cut, cut[1:])] for cut in cuts]
    epsilons, words, key = [draw.randrange(10) for _ in range(3)], [], 1.0
    for e in epsilons:
        row = Q[words[-1]] if words else P
        words.append(min(i for i in range(3) if e < sum(row[:i + 1])))
        key *= row[words[-1]] / 10
    string = (P, Q, epsilons), (
        f"P = {P} / 10 and Q = {Q} / 10. Which words come of the noise "
        f"{epsilons} / 10, and how probable is that string?"), key
    size, error = draw.randint(2, 5), draw.choice([0.1, 0.2, 0.3])
    channel = (size, error), (
        f"{size} sentences, equally probable, and a channel with error "
        f"{error}. What is its rate?"), (math.log(size) + (1 - error)
        * math.log(1 - error) + error * math.log(error / (size - 1)))
    return ring, string, channel
