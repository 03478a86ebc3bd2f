"""Derived from book/chapters/policy_gradient.md, whose solutions it holds."""

import zlib
from itertools import repeat

import torch
import torch.nn.functional as F
from torch import nn

from helpers import progress


def score_function_gradient(logits, loss_per_action):
    """Return dE[L]/dlogits, of shape (..., A): pg-softmax-gradient."""
    p = logits.softmax(-1)
    mean = (p * loss_per_action).sum(-1, keepdim=True)
    return p * (loss_per_action - mean)


def policy_gradient_loss(logits, actions, rewards):
    """Return −mean(log p(a) · reward) of N rows: def-pg-surrogate."""
    log_p = logits.log_softmax(-1).gather(-1, actions[:, None])[:, 0]
    return -(log_p * rewards).mean()


def variance_at_logits(p, rewards, b):
    """Return V(b) of one draw at the logits, for p and rewards of length A."""
    pairs = list(zip(p, rewards, strict=True))
    total, mean = sum(q * q for q in p), sum(q * r for q, r in pairs)
    second = sum(q * (r - b) ** 2 * (1 - 2 * q + total) for q, r in pairs)
    return second - sum((q * (r - mean)) ** 2 for q, r in pairs)


def generate_data(n, input_dim, generator):
    """Return points x (n, input_dim), labels y (n,): def-pg-task."""
    x = 4.4 * torch.rand(n, input_dim, generator=generator) - 2.2
    far = [(x - c).square().sum(-1) > 2.5 * input_dim for c in (1, -1)]
    return x, 2 * far[0] + far[1]


def make_oracle(y):
    """Return a function from actions to rewards, bound to y: def-pg-oracle."""
    def oracle(actions):
        return torch.where(actions == y, 3.0, -1.0)

    return oracle


def draw(logits):
    """Return one action for each row of logits (N, A), drawn on policy."""
    return torch.distributions.Categorical(logits=logits.detach()).sample()


@torch.no_grad()
def accuracy(model, x, y):
    """Return how often the likeliest action is right, in per cent."""
    return 100 * (model(x).argmax(-1) == y).float().mean().item()


