"""Wrong answers to the exercises, each with its diagnosis, and right ways."""

import numpy as np
import torch
import torch.nn.functional as F
from torch.distributions import Categorical


def exact(make=lambda p, L: p * (L - (p * L).sum(-1, keepdim=True)), dim=-1,
          softmax=torch.softmax):
    def score_function_gradient(logits, loss_per_action):
        return make(softmax(logits, dim), loss_per_action)

    return score_function_gradient


def exact_by_scores(logits, loss_per_action):
    p = logits.softmax(-1)
    scores = torch.eye(logits.shape[-1]) - p[..., None, :]
    return torch.einsum("...a,...a,...aj->...j", p, loss_per_action, scores)


def exact_by_autograd(logits, loss_per_action):
    logits = logits.detach().requires_grad_()
    mean = (logits.softmax(-1) * loss_per_action).sum()
    return torch.autograd.grad(mean, logits)[0]


def exact_by_jacobian(logits, loss_per_action):
    p = logits.softmax(-1)
    jacobian = torch.diag_embed(p) - p[..., :, None] * p[..., None, :]
    return (jacobian @ loss_per_action[..., None])[..., 0]


def exact_on_the_leaf(logits, loss_per_action):
    logits.requires_grad_()
    (logits.softmax(-1) * loss_per_action).sum().backward()
    return logits.grad


def exact_in_single_precision(logits, loss_per_action):
    p = logits.softmax(-1)
    first = torch.einsum("...a,aj->...j", p * loss_per_action,
                         torch.eye(p.shape[-1]))
    return first - p * (p * loss_per_action).sum(-1, keepdim=True)


def by_exp(logits, dim):
    return logits.exp() / logits.exp().sum(dim, keepdim=True)


def surrogate(make=lambda log_p, r: -(log_p * r).mean(),
              pick=lambda log_p, a: log_p.gather(-1, a[:, None])[:, 0],
              log=torch.log_softmax, dim=-1):
    def policy_gradient_loss(logits, actions, rewards):
        return make(pick(log(logits, dim), actions), rewards)

    return policy_gradient_loss


def surrogate_by_categorical(logits, actions, rewards):
    return -(Categorical(logits=logits).log_prob(actions) * rewards).mean()


def surrogate_by_cross_entropy(logits, actions, rewards):
    return (F.cross_entropy(logits, actions, reduction="none") * rewards).mean()


def surrogate_by_one_hot(logits, actions, rewards):
    taken = F.one_hot(actions, logits.shape[-1]) * logits.log_softmax(-1)
    return -(rewards @ taken.sum(-1)) / len(rewards)


def surrogate_by_probs(logits, actions, rewards):
    policy = Categorical(probs=logits.softmax(-1))
    return -(policy.log_prob(actions) * rewards).mean()


def surrogate_with_epsilon(logits, actions, rewards):
    p = logits.softmax(-1)[torch.arange(len(actions)), actions]
    return -((p + 1e-10).log() * rewards).mean()


def surrogate_positional(logits, actions, rewards):
    return -(Categorical(logits).log_prob(actions) * rewards).mean()


def surrogate_in_single_precision(logits, actions, rewards):
    one_hot = F.one_hot(actions, logits.shape[-1]).float()
    return -torch.einsum("na,na,n->", one_hot, logits.log_softmax(-1),
                         rewards) / len(actions)


def labels(x, limit, codes=(0, 1, 2, 3)):
    plus = (x - 1).square().sum(-1) <= limit
    minus = (x + 1).square().sum(-1) <= limit
    both, one, two, none = codes
    return torch.where(plus, torch.where(minus, both, one),
                       torch.where(minus, two, none))


def data(rule=lambda x, d: labels(x, 2.5 * d), spread=lambda u: 4.4 * u - 2.2,
         give=lambda x, y: (x, y), rand=torch.rand):
    def generate_data(n, input_dim, generator):
        x = spread(rand(n, input_dim, generator=generator))
        return give(x, rule(x, input_dim))

    return generate_data


def data_without_generator(n, input_dim, generator):
    x = 4.4 * torch.rand(n, input_dim) - 2.2
    return x, labels(x, 2.5 * input_dim)


def data_reseeded(n, input_dim, generator):
    return data()(n, input_dim, torch.Generator().manual_seed(73))


def data_by_numpy(n, input_dim, generator):
    rng = np.random.default_rng(generator.initial_seed())
    x = torch.tensor(rng.uniform(-2.2, 2.2, (n, input_dim))).float()
    return x, labels(x, 2.5 * input_dim)


