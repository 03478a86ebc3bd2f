"""Wrong answers to the exercises, each with its diagnosis, and right ways."""

import copy

import torch
import torch.nn.functional as F
from torch.func import functional_call, grad, jacrev, vmap


def permute_inverse(x, permutation):
    return x.flatten(-2)[..., permutation.argsort()].reshape(x.shape)


def permute_flat(x, permutation):
    return x.flatten(-2)[..., permutation]


def permute_images(x, permutation):
    return x[permutation]


def permute_anew(x, permutation):
    return permute_right(x, permutation[torch.randperm(len(permutation))]) \
        if _second_call() else permute_right(x, permutation)


def _second_call(calls=[0]):  # noqa: B006
    calls[0] += 1
    return calls[0] % 4 == 0


def permute_in_place(x, permutation):
    result = permute_right(x, permutation)
    if x.shape[0] == 2 and x.dim() == 4:
        return x.copy_(result)
    return result


def permute_to_float(x, permutation):
    return permute_right(x.float(), permutation)


def permute_right(x, permutation):
    return x.flatten(-2)[..., permutation].reshape(x.shape)


def permute_by_gather(x, permutation):
    flat = x.reshape(*x.shape[:-2], -1)
    return flat.gather(-1, permutation.expand(flat.shape)).view_as(x)


def permute_by_index_select(x, permutation):
    return torch.unflatten(x.flatten(-2).index_select(-1, permutation), -1,
                           x.shape[-2:])


def forgetting_with(earlier=lambda a: a[:-1].amax(0), tasks=slice(0, -1),
                    give=lambda d: d.mean()):
    def forgetting(accuracy):
        return give((earlier(accuracy) - accuracy[-1])[tasks])

    return forgetting


def forgetting_by_loop(accuracy):
    rows = accuracy.tolist()
    last = len(rows) - 1
    drops = [max(row[i] for row in rows[:-1]) - rows[last][i]
             for i in range(last)]
    return sum(drops) / last


def fisher(combine, labels=lambda model, x, y: y, evaluate=True, restore=True):
    """Return a fisher_diagonal from the gradients of all examples."""
    def fisher_diagonal(model, x, y):
        was = model.training
        if evaluate:
            model.eval()
        y = labels(model, x, y)
        total = {name: [] for name, _ in model.named_parameters()}
        for i in range(len(x)):
            loss = F.cross_entropy(model(x[i:i + 1]), y[i:i + 1])
            grads = torch.autograd.grad(loss, list(model.parameters()))
            for name, g in zip(total, grads, strict=True):
                total[name].append(g)
        if restore:
            model.train(was)
        return {name: combine(torch.stack(g)) for name, g in total.items()}

    return fisher_diagonal


def fisher_true(model, x, y):
    with torch.no_grad():
        model.eval()
        p = model(x).softmax(-1)
    result = None
    for c in range(p.shape[1]):
        weigh = p[:, c].sqrt()
        part = fisher(lambda g, w=weigh: (
            w.reshape(-1, *[1] * (g.dim() - 1)) * g).square().mean(0))(
            model, x, torch.full_like(y, c))
        result = part if result is None else {
            k: result[k] + part[k] for k in part}
    return result


def fisher_attached(model, x, y):
    was = model.training
    model.eval()
    result = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for i in range(len(x)):
        loss = F.cross_entropy(model(x[i:i + 1]), y[i:i + 1])
        grads = torch.autograd.grad(loss, list(model.parameters()),
                                    create_graph=True)
        for name, g in zip(result, grads, strict=True):
            result[name] = result[name] + g**2 / len(x)
    model.train(was)
    return result


def fisher_without_a_batch(model, x, y):
    was = model.training
    model.eval()
    result = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for one, label in zip(x, y, strict=True):
        loss = F.cross_entropy(model(one), label)
        grads = torch.autograd.grad(loss, list(model.parameters()))
        for name, g in zip(result, grads, strict=True):
            result[name] += g**2 / len(x)
    model.train(was)
    return result


