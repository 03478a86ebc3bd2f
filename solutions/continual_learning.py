"""Derived from book/chapters/continual_learning.md, whose solutions it holds."""

import copy

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call, grad, vmap

from helpers import progress


def permute_pixels(x, permutation):
    """Return images (..., height, width), their pixels moved alike.

    Place j gets what was at permutation[j]; see def-cl-permute."""
    return x.flatten(-2)[..., permutation].reshape(x.shape)


class CNN(nn.Module):
    """The assignment's convolutional network: images to ten logits."""

    def __init__(self):
        """Make the layers; there are no arguments."""
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 10, 5), nn.Conv2d(10, 20, 5)
        self.channels, self.units = nn.Dropout2d(), nn.Dropout()
        self.fc1, self.fc2 = nn.Linear(320, 50), nn.Linear(50, 10)
        self.to(memory_format=torch.channels_last)  # a fifth faster

    def forward(self, x):
        """Return logits (N, 10) of images (N, 1, 28, 28)."""
        h = F.relu(F.max_pool2d(self.conv1(x), 2))  # (N, 10, 12, 12)
        h = F.relu(F.max_pool2d(self.channels(self.conv2(h)), 2))
        h = F.relu(self.fc1(h.flatten(1)))  # (N, 20, 4, 4) to (N, 50)
        return self.fc2(self.units(h))


def MLP():
    """Return a perceptron with hidden layers of 27 units: (N, 10) logits."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 27), nn.ReLU(),
                         nn.Linear(27, 27), nn.ReLU(), nn.Linear(27, 10))


def forgetting(accuracy):
    """Return the mean forgetting of all tasks but the last.

    `accuracy` (T, T) is a_{t,i}, in any unit, which the result shares.
    Equation def-cl-forgetting.
    """
    return (accuracy[:-1].amax(0) - accuracy[-1])[:-1].mean()


def backward_transfer(accuracy):
    """Return the mean change of a_{i,i} until the end: def-cl-transfer."""
    return (accuracy[-1] - accuracy.diagonal())[:-1].mean()


def report(name, runs, tol):
    """Record the measures of several runs' (T + 1, T) matrices, percent."""
    read = {"average": lambda m: m[-1].mean(),
            "learnt": lambda m: m[1:].diagonal().mean(),
            "forgetting": lambda m: forgetting(m[1:]),
            "BWT": lambda m: backward_transfer(m[1:]),
            "FWT": lambda m: (m.diagonal() - m[0])[1:].mean(),
            "task 1": lambda m: m[-1, 0], "last task": lambda m: m[-1, -1]}
    for part, measure in read.items():
        values = torch.tensor([float(measure(m.double())) for m in runs])
        values = values.round(decimals=4) + 0.0  # no −0, nor noise of 1e-7
        record(f"{name}, {part}", values.mean(), tol=tol, unit="%",
               se=values.std() / len(values) ** 0.5)


class Naive:
    """Train on the task at hand and keep nothing."""

    def data(self, x, y):
        """Return the images and labels to train on, given a new task's."""
        return x, y

    def loss(self, model, x, y):
        """Return the loss of a batch, nats per image."""
        return F.cross_entropy(model(x), y)

    def after(self, model, x, y):
        """Store what is to be kept of a task just learnt: nothing."""


def train(model, method, x, y, *, epochs, batch, seed):
    """Train a model in place by SGD at 0.01, momentum 0.9."""
    torch.manual_seed(seed)
    model.train()
    sgd = torch.optim.SGD(model.parameters(), 0.01, 0.9)
    for _ in range(epochs):
        for chosen in torch.randperm(len(x)).split(batch):
            loss = method.loss(model, x[chosen], y[chosen])
            sgd.zero_grad()
            loss.backward()
            sgd.step()


@torch.no_grad()
def accuracies(model, sets):
    """Return the accuracy, in percent, on each of some (images, labels)."""
    model.eval()
    return torch.tensor([100 * sum(
        (model(x).argmax(-1) == y).sum().item()
        for x, y in zip(images.split(1000), labels.split(1000), strict=True))
        / len(labels) for images, labels in sets])


def sequence(method, network, tasks, sets, seed, *, shared, epochs, batch):
    """Return the matrix of accuracies in percent, and the last model.

    The matrix is (T + 1, number of sets); its row 0 is from before the
    training. `shared` is a dict that keeps what the first task gives.
    """
    key = network, len(tasks[0][1]), id(sets), epochs, seed
    how = {"epochs": epochs, "batch": batch}
    if key not in shared:
        torch.manual_seed(seed)
        model = network().to(tasks[0][0].device)
        rows = [accuracies(model, sets)]
        train(model, Naive(), *tasks[0], seed=1000 * seed, **how)
        rows.append(accuracies(model, sets))
        shared[key] = rows, model, sets  # an id holds while the object lives
    rows, model = copy.deepcopy(shared[key][:2])
    for t, (x, y) in enumerate(progress(tasks, type(method).__name__)):
        new = method.data(x, y)
        if t > 0:
            train(model, method, *new, seed=1000 * seed + t, **how)
            rows.append(accuracies(model, sets))
        del new  # before the next task's data are put together
        if t < len(tasks) - 1:
            method.after(model, x, y)
    return torch.stack(rows), model