def data_by_uniform(n, input_dim, generator):
    x = torch.empty(n, input_dim).uniform_(-2.2, 2.2, generator=generator)
    plus, minus = (torch.cdist(x, torch.full((1, input_dim), c))[:, 0] ** 2
                   <= 2.5 * input_dim for c in (1.0, -1.0))
    y = torch.full((n,), 3)
    y[minus], y[plus] = 2, 1
    y[plus & minus] = 0
    return x, y


def data_by_codes(n, input_dim, generator):
    x = (torch.rand(n, input_dim, generator=generator) - 0.5) * 4.4
    far = [((x + c) ** 2).sum(1) > 2.5 * input_dim for c in (-1, 1)]
    return [x, 2 * far[0].long() + far[1].long()]


def oracle(right=3.0, wrong=-1.0, after=lambda r: r):
    def make_oracle(y):
        return lambda actions: after(torch.where(actions == y, right, wrong))

    return make_oracle


KEPT = {}


def oracle_with_a_global(y):
    KEPT["y"] = y
    return lambda actions: torch.where(actions == KEPT["y"], 3.0, -1.0)


def oracle_with_the_first_for_ever(y):
    KEPT.setdefault("first", {}).setdefault(tuple(y.shape), y)
    return lambda actions: torch.where(
        actions == KEPT["first"][tuple(y.shape)], 3.0, -1.0)


def oracle_at_once(y):
    return torch.where(y == y, 3.0, -1.0)


def oracle_by_arithmetic(y):
    def oracle(actions):
        return 4 * (actions == y).float() - 1

    return oracle


class Oracle:
    """An object that is called."""

    def __init__(self, y):
        self.y = y.clone()

    def __call__(self, actions):
        rewards = torch.full(actions.shape, -1.0)
        rewards[actions == self.y] = 3.0
        return rewards