def fisher_by_vmap(model, x, y):
    was = model.training
    model.eval()
    weights = {k: p.detach() for k, p in model.named_parameters()}

    def loss(weights, one, label):
        return F.cross_entropy(functional_call(model, weights, (one[None],)),
                               label[None])

    grads = vmap(grad(loss), (None, 0, 0))(weights, x, y)
    model.train(was)
    return {k: g.square().mean(0) for k, g in grads.items()}


def fisher_piled_up(model, x, y):
    was = model.training
    model.eval()
    model.zero_grad()
    total = {k: torch.zeros_like(p) for k, p in model.named_parameters()}
    for i in range(len(x)):
        F.cross_entropy(model(x[i:i + 1]), y[i:i + 1]).backward()
        for k, p in model.named_parameters():
            total[k] += p.grad**2
    model.train(was)
    return {k: t / len(x) for k, t in total.items()}


def fisher_on_a_copy(model, x, y):
    model = copy.deepcopy(model).eval()
    weights = {k: p.detach() for k, p in model.named_parameters()}

    def losses(weights):
        return F.cross_entropy(functional_call(model, weights, (x,)), y,
                               reduction="none")

    return {k: (j**2).sum(0) / len(x) for k, j in jacrev(losses)(weights).items()}


def fisher_by_backward(model, x, y):
    was = model.training
    model.eval()
    total = {k: torch.zeros_like(p) for k, p in model.named_parameters()}
    for i in range(len(x)):
        model.zero_grad()
        (-model(x[[i]]).log_softmax(-1)[0, y[i]]).backward()
        for k, p in model.named_parameters():
            total[k] += p.grad**2
    model.zero_grad()
    model.train(was)
    return {k: t / len(x) for k, t in total.items()}


def penalty(term, give=lambda strength, total: strength / 2 * total,
            reduce=torch.sum, skip=""):
    def ewc_penalty(model, anchor, fisher, strength):
        total = sum(reduce(term(fisher[n], p - anchor[n]))
                    for n, p in model.named_parameters() if n != skip)
        return give(strength, total)

    return ewc_penalty


def square(f, d):
    return f * d**2


def penalty_detached(model, anchor, fisher, strength):
    return strength / 2 * sum((fisher[n] * (p.data - anchor[n]) ** 2).sum()
                              for n, p in model.named_parameters())


def penalty_by_order(model, anchor, fisher, strength):
    return strength / 2 * sum(
        (f * (p - a) ** 2).sum() for p, a, f in zip(
            model.parameters(), anchor.values(), fisher.values(), strict=True))


def penalty_of_weights(model, anchor, fisher, strength):
    return strength / 2 * sum((fisher[n] * p**2).sum()
                              for n, p in model.named_parameters())


def penalty_by_dots(model, anchor, fisher, strength):
    total = 0.0
    for name, p in model.named_parameters():
        gap = (p - anchor[name]).flatten()
        total = total + torch.dot(fisher[name].flatten() * gap, gap)
    return 0.5 * strength * total


def penalty_of_one_vector(model, anchor, fisher, strength):
    names = [name for name, _ in model.named_parameters()]
    flat = [torch.cat([d[n].reshape(-1) for n in names]) for d in (
        dict(model.named_parameters()), anchor, fisher)]
    now, then, weight = flat
    return strength * 0.5 * (weight * (now - then).square()).sum()


def reservoir(slot, early=False):
    """Return a buffer whose item goes to slot(self), when there is such."""
    class ReservoirBuffer:
        def __init__(self, capacity, generator):
            self.capacity, self.generator = capacity, generator
            self.items, self.seen = [], 0

        def draw(self, stop):
            return int(torch.randint(max(stop, 1), (),
                                     generator=self.generator))

        def add(self, item):
            self.seen += not early
            if len(self.items) < self.capacity:
                self.items.append(item)
            elif self.capacity:
                place = slot(self)
                if 0 <= place < self.capacity:
                    self.items[place] = item
            self.seen += early

    return ReservoirBuffer


