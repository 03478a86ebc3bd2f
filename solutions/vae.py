"""Derived from book/chapters/vae.md, whose solutions it holds."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from helpers.progress import progress


def log_bernoulli_with_logits(x, logits):
    """Return log p(x) in nats of independent Bernoulli variables.

    `x`, of zeros and ones, and `logits` broadcast; their last dimension is
    summed over. Exact for large logits. Equation vae-bernoulli.
    """
    return (x * logits - F.softplus(logits)).sum(-1)


def kl_normal(qm, qv, pm, pv):
    """Return KL(q‖p) in nats of Gaussians with independent components.

    `qm`, `pm` are means and `qv`, `pv` variances; they broadcast, and their
    last dimension, the components, is summed over. Equation vae-kl.
    """
    square = (qv + (qm - pm) ** 2) / pv
    return 0.5 * (torch.log(pv / qv) + square - 1).sum(-1)


def sample_gaussian(m, v):
    """Return a draw z from N(m, diag(v)), through which gradients pass.

    `m`, means, and `v`, variances, are tensors of one shape, that of the
    result. Equation vae-reparameterization.
    """
    return m + torch.sqrt(v) * torch.randn_like(m)


def score_variance(m, v, dimensions=1):
    """Return the variance of the score estimate: vae-score-dimensions."""
    others = dimensions - 1
    mean = others * (m**2 + v)
    extra = 2 * (m**2 + 3 * v) * mean + mean**2
    extra = extra + others * (4 * m**2 * v + 2 * v**2)
    return m**4 / v + 14 * m**2 + 15 * v + extra / v


def gaussian_parameters(h, dim=-1):
    """Return mean and variance, the two halves of `h` along `dim`.

    The variance is softplus of the second half plus 1e-8. Equation
    def-vae-encoder.
    """
    m, h = torch.chunk(h, 2, dim=dim)
    return m, F.softplus(h) + 1e-8


class VAE(nn.Module):
    """Encoder and decoder of binary images: equation def-vae-networks."""

    def __init__(self, z_dim=64):
        """Make networks for `z_dim` latent dimensions, 784 pixels."""
        super().__init__()
        self.z_dim = z_dim
        self.encoder, self.decoder = [
            nn.Sequential(nn.Linear(start, 300), nn.ELU(),
                          nn.Linear(300, 300), nn.ELU(),
                          nn.Linear(300, end))
            for start, end in ((784, 2 * z_dim), (z_dim, 784))]

    def encode(self, x):
        """Return m and v, each (..., z_dim), of q(z|x); x is (..., 784)."""
        return gaussian_parameters(self.encoder(x))

    def decode(self, z):
        """Return the logits (..., 784) of p(x|z); z is (..., z_dim)."""
        return self.decoder(z)


def negative_elbo_bound(model, x):
    """Return (nelbo, kl, rec) in nats, means over a batch of images.

    `model` has encode and decode; `x`, of zeros and ones, has shape
    (batch, pixels). One draw of z for each image. Equation def-vae-loss.
    """
    m, v = model.encode(x)
    logits = model.decode(sample_gaussian(m, v))
    kl = kl_normal(m, v, torch.zeros_like(m), torch.ones_like(v))
    rec = -log_bernoulli_with_logits(x, logits)
    return (kl + rec).mean(), kl.mean(), rec.mean()


def fit(images, z_dim, seed, iterations, *, loss=negative_elbo_bound,
        rate=1e-3, batch=100, decay=False):
    """Return a VAE trained on grey images, and its losses in nats.

    `images` has shape (N, 784) and is binarised afresh at each step. With
    `decay` the rate rises from 0 during the first fiftieth of the steps and
    falls to 0 in a straight line. `loss` returns what is minimised first.
    """
    torch.manual_seed(seed)
    model = VAE(z_dim).to(images.device)
    adam = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    losses = torch.zeros(iterations)
    for step in progress(range(iterations), f"z = {z_dim}, seed {seed}"):
        if decay:
            done = (step + 1) / (iterations + 1)
            adam.param_groups[0]["lr"] = rate * min(50 * done, 1 - done)
        chosen = torch.randint(len(images), (batch,), device=images.device)
        value, *_ = loss(model, torch.bernoulli(images[chosen]))
        adam.zero_grad()
        value.backward()
        adam.step()
        losses[step] = value.detach()
    return model, losses


@torch.no_grad()
def evaluate(model, images, draws=1):
    """Return (nelbo, kl, rec) in nats, means over grey images, as a tensor.

    Each image is binarised and encoded `draws` times, from a fixed seed.
    """
    torch.manual_seed(0)
    total = torch.zeros(3)
    for _ in range(draws):
        for x in images.split(1000):
            values = negative_elbo_bound(model, torch.bernoulli(x))
            total += len(x) * torch.stack(values).cpu()
    return total / (draws * len(images))


def report(name, models, images, draws):
    """Record NELBO, KL and rec: mean and standard error over the models."""
    values = torch.stack([evaluate(m, images, draws) for m in models])
    for part, column in zip(("NELBO", "KL", "rec"), values.T, strict=True):
        error = column.std() / math.sqrt(len(models))
        record(f"{name}, {part}", column.mean(), se=error,
               tol=0.03 * column.mean().item())


@torch.no_grad()
def price_list(model, images):
    """Return KL(q(z_j|x)‖p(z_j)) in nats for each j, largest first.

    The mean over grey `images` (N, 784), binarised: shape (z_dim,).
    """
    torch.manual_seed(0)
    m, v = (t[..., None] for t in model.encode(torch.bernoulli(images)))
    zero, one = torch.zeros_like(m), torch.ones_like(v)
    return kl_normal(m, v, zero, one).mean(0).sort(descending=True).values


@torch.no_grad()
def log_weights(model, x, draws):
    """Return log w(z) for `draws` draws from q(z|x): (draws, batch)."""
    m, v = model.encode(x)
    rows = []
    for _ in range(draws):
        z = sample_gaussian(m, v)
        log_p = log_bernoulli_with_logits(x, model.decode(z))
        log_ratio = ((z - m) ** 2 / v + v.log() - z**2).sum(-1) / 2
        rows.append(log_p + log_ratio)
    return torch.stack(rows)


def weighted(beta):
    """Return a loss for `fit`: rec + β·KL, in nats."""
    def loss(model, x):
        _, kl, rec = negative_elbo_bound(model, x)
        return (rec + beta * kl,)

    return loss


def bound_with_deviation(model, x):
    """Return (nelbo, kl, rec) with the draw m + v·ε, a bug."""
    m, v = model.encode(x)
    logits = model.decode(m + v * torch.randn_like(m))
    kl = kl_normal(m, v, torch.zeros_like(m), torch.ones_like(v))
    rec = -log_bernoulli_with_logits(x, logits)
    return (kl + rec).mean(), kl.mean(), rec.mean()
