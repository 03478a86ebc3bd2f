"""Derived from book/chapters/gan.md, whose solutions it holds."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from helpers import progress


def discriminator_loss(real_logits, fake_logits):
    """Return the loss of D in nats, a mean for each batch: gan-logits."""
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def minimax_generator_loss(fake_logits):
    """Return the mean of log(1 − D) in nats: equation gan-generator-logits."""
    return -F.softplus(fake_logits).mean()


def nonsaturating_generator_loss(fake_logits):
    """Return the mean of −log D in nats: equation gan-generator-logits."""
    return F.softplus(-fake_logits).mean()


def optimal_discriminator(p_data, p_model):
    """Return D* at each point, one half where both are 0: gan-optimum."""
    total = p_data + p_model
    return torch.where(total > 0, p_data / total, 0.5)


def jensen_shannon(p, q):
    """Return JSD(p, q) in nats along the last dimension: def-gan-jsd."""
    mixture = ((p + q) / 2).clamp(min=1e-38)
    terms = torch.xlogy(p, p / mixture) + torch.xlogy(q, q / mixture)
    return terms.sum(-1) / 2


class Generator(nn.Module):
    """From noise to images: equation def-gan-networks."""

    def __init__(self, z_dim=64):
        """Make a network for noise of `z_dim` dimensions."""
        super().__init__()
        self.z_dim = z_dim
        self.layers = nn.Sequential(
            nn.Linear(z_dim, 512), nn.BatchNorm1d(512), nn.ReLU(),
            nn.Linear(512, 3136), nn.BatchNorm1d(3136), nn.ReLU(),
            nn.Unflatten(1, (64, 7, 7)), nn.PixelShuffle(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
            nn.PixelShuffle(2), nn.Conv2d(8, 1, 3, padding=1))

    def forward(self, z):
        """Return images (batch, 1, 28, 28) from z (batch, z_dim)."""
        return self.layers(z)


class Discriminator(nn.Module):
    """From images to logits: equation def-gan-networks."""

    def __init__(self):
        """Make a network for images of 28 × 28 pixels."""
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 32, 4, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(32, 64, 4, stride=2, padding=1), nn.ReLU(),
            nn.Flatten(), nn.Linear(3136, 512), nn.ReLU(),
            nn.Linear(512, 1), nn.Flatten(0))

    def forward(self, x):
        """Return logits (batch,) of images x (batch, 1, 28, 28)."""
        return self.layers(x)


def loss_nonsaturating(generator, discriminator, x_real, z):
    """Return (d_loss, g_loss) in nats of one batch: def-gan-batch.

    `x_real` are images, `z` (batch, z_dim) is noise for as many others.
    No gradient of d_loss reaches the generator.
    """
    fake = generator(z)
    d_loss = discriminator_loss(discriminator(x_real),
                                discriminator(fake.detach()))
    return d_loss, nonsaturating_generator_loss(discriminator(fake))


def frechet(a, b):
    """Return the squared Fréchet distance of features: def-gan-frechet.

    `a` and `b` have shapes (N, d) and (M, d); the unit is theirs, squared.
    """
    a, b = a.double(), b.double()
    S, R = torch.atleast_2d(a.T.cov()), torch.atleast_2d(b.T.cov())
    values, vectors = torch.linalg.eigh(S)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    values = torch.linalg.eigvalsh(root @ R @ root)
    apart = (a.mean(0) - b.mean(0)).square().sum()
    return apart + S.trace() + R.trace() - 2 * values.clamp(min=0).sqrt().sum()


class Classifier(nn.Module):
    """A small classifier of digits; `features` are what it goes by."""

    def __init__(self):
        """Make two convolutions and a hidden layer of 64 units."""
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 5, stride=2, padding=2), nn.ReLU(),
            nn.Conv2d(8, 16, 5, stride=2, padding=2), nn.ReLU(),
            nn.Flatten(), nn.Linear(784, 64), nn.ReLU())
        self.last = nn.Linear(64, 10)

    def forward(self, x):
        """Return logits (batch, 10) of images x (batch, 1, 28, 28)."""
        return self.last(self.features(x))


def fit_classifier(images, labels, seed, steps):
    """Return a Classifier trained with Adam on batches of 100."""
    torch.manual_seed(seed)
    model = Classifier().to(images.device)
    adam = torch.optim.Adam(model.parameters(), 2e-3, fused=True)
    for _ in progress(range(steps), "classifier"):
        chosen = torch.randint(len(images), (100,), device=images.device)
        adam.zero_grad()
        F.cross_entropy(model(images[chosen]), labels[chosen]).backward()
        adam.step()
    return model.requires_grad_(False)


def shares(judge, images):
    """Return the shares (10,) of the classes that `judge` sees in images."""
    seen = torch.cat([judge(part).argmax(-1) for part in images.split(1000)])
    return seen.bincount(minlength=10).double() / len(images)


def quality(judge, images, reference):
    """Return Fréchet distance, classes covered, entropy and spread.

    The distance is to the features `reference`, squared; a class with a
    share of 0.01 or more is covered; the shares' entropy is in nats; spread
    is the root mean variance of a pixel over the images, in grey levels.
    """
    features = torch.cat([judge.features(x) for x in images.split(1000)])
    found = shares(judge, images)
    return torch.stack([frechet(features, reference).cpu(),
                        (found >= 0.01).sum().double().cpu(),
                        torch.special.entr(found).sum().cpu(),
                        images.var(0).mean().sqrt().double().cpu()])


def report(name, rows, close):
    """Record the columns of `quality` over runs: means, standard errors."""
    tols = {"Fréchet": close * rows[:, 0].mean().item(), "classes": 3,
            "entropy": 0.4, "spread": 0.05}
    for (what, tol), column in zip(tols.items(), rows.T, strict=True):
        record(f"{name}, {what}", column.mean(), tol=round(tol, 2),
               se=column.std() / len(rows)**0.5 if len(rows) > 1 else None)


class Blurred(nn.Module):
    """A generator with Gaussian noise of a given deviation on its pixels."""

    def __init__(self, generator, deviation):
        """Wrap a generator."""
        super().__init__()
        self.generator, self.deviation = generator, deviation
        self.z_dim = generator.z_dim

    def forward(self, z):
        """Return noisy images (batch, 1, 28, 28) from z (batch, z_dim)."""
        x = self.generator(z)
        return x + self.deviation * torch.randn_like(x)


@torch.no_grad()
def draw(generator, z, training=False):
    """Return images (N, 1, 28, 28) from z (N, z_dim), in eval mode or not."""
    generator.train(training)
    images = torch.cat([generator(part) for part in z.split(100)])
    generator.train()
    return images


def update(net, adam, slope, rate):
    """Let Adam move a network's parameters along given gradients."""
    adam.param_groups[0]["lr"] = rate
    for parameter, gradient in zip(net.parameters(), slope, strict=True):
        parameter.grad = gradient
    adam.step()