def with_half(buffer):
    return buffer.draw(buffer.capacity) if buffer.draw(2) else -1


def one_over_seen(buffer):
    return buffer.draw(buffer.capacity) if buffer.draw(buffer.seen) == 0 else -1


class Queue(reservoir(lambda self: -1)):
    def add(self, item):
        self.items.append(item)
        self.items = self.items[-self.capacity:] if self.capacity else []


class Shared(reservoir(lambda self: self.draw(self.seen))):
    def __init__(self, capacity, generator, items=[]):  # noqa: B006
        super().__init__(capacity, generator)
        self.items = items


class Growing(reservoir(lambda self: -1)):
    def add(self, item):
        self.items.append(item)


class GlobalDraws(reservoir(lambda self: -1)):
    def draw(self, stop):
        return int(torch.randint(stop, ()))

    def add(self, item):
        self.seen += 1
        if len(self.items) < self.capacity:
            self.items.append(item)
            return
        place = self.draw(self.seen)
        if place < self.capacity:
            self.items[place] = item


class ByCoin(reservoir(lambda self: -1)):
    """First whether, then where."""

    def add(self, item):
        self.seen += 1
        if len(self.items) < self.capacity:
            self.items.append(item)
        elif torch.rand((), generator=self.generator) \
                < self.capacity / self.seen:
            self.items[self.draw(self.capacity)] = item


class ByKeys:
    """Give every item a random key and keep the largest keys."""

    def __init__(self, capacity, generator):
        self.capacity, self.generator, self.pairs = capacity, generator, []

    @property
    def items(self):
        return [item for _, item in self.pairs]

    def add(self, item):
        key = torch.rand((), generator=self.generator,
                         dtype=torch.float64).item()
        self.pairs.append((key, item))
        if len(self.pairs) > self.capacity:
            self.pairs.remove(min(self.pairs, key=lambda pair: pair[0]))