def fisher_diagonal(model, x, y):
    """Return the diagonal of the empirical Fisher: def-cl-empirical.

    `x` (N, ...) are inputs, `y` (N,) their labels; a dict by parameter
    name, of tensors without gradient. The model is used in eval mode.
    """
    was = model.training
    model.eval()
    weights = {name: p.detach() for name, p in model.named_parameters()}

    def loss(weights, one, label):
        logits = functional_call(model, weights, (one[None],))
        return F.cross_entropy(logits, label[None])

    total = {name: torch.zeros_like(p) for name, p in weights.items()}
    for batch in zip(x.split(250), y.split(250), strict=True):
        grads = vmap(grad(loss), (None, 0, 0))(weights, *batch)
        for name in total:
            total[name] += grads[name].square().sum(0)
    model.train(was)
    return {name: value / len(x) for name, value in total.items()}


def ewc_penalty(model, anchor, fisher, strength):
    """Return the penalty, the dicts being by parameter name: def-cl-ewc."""
    return strength / 2 * sum(
        (fisher[name] * (p - anchor[name]) ** 2).sum()
        for name, p in model.named_parameters())


class Consolidation(Naive):
    """EWC with one merged spring: def-cl-ewc, cl-recursion.

    `importance` of so many `examples`, times λ, is cut off at `limit`; `cut`
    springs were, at the last count."""

    def __init__(self, strength, importance=fisher_diagonal, *,
                 examples=2000, limit=100.0):
        """Begin without a spring."""
        self.strength, self.importance = strength, importance
        self.examples, self.limit = examples, limit
        self.anchor = self.total = self.fisher = None
        self.cut = 0

    def loss(self, model, x, y):
        """Return the cross-entropy and the penalty, nats per image."""
        loss = super().loss(model, x, y)
        if self.anchor is None or self.strength == 0:
            return loss
        return loss + ewc_penalty(model, self.anchor, self.fisher,
                                  self.strength)

    def after(self, model, x, y):
        """Add the task's importances, and hang the spring up anew."""
        some = torch.randperm(len(x))[:self.examples]
        new = self.importance(model, x[some], y[some])
        self.total = new if self.total is None else {
            name: self.total[name] + new[name] for name in new}
        self.anchor = {name: p.detach().clone()
                       for name, p in model.named_parameters()}
        limit = self.limit / max(self.strength, 1e-9)
        self.fisher = {name: t.clamp(max=limit)
                       for name, t in self.total.items()}
        self.cut = sum(int((t > limit).sum()) for t in self.total.values())


class ReservoirBuffer:
    """A uniform sample of a stream, of bounded size: cl-reservoir."""

    def __init__(self, capacity, generator):
        """Begin with nothing; at most `capacity` items will be kept."""
        self.capacity, self.generator = capacity, generator
        self.items, self.seen = [], 0

    def add(self, item):
        """Show the buffer the next item of the stream."""
        self.seen += 1
        if len(self.items) < self.capacity:
            self.items.append(item)
            return
        slot = torch.randint(self.seen, (), generator=self.generator)
        if slot < self.capacity:
            self.items[slot] = item


class Rehearsal(Naive):
    """Replay images from a reservoir of bounded size: cl-reservoir."""

    def __init__(self, capacity, seed):
        """Begin with an empty buffer of `capacity` images."""
        generator = torch.Generator().manual_seed(seed)
        self.buffer = ReservoirBuffer(capacity, generator)
        self.kept = None

    def loss(self, model, x, y):
        """Return the mean loss of a batch and half as many kept images."""
        if self.kept is not None:
            some = torch.randint(len(self.kept[1]), (len(y) // 2,))
            x, y = [torch.cat([new, old[some]])
                    for new, old in zip((x, y), self.kept, strict=True)]
        return super().loss(model, x, y)

    def after(self, model, x, y):
        """Show the task's images to the buffer, one by one."""
        for pair in zip(x, y, strict=True):
            self.buffer.add(pair)
        columns = zip(*self.buffer.items, strict=True)
        self.kept = [torch.stack(column) for column in columns]


class ReplayEverything(Naive):
    """Keep all data and train on all of it: the assignment's rehearsal."""

    def __init__(self):
        """Begin with no data."""
        self.past = []

    def data(self, x, y):
        """Return the data of this task and of all before it."""
        self.past.append((x, y))
        return [torch.cat(parts) for parts in zip(*self.past, strict=True)]


def fisher_of_model(model, x, y):
    """Return the Fisher's diagonal, from one draw each: cl-fisher."""
    with torch.no_grad():
        p = copy.deepcopy(model).eval()(x).softmax(-1)
    return fisher_diagonal(model, x, torch.multinomial(p, 1)[:, 0])


def squared_sum(model, x, y, *, batch=256, training=True):
    """Return what the assignment's code squares: cl-square-of-sum."""
    was = model.training
    model.train(training)
    model.zero_grad()
    for images, labels in zip(x.split(batch), y.split(batch), strict=True):
        F.cross_entropy(model(images), labels).backward()
    model.train(was)
    return {name: p.grad.square() for name, p in model.named_parameters()}


class TwoSprings(Naive):
    """The assignment's EWC, whose λ = 0.4 is 0.8 with the ½."""

    springs = ()

    def loss(self, model, x, y):
        """Return the cross-entropy and all penalties, nats per image."""
        return super().loss(model, x, y) + sum(
            ewc_penalty(model, *spring, 0.8) for spring in self.springs)

    def after(self, model, x, y):
        """Hang up one more spring, at a copy of the parameters."""
        anchor = dict(copy.deepcopy(model).requires_grad_(False)
                      .named_parameters())
        self.springs += ((anchor, squared_sum(model, x, y)),)