WRONG = {
    "score_function_gradient": {
        "of the reward": (exact(lambda p, L: -p * (
            L - (p * L).sum(-1, keepdim=True))), "sign is wrong"),
        "mean forgotten": (exact(lambda p, L: p * L), "is not subtracted"),
        "equal weights": (exact(lambda p, L: p * (
            L - L.mean(-1, keepdim=True))), "with equal weights"),
        "p forgotten": (exact(lambda p, L: L - (p * L).sum(-1, keepdim=True)),
                        "factor p_j is missing"),
        "the mean itself": (exact(lambda p, L: (p * L).sum(-1)),
                            "not its gradient"),
        "mean over rows": (exact(lambda p, L: p * (
            L - (p * L).sum(-1, keepdim=True)) / len(p)), "mean over rows"),
        "mean over actions": (exact(lambda p, L: p * (
            L - (p * L).sum(-1, keepdim=True)) / p.shape[-1]),
            "average over actions"),
        "softmax over rows": (exact(dim=0), "runs over the rows"),
        "no softmax": (exact(softmax=lambda t, d: t), "as if they were prob"),
        "p twice": (exact(lambda p, L: p * (
            p * L - (p * p * L).sum(-1, keepdim=True))), "in twice"),
        "added up": (exact(lambda p, L: (p * (
            L - (p * L).sum(-1, keepdim=True))).sum(0)), "are added up"),
        "exp": (exact(softmax=by_exp), "overflows"),
        "own logit only": (exact(lambda p, L: p * (1 - p) * L),
                           "at all the others"),
        "own derivative": (exact(lambda p, L: (1 - p) * L), "in its own logit"),
        "dimension lost": (exact(lambda p, L: p * (L - (p * L).sum(-1))),
                           "keepdim=True"),
        "single precision": (exact_in_single_precision, "logits.dtype"),
    },
    "policy_gradient_loss": {
        "sign": (surrogate(lambda t, r: (t * r).mean()), "sign is wrong"),
        "sum": (surrogate(lambda t, r: -(t * r).sum()), "sum over the batch"),
        "no gather": (surrogate(lambda t, r: -(t * r[:, None]).mean(),
                                lambda t, a: t), "not picked out"),
        "no gather, summed": (
            surrogate(lambda t, r: -(t * r[:, None]).sum(-1).mean(),
                      lambda t, a: t), "not picked out"),
        "broadcast": (surrogate(pick=lambda t, a: t.gather(-1, a[:, None])),
                      "broadcast to (N, N)"),
        "probabilities": (surrogate(log=torch.softmax), "logarithm is missing"),
        "logits": (surrogate(log=lambda t, d: t), "are not log probabilities"),
        "greedy": (surrogate(pick=lambda t, a: t.max(-1).values),
                   "the likeliest action"),
        "softmax over the batch": (surrogate(dim=0), "runs over the batch"),
        "no rewards": (surrogate(lambda t, r: -t.mean()), "rewards are ignored"),
        "own baseline": (surrogate(lambda t, r: -(t * (r - r.mean())).mean()),
                         "take the rewards as they are"),
        "product of means": (surrogate(lambda t, r: -t.mean() * r.mean()),
                             "means were multiplied"),
        "not averaged": (surrogate(lambda t, r: -t * r), "not averaged"),
        "detached": (lambda t, a, r: surrogate()(t.detach(), a, r),
                     "no gradient gets through"),
        "softmax, then log": (
            surrogate(log=lambda t, d: t.softmax(d).log()), "rounded to 0"),
        "standardised": (
            surrogate(lambda t, r: -(t * (r - r.mean()) / r.std()).mean()),
            "are standardised here"),
        "columns": (surrogate(pick=lambda t, a: t[:, a]), "of all rows"),
        "Categorical(logits)": (surrogate_positional, "pass logits="),
        "single precision": (surrogate_in_single_precision, "logits.dtype"),
        "epsilon": (surrogate_with_epsilon, "hides the underflow"),
        "probs=": (surrogate_by_probs, "are clamped"),
    },
    "generate_data": {
        "threshold of two dimensions": (data(lambda x, d: labels(x, 5)),
                                        "that of two dimensions"),
        "threshold without d": (data(lambda x, d: labels(x, 2.5)),
                                "lacks the factor"),
        "fixed to eight": (data(lambda x, d: labels(x, 20)),
                           "threshold is fixed"),
        "1 and 2": (data(lambda x, d: labels(x, 2.5 * d, (0, 2, 1, 3))),
                    "1 and 2 have changed"),
        "0 and 3": (data(lambda x, d: labels(x, 2.5 * d, (3, 1, 2, 0))),
                    "0 and 3 have changed"),
        "both as one": (data(lambda x, d: labels(x, 2.5 * d, (1, 1, 2, 3))),
                        "near both is class 0"),
        "generator ignored": (data_without_generator, "is not used"),
        "seeded inside": (data_reseeded, "seed is set inside"),
        "not stretched": (data(spread=lambda u: u), "not stretched"),
        "not moved": (data(spread=lambda u: 4.4 * u), "then move"),
        "half of it": (data(spread=lambda u: 2.2 * u), "move by −2.2"),
        "Gaussian": (data(rand=torch.randn), "rand, not randn"),
        "swapped": (data(give=lambda x, y: (y, x)), "changed places"),
        "labels as floats": (data(give=lambda x, y: (x, y.float())),
                             "whole numbers"),
        "int32": (data(give=lambda x, y: (x, y.int())), "y.long()"),
        "near either": (data(lambda x, d: labels(x, 2.5 * d, (0, 0, 0, 3))),
                        "no rule that we know"),
        "summed over all": (data(lambda x, d: labels(x.flatten(), 2.5 * d)),
                            "over all points"),
        "another generator": (data_by_numpy, "not one call of torch.rand"),
    },
    "make_oracle": {
        "swapped": (oracle(-1.0, 3.0), "right and wrong have changed"),
        "losses": (oracle(-3.0, 1.0), "these are losses"),
        "0 and 1": (oracle(1.0, 0.0), "as 1 or 0"),
        "0 for wrong": (oracle(3.0, 0.0), "not 0"),
        "1 for right": (oracle(1.0, -1.0), "not +1"),
        "mean": (oracle(after=lambda r: r.mean()), "not their mean"),
        "sum": (oracle(after=lambda r: r.sum()), "not their sum"),
        "no function": (oracle_at_once, "returns a function"),
        "whole numbers": (oracle(3, -1), "not whole numbers"),
        "a global": (oracle_with_a_global, "by the second's labels"),
        "stale": (oracle_with_the_first_for_ever, "by the first's labels"),
        "flattened": (oracle(after=lambda r: r.flatten()), "the shape of y"),
    },
}

RIGHT = {
    "score_function_gradient": {
        "sum over scores": exact_by_scores,
        "autograd": exact_by_autograd,
        "autograd on the argument": exact_on_the_leaf,
        "the softmax's Jacobian": exact_by_jacobian,
    },
    "policy_gradient_loss": {
        "torch.distributions": surrogate_by_categorical,
        "cross_entropy": surrogate_by_cross_entropy,
        "one_hot": surrogate_by_one_hot,
        "indexing": surrogate(pick=lambda t, a: t[range(len(a)), a]),
    },
    "generate_data": {
        "uniform_ and cdist": data_by_uniform,
        "arithmetic of codes": data_by_codes,
    },
    "make_oracle": {
        "arithmetic": oracle_by_arithmetic,
        "an object": Oracle,
    },
}