WRONG = {
    "permute_pixels": {
        "inverse": (permute_inverse, "inverse permutation"),
        "left flat": (permute_flat, "shape of x is lost"),
        "images instead": (permute_images, "not of images or rows"),
        "in place": (permute_in_place, "x itself was changed"),
        "anew at each call": (permute_anew, "shuffles anew"),
        "to float": (permute_to_float, "type must stay"),
    },
    "forgetting": {
        "backward transfer": (forgetting_with(lambda a: a.diagonal()),
                              "minus the backward transfer"),
        "mean over T": (forgetting_with(give=lambda d: d.sum() / (len(d) + 1)),
                        "not over T"),
        "sum": (forgetting_with(give=lambda d: d.sum()), "this is the sum"),
        "not averaged": (forgetting_with(give=lambda d: d), "one value for each"),
        "sign": (forgetting_with(give=lambda d: -d.mean()), "sign is wrong"),
        "last row included": (forgetting_with(lambda a: a.amax(0)),
                              "a gain does not show"),
        "last row and task": (forgetting_with(lambda a: a.amax(0), slice(None)),
                              "both are too much"),
        "last task included": (forgetting_with(tasks=slice(None)),
                               "cannot be forgotten yet"),
        "transposed": (lambda a: forgetting_with()(a.T), "exchanged"),
        "clamped": (forgetting_with(give=lambda d: d.clamp(min=0).mean()),
                    "a gain does not show"),
        "first row": (forgetting_with(lambda a: a[0]), "first row alone"),
        "max with places": (forgetting_with(lambda a: a[:-1].max(0)),
                            "values and places"),
    },
    "fisher_diagonal": {
        "training mode": (fisher(lambda g: g.square().mean(0), evaluate=False),
                          "dropout was on"),
        "square of the mean": (fisher(lambda g: g.mean(0).square()),
                               "square of the mean gradient"),
        "square of the sum": (fisher(lambda g: g.sum(0).square()),
                              "square of the summed gradient"),
        "sum": (fisher(lambda g: g.square().sum(0)), "sum over the examples"),
        "no zero_grad": (fisher_piled_up, "piled up"),
        "not squared": (fisher(lambda g: g.mean(0)), "not squared"),
        "absolute": (fisher(lambda g: g.abs().mean(0)), "mean absolute"),
        "root": (fisher(lambda g: g.square().mean(0).sqrt()), "square root"),
        "the model's labels": (fisher_true, "averaged over the model's labels"),
        "best guesses": (fisher(lambda g: g.square().mean(0),
                                lambda model, x, y: model(x).argmax(-1)),
                         "best guesses"),
        "left in eval": (fisher(lambda g: g.square().mean(0), restore=False),
                         "left in eval mode"),
        "no batch": (fisher_without_a_batch, "wants a batch"),
        "attached": (fisher_attached, "detach them"),
        "a list": (lambda *a: list(fisher_by_vmap(*a).values()),
                   "a dict by parameter name"),
    },
    "ewc_penalty": {
        "no half": (penalty(square, lambda s, t: s * t), "factor ½ is missing"),
        "no strength": (penalty(square, lambda s, t: t / 2),
                        "strength is missing"),
        "no Fisher": (penalty(lambda f, d: d**2), "pulled alike"),
        "not squared": (penalty(lambda f, d: f * d), "distances are not squared"),
        "absolute": (penalty(lambda f, d: f * d.abs()),
                     "distances are not squared"),
        "Fisher squared": (penalty(lambda f, d: (f * d) ** 2),
                           "Fisher information is squared"),
        "mean": (penalty(square, reduce=torch.mean), "mean over each tensor"),
        "no biases": (penalty(square, skip="1.bias"), "biases are forgotten"),
        "no anchor": (penalty_of_weights, "anchor is ignored"),
        "by order": (penalty_by_order, "by name, not by their order"),
        "detached": (penalty_detached, "no gradient gets through"),
    },
    "ReservoirBuffer": {
        "always in": (reservoir(lambda b: b.draw(b.capacity)),
                      "early ones die out"),
        "counted late": (reservoir(lambda b: b.draw(b.seen), early=True),
                         "counted before the draw"),
        "one number too many": (reservoir(lambda b: b.draw(b.seen + 1)),
                                "one number too many"),
        "queue": (Queue, "nothing is random"),
        "a coin": (reservoir(with_half), "with probability ½"),
        "slots from one": (reservoir(lambda b: b.draw(b.seen) + 1),
                           "slots begin at 0"),
        "one over seen": (reservoir(one_over_seen), "instead of capacity"),
        "unbounded": (Growing, "grows beyond"),
        "one list for all": (Shared, "shared by all"),
        "global draws": (GlobalDraws, "come from elsewhere"),
    },
}

RIGHT = {
    "permute_pixels": {
        "gather": permute_by_gather,
        "index_select": permute_by_index_select,
    },
    "forgetting": {
        "a loop": forgetting_by_loop,
        "torch.max": lambda a: (torch.max(a[:-1, :-1], 0).values
                                - a[-1, :-1]).mean(),
    },
    "fisher_diagonal": {
        "a loop over examples": fisher(lambda g: g.square().mean(0)),
        "a loop with backward": fisher_by_backward,
        "vmap of grad": fisher_by_vmap,
        "a Jacobian, on a copy": fisher_on_a_copy,
    },
    "ewc_penalty": {
        "dot products": penalty_by_dots,
        "one long vector": penalty_of_one_vector,
    },
    "ReservoirBuffer": {
        "first whether, then where": ByCoin,
        "random keys": ByKeys,
    },
}