def play(images, seed, steps, *, loss=loss_nonsaturating, blur=0.0,
         betas=(0.9, 0.999), decay=False, head_start=0, make=None,
         watch=None, every=1):
    """Return a generator, by `make`, and its losses (steps, 2) in nats.

    `blur` is the deviation of noise on real and generated images alike; with
    `decay` the rate falls to 0; in `head_start` steps before the first only
    the discriminator moves. `watch(step, generator, discriminator)` is called
    before every `every`-th step.
    """
    torch.manual_seed(seed)
    device, losses = images.device, torch.zeros(steps, 2)
    d, g = Discriminator().to(device), (make or Generator)().to(device)
    nets = d, Blurred(g, blur)
    adams = [torch.optim.Adam(net.parameters(), betas=betas, fused=True)
             for net in nets]
    for step in progress(range(-head_start, steps), f"seed {seed}"):
        if watch and step % every == 0:
            watch(step, g, d)
        x = images[torch.randint(len(images), (100,), device=device)]
        z = torch.randn(100, g.z_dim, device=device)
        pair = loss(nets[1], d, x + blur * torch.randn_like(x), z)
        moving = range(1 + (step >= 0))  # the discriminator, or both
        slopes = [torch.autograd.grad(pair[n], list(nets[n].parameters()),
                                      retain_graph=True) for n in moving]
        for n in moving:
            rate = 1e-3 * (1 - decay * step / steps)
            update(nets[n], adams[n], slopes[n], rate)
        losses[max(step, 0)] = torch.stack(list(pair)).detach()
    return g, losses


def loss_minimax(generator, discriminator, x_real, z):
    """Return (d_loss, g_loss) in nats, g's being the minimax loss."""
    fake = generator(z)
    d_loss = discriminator_loss(discriminator(x_real),
                                discriminator(fake.detach()))
    return d_loss, minimax_generator_loss(discriminator(fake))


def lengths(g, d, z):
    """Return the norms of both losses' gradients in g's parameters."""
    logits, weights = d(g(z)), list(g.parameters())
    return [torch.cat([slope.flatten() for slope in torch.autograd.grad(
        loss(logits), weights, retain_graph=True)]).norm().item()
        for loss in (minimax_generator_loss, nonsaturating_generator_loss)]


def bare_generator():
    """Return a Generator whose batch normalisations do nothing."""
    generator = Generator()
    for module in list(generator.modules()):
        for name, child in module.named_children():
            if isinstance(child, (nn.BatchNorm1d, nn.BatchNorm2d)):
                setattr(module, name, nn.Identity())
    return generator
