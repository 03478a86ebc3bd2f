"""Derived from book/chapters/vae.md, whose solutions it holds."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from helpers import progress


def log_bernoulli_with_logits(x, logits):
    """Return log p(x) in nats of Bernoulli variables: vae-bernoulli.

    `x` (0 or 1) and `logits` broadcast; the last dimension is summed.
    """
    return (x * logits - F.softplus(logits)).sum(-1)


def kl_normal(qm, qv, pm, pv):
    """Return KL(q‖p) in nats of diagonal Gaussians: equation vae-kl.

    Means and variances broadcast; the last dimension is summed over.
    """
    return ((pv / qv).log() + (qv + (qm - pm) ** 2) / pv - 1).sum(-1) / 2


def sample_gaussian(m, v):
    """Return a draw z from N(m, diag(v)): vae-reparameterization.

    `m` and the variances `v` have the shape of the result.
    """
    return m + torch.sqrt(v) * torch.randn_like(m)


def gaussian_parameters(h, dim=-1):
    """Return m and v from the halves of `h` along `dim`: def-vae-encoder."""
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
        rate=1e-3, betas=(0.9, 0.999), batch=100, decay=False):
    """Return a VAE trained on grey images (N, 784), and its losses in nats.

    Images are binarised afresh at each step. With `decay` the rate rises
    for a fiftieth of the steps, then falls to 0 in a straight line.
    """
    torch.manual_seed(seed)
    model = VAE(z_dim).to(images.device)
    adam = torch.optim.Adam(model.parameters(), rate, betas, fused=True)
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
def evaluate(model, images, draws=1, loss=negative_elbo_bound):
    """Return means of (nelbo, kl, rec) over binarised images, in nats."""
    torch.manual_seed(0)
    total = torch.zeros(3)
    for x in images.split(1000) * draws:
        values = loss(model, torch.bernoulli(x))
        total += len(x) * torch.stack(tuple(values)).cpu()
    return total / (draws * len(images))


def report(name, models, images, draws):
    """Record NELBO, KL and rec: mean and standard error over the models."""
    values = torch.stack([evaluate(m, images, draws) for m in models])
    for part, column in zip(("NELBO", "KL", "rec"), values.T, strict=True):
        record(f"{name}, {part}", column.mean(), se=column.std()
               / len(models) ** 0.5, tol=round(0.05 * column.mean().item(), 1))


@torch.no_grad()
def price_list(model, images):
    """Return the mean KL of each latent dimension in nats, largest first."""
    m, v = (t[..., None] for t in model.encode(torch.bernoulli(images)))
    each = kl_normal(m, v, torch.zeros_like(m), torch.ones_like(v)).mean(0)
    return each.sort(descending=True).values.cpu()


def weighted(beta):
    """Return a loss for `fit`: rec + β·KL, in nats."""
    def loss(model, x):
        _, kl, rec = negative_elbo_bound(model, x)
        return (rec + beta * kl,)

    return loss