def learn(loss, data, seed, steps, *, hidden=32, rate=2e-3, falling=False,
          inputs=8, watch=None, points=30):
    """Return a network trained on batches (x, y, oracle), and its curve.

    The curve holds the accuracy on `watch` = (x, y) at equal distances.
    With `falling` the rate falls to 0 in a straight line.
    """
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(),
                          nn.Linear(hidden, 4))
    adam = torch.optim.Adam(model.parameters(), rate, fused=True)
    curve = []
    for step, batch in zip(progress(range(steps)), data, strict=False):
        if falling:
            adam.param_groups[0]["lr"] = rate * (1 - step / steps)
        x, *answers = batch
        value = loss(model(x), *answers)
        adam.zero_grad()
        value.backward()
        adam.step()
        if watch and (step + 1) % (steps // points) == 0:
            curve.append(accuracy(model, *watch))
    return model, curve


def supervised(logits, y, oracle):
    """Return the cross-entropy with the labels: no black box."""
    return F.cross_entropy(logits, y)


def by_reward(shift=0.0, baseline=False, sign=1, choose=draw):
    """Return the surrogate loss as a function of (logits, y, oracle)."""
    def loss(logits, y, oracle):
        actions = choose(logits)
        rewards = oracle(actions) + shift
        if baseline:
            rewards = rewards - rewards.mean()
        return sign * policy_gradient_loss(logits, actions, rewards)

    return loss


def no_gather(logits, y, oracle):
    """Return what is left when the action's entry is not picked out."""
    rewards = oracle(draw(logits))
    return -(logits.log_softmax(-1) * rewards[:, None]).mean()


def likeliest(logits):
    """Return the action of the largest logit: greedy, not on policy."""
    return logits.argmax(-1)


def stale_labels(x):
    """Return labels by the threshold of two dimensions, whatever x has."""
    plus, minus = ((x - c).square().sum(-1) <= 5 for c in (1, -1))
    return torch.where(plus, torch.where(minus, 0, 1),
                       torch.where(minus, 2, 3))


def report(name, values, tol):
    """Record the mean over runs with its standard error, in per cent."""
    values = torch.as_tensor(values)
    record(name, values.mean(), se=values.std() / len(values) ** 0.5,
           tol=tol, unit="%")


def fresh(size, seed, inputs=8):
    """Yield endless batches (x, y, oracle) of `size` new points each."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        x, y = generate_data(size, inputs, generator)
        yield x, y, make_oracle(y)


def reply(weights, x, hidden=32):
    """Return logits (P, n, 4) of P networks, weights (P, 420), on x."""
    first, b, second, c = weights.split([8 * hidden, hidden, 4 * hidden, 4],
                                        1)
    first, second = first.view(-1, hidden, 8), second.view(-1, 4, hidden)
    h = torch.baddbmm(b[:, None], x, first.mT).relu()  # (P, n, hidden)
    return torch.baddbmm(c[:, None], h, second.mT)


@torch.no_grad()
def evolve(data, seed, steps, sigma, rate, watch, pairs=50):
    """Return the accuracy curve of evolution strategies: def-pg-es."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
    theta = nn.utils.parameters_to_vector(model.parameters()).clone()
    adam, curve = torch.optim.Adam([theta], rate), []
    for step, (x, _, oracle) in zip(progress(range(steps)), data):
        adam.param_groups[0]["lr"] = rate * (1 - step / steps)
        noise, x = torch.randn(pairs, len(theta)), x.view(pairs, -1, 8)
        paid = [oracle(reply(theta + sign * sigma * noise, x).argmax(-1)
                       .flatten()).view(pairs, -1).mean(1)
                for sign in (1, -1)]
        theta.grad = (paid[1] - paid[0]) @ noise / (2 * sigma * pairs)
        adam.step()
        if (step + 1) % (steps // 30) == 0:
            logits = reply(theta[None], watch[0][None])[0]
            right = (logits.argmax(-1) == watch[1]).float()
            curve.append(100 * right.mean().item())
    return curve


def scan_orders(side=28):
    """Return four orders of pixels (4, side²): rows, columns, diagonals."""
    row, column = torch.meshgrid(*[torch.arange(side)] * 2, indexing="ij")
    keys = [row * 100 + column, column * 100 + row,
            (row + column) * 100 + row, (row - column) * 100 + row]
    return torch.stack([key.flatten().argsort() for key in keys])


def compressed_bytes(images, actions, orders=scan_orders()):
    """Return zlib's bytes (N,) for images (N, 784) in the orders chosen."""
    scanned = images.gather(1, orders[actions]).numpy()
    return torch.tensor([float(len(zlib.compress(row.tobytes(), 9)))
                         for row in scanned])


def shorten(way, images, seed, steps):
    """Return a network that chooses orders; `way` is what is subtracted."""
    generator = torch.Generator().manual_seed(seed)

    def batches():
        """Yield images, scaled for the network and as bytes."""
        while True:
            size = (100 if way == "the other draw" else 200,)
            chosen = torch.randint(len(images), size, generator=generator)
            yield images[chosen].float() / 255, images[chosen]

    def loss(logits, x):
        """Return the surrogate loss of rewards that are minus bytes."""
        if way == "the other draw":
            logits, x = logits.repeat(2, 1), x.repeat(2, 1)
        actions = draw(logits)
        rewards = -compressed_bytes(x, actions)
        if way == "the batch's mean":
            rewards = rewards - rewards.mean()
        if way == "the other draw":
            rewards = rewards - rewards.roll(100)
        return policy_gradient_loss(logits, actions, rewards)

    return learn(loss, batches(), seed, steps, hidden=64, rate=1e-3,
                 inputs=784)[0]
