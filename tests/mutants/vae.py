"""Wrong answers to the exercises, each with its diagnosis, and right ways."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Independent, Normal, kl_divergence


def bernoulli(sign=1, reduce=lambda t: t.sum(-1)):
    def log_bernoulli_with_logits(x, logits):
        return sign * reduce(x * logits - F.softplus(logits))

    return log_bernoulli_with_logits


def bernoulli_by_sigmoid(x, logits):
    p = torch.sigmoid(logits)
    return (x * p.log() + (1 - x) * (1 - p).log()).sum(-1)


def bernoulli_by_clamped_bce(x, logits):
    p = torch.sigmoid(logits)
    x = x.expand_as(p)
    return -F.binary_cross_entropy(p, x, reduction="none").sum(-1)


def bernoulli_with_epsilon(x, logits):
    p = torch.sigmoid(logits)
    return (x * (p + 1e-8).log() + (1 - x) * (1 - p + 1e-8).log()).sum(-1)


def bernoulli_overflowing(x, logits):
    return (x * logits - torch.log(1 + torch.exp(logits))).sum(-1)


def bernoulli_swapped(x, logits):
    return ((1 - x) * logits - F.softplus(logits)).sum(-1)


def bernoulli_ones_only(x, logits):
    return (x * F.logsigmoid(logits)).sum(-1)


def bernoulli_by_mean_bce(x, logits):
    return F.binary_cross_entropy_with_logits(logits, x)


def bernoulli_detached(x, logits):
    return bernoulli()(x, logits.detach())


def bernoulli_by_two_logsigmoids(x, logits):
    terms = x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)
    return terms.sum(-1)


def bernoulli_by_torch(x, logits):
    x, logits = torch.broadcast_tensors(x, logits)
    return torch.distributions.Bernoulli(logits=logits).log_prob(x).sum(-1)


def bernoulli_by_bce_with_logits(x, logits):
    x, logits = torch.broadcast_tensors(x.to(logits.dtype), logits)
    return -F.binary_cross_entropy_with_logits(
        logits, x, reduction="none").sum(-1)


def kl(terms=None, reduce=lambda t: t.sum(-1)):
    def default(qm, qv, pm, pv):
        return 0.5 * (torch.log(pv / qv) + (qv + (qm - pm) ** 2) / pv - 1)

    def kl_normal(qm, qv, pm, pv):
        return reduce((terms or default)(qm, qv, pm, pv))

    return kl_normal


def kl_by_torch(qm, qv, pm, pv):
    qm, qv, pm, pv = torch.broadcast_tensors(qm, qv, pm, pv)
    return kl_divergence(Independent(Normal(qm, qv.sqrt()), 1),
                         Independent(Normal(pm, pv.sqrt()), 1))


def kl_by_deviations(qm, qv, pm, pv):
    qs, ps = qv**0.5, pv**0.5
    terms = torch.log(ps) - torch.log(qs) - 0.5
    return torch.sum(terms + (qv + (qm - pm).square()) / (2 * pv), dim=-1)


def sample(noise=torch.randn_like, scale=torch.sqrt):
    def sample_gaussian(m, v):
        return m + scale(v) * noise(m)

    return sample_gaussian


def sample_one_number(m, v):
    return m + v.sqrt() * torch.randn(1, dtype=m.dtype)


def sample_one_row(m, v):
    return m + v.sqrt() * torch.randn(m.shape[-1], dtype=m.dtype)


def sample_without_gradients(m, v):
    return Normal(m, v.sqrt() + 1e-12).sample()


def sample_by_torch_normal(m, v):
    return torch.normal(m, v.sqrt())


def sample_v_detached(m, v):
    return m + v.detach().sqrt() * torch.randn_like(m)


def sample_no_scale(m, v):
    return m + (v > 0) * torch.randn_like(m)


def sample_by_normal_noise(m, v):
    return torch.normal(torch.zeros_like(m), torch.ones_like(m)) * v**0.5 + m


def sample_by_numbers_of_the_same_shape(m, v):
    return torch.addcmul(m, v.sqrt(), torch.empty_like(m).normal_())


def sample_by_rsample(m, v):
    unit = Normal(torch.zeros_like(m), torch.ones_like(m))
    return m + v.sqrt() * unit.rsample()


def parameters(make, split=lambda h, dim: h.chunk(2, dim)):
    def gaussian_parameters(h, dim=-1):
        return make(*split(h, dim))

    return gaussian_parameters


def softplus(h):
    return F.softplus(h) + 1e-8


def parameters_by_narrow(h, dim=-1):
    k = h.shape[dim] // 2
    m, h = h.narrow(dim, 0, k), h.narrow(dim, k, k)
    return [m, torch.logaddexp(h, torch.zeros_like(h)) + 1e-8]


def networks(hidden=300, activation=nn.ELU, end=None, layers=2, last=None,
             bias=True):
    """Return a class like VAE with one thing changed."""
    def build(start, stop, closing):
        modules, width = [], start
        for _ in range(layers):
            modules += [nn.Linear(width, hidden, bias=bias), activation()]
            width = hidden
        modules.append(nn.Linear(width, stop, bias=bias))
        return nn.Sequential(*modules, *([closing()] if closing else []))

    class VAE(nn.Module):
        def __init__(self, z_dim=64):
            super().__init__()
            self.z_dim = z_dim
            self.enc = build(784, (end or (lambda k: 2 * k))(z_dim), None)
            self.dec = build(z_dim, 784, last)

        def encode(self, x):
            m, h = self.enc(x).chunk(2, -1)
            return m, F.softplus(h) + 1e-8

        def decode(self, z):
            return self.dec(z)

    return VAE


class NoSuper(networks()):
    def __init__(self, z_dim=64):
        self.z_dim = z_dim
        self.enc = nn.Linear(784, 2 * z_dim)


class FixedSize(networks()):
    def __init__(self, z_dim=64):
        super().__init__(64)


class RawEncoder(networks()):
    def encode(self, x):
        return self.enc(x)


class LogVariance(networks()):
    def encode(self, x):
        return self.enc(x).chunk(2, -1)


class Deviation(networks()):
    def encode(self, x):
        m, v = super().encode(x)
        return m, v.sqrt()


class InFunctions(nn.Module):
    """The networks layer by layer, activations as functions."""

    def __init__(self, z_dim=64):
        super().__init__()
        self.z_dim = z_dim
        self.layers = nn.ModuleList(
            nn.Linear(*sizes) for sizes in (
                (784, 300), (300, 300), (300, 2 * z_dim),
                (z_dim, 300), (300, 300), (300, 784)))

    def encode(self, x):
        h = F.elu(self.layers[1](F.elu(self.layers[0](x))))
        m, h = self.layers[2](h).split(self.z_dim, dim=-1)
        return m, F.softplus(h) + 1e-8

    def decode(self, z):
        h = F.elu(self.layers[4](F.elu(self.layers[3](z))))
        return self.layers[5](h)


def bound(give=lambda kl, rec: (kl + rec, kl, rec), draw=None, price=None,
          fit=None, average=lambda t: t.mean()):
    draw, price, fit = draw or sample(), price or kl(), fit or bernoulli()

    def negative_elbo_bound(model, x):
        m, v = model.encode(x)
        z = draw(m, v)
        each = price(m, v, torch.zeros_like(m), torch.ones_like(v))
        rec = -fit(x, model.decode(z))
        return tuple(average(t) for t in give(each, rec))

    return negative_elbo_bound


def bound_only(model, x):
    return bound()(model, x)[0]


def bound_of_posterior_to_prior_reversed(model, x):
    m, v = model.encode(x)
    each = kl()(torch.zeros_like(m), torch.ones_like(v), m, v)
    rec = -bernoulli()(x, model.decode(sample()(m, v)))
    return (each + rec).mean(), each.mean(), rec.mean()


def bound_by_torch(model, x):
    m, v = model.encode(x)
    q = Independent(Normal(m, v.sqrt()), 1)
    p = Independent(Normal(torch.zeros_like(m), 1.0), 1)
    price = kl_divergence(q, p).mean()
    rec = F.binary_cross_entropy_with_logits(
        model.decode(q.rsample()), x, reduction="sum") / len(x)
    return price + rec, price, rec


def bound_as_list(model, x):
    m, v = model.encode(x)
    z = torch.randn_like(v).mul(v.sqrt()).add(m)
    price = (0.5 * (v + m**2 - 1 - v.log())).sum() / len(x)
    rec = -bernoulli()(x, model.decode(z)).mean()
    return [rec + price, price, rec]


WRONG = {
    "log_bernoulli_with_logits": {
        "a loss": (bernoulli(-1), "sign is that of a loss"),
        "mean over pixels": (bernoulli(1, lambda t: t.mean(-1)),
                             "the mean over the last dimension"),
        "sum over the batch": (bernoulli(1, lambda t: t.sum(0)),
                               "the first dimension"),
        "sum over everything": (bernoulli(1, lambda t: t.sum()),
                                "everything is summed"),
        "binary cross-entropy by default": (bernoulli_by_mean_bce,
                                            "averaged, as a loss"),
        "not summed": (bernoulli(1, lambda t: t), "not summed"),
        "sigmoid, then log": (bernoulli_by_sigmoid, "rounded to 0 or 1"),
        "binary_cross_entropy": (bernoulli_by_clamped_bce, "cut off at −100"),
        "epsilon in the log": (bernoulli_with_epsilon, "hides the overflow"),
        "log(1 + exp)": (bernoulli_overflowing, "overflows"),
        "x and 1 − x": (bernoulli_swapped, "changed places"),
        "ones only": (bernoulli_ones_only, "are forgotten"),
        "detached": (bernoulli_detached, "no gradient gets through"),
    },
    "kl_normal": {
        "reversed": (lambda a, b, c, d: kl()(c, d, a, b), "are swapped"),
        "deviations": (lambda a, b, c, d: kl()(a, b**2, c, d**2),
                       "variances, not standard deviations"),
        "log without its half": (
            kl(lambda a, b, c, d: (d / b).log()
               + 0.5 * ((b + (a - c) ** 2) / d - 1)), "lacks its ½"),
        "log upside down": (
            kl(lambda a, b, c, d: 0.5 * ((b / d).log()
                                         + (b + (a - c) ** 2) / d - 1)),
            "upside down"),
        "constant missing": (
            kl(lambda a, b, c, d: 0.5 * ((d / b).log() + (b + (a - c) ** 2) / d)),
            "of each dimension is missing"),
        "constant once": (
            lambda a, b, c, d: 0.5 * (((d / b).log() + (b + (a - c) ** 2) / d)
                                      .sum(-1) - 1), "subtracted once"),
        "no half at all": (lambda *a: 2 * kl()(*a), "factor ½ is missing"),
        "p ignored": (lambda a, b, c, d: kl()(a, b, torch.zeros(3), torch.ones(3)),
                      "p is ignored"),
        "mean": (kl(reduce=lambda t: t.mean(-1)), "the mean over the last"),
        "sum over the batch": (kl(reduce=lambda t: t.sum(0)),
                               "the first dimension"),
        "sum over everything": (kl(reduce=lambda t: t.sum()),
                                "everything is summed"),
        "not summed": (kl(reduce=lambda t: t), "not summed"),
        "variance forgotten": (
            kl(lambda a, b, c, d: 0.5 * ((d / b).log() + (a - c) ** 2 / d - 1)),
            "qv is missing"),
        "detached": (lambda *a: kl()(*(t.detach() for t in a)),
                     "no gradient gets through"),
    },
    "sample_gaussian": {
        "v as deviation": (sample(scale=lambda v: v), "take its square root"),
        "v as log variance": (sample(scale=lambda v: (v / 2).exp()),
                              "not a logarithm"),
        "uniform noise": (sample(noise=torch.rand_like), "randn, not rand"),
        "one number": (sample_one_number, "one number was drawn"),
        "one row": (sample_one_row, "same in every row"),
        "no noise": (sample(noise=torch.zeros_like), "one number was drawn"),
        "not scaled": (sample_no_scale, "not scaled"),
        "mean forgotten": (lambda m, v: v.sqrt() * torch.randn_like(m),
                           "mean is not added"),
        "sample()": (sample_without_gradients, "no gradient reaches m and v"),
        "torch.normal(m, s)": (sample_by_torch_normal,
                               "no gradient reaches m and v"),
        "v detached": (sample_v_detached, "no gradient reaches v"),
    },
    "gaussian_parameters": {
        "halves swapped": (parameters(lambda a, b: (b, softplus(a))),
                           "halves have changed places"),
        "results swapped": (parameters(lambda a, b: (softplus(b), a)),
                            "two results have changed places"),
        "softplus forgotten": (parameters(lambda a, b: (a, b)),
                               "softplus is missing"),
        "exp": (parameters(lambda a, b: (a, b.exp())), "not exp"),
        "relu": (parameters(lambda a, b: (a, b.relu() + 1e-8)), "relu can give"),
        "deviation": (parameters(lambda a, b: (a, softplus(b).sqrt())),
                      "this is the deviation"),
        "softplus on both": (parameters(lambda a, b: (softplus(a), softplus(b))),
                             "mean stays as it is"),
        "1e-8 forgotten": (parameters(lambda a, b: (a, F.softplus(b))),
                           "1e-8 is missing"),
        "interleaved": (parameters(lambda a, b: (a, softplus(b)),
                                   lambda h, dim: (h[..., ::2], h[..., 1::2])),
                        "every other element"),
        "dim ignored": (parameters(lambda a, b: (a, softplus(b)),
                                   lambda h, dim: h.chunk(2, -1)),
                        "dim is ignored"),
        "first dimension": (parameters(lambda a, b: (a, softplus(b)),
                                       lambda h, dim: h.chunk(2, 0)),
                            "first dimension is split"),
    },
    "VAE": {
        "one hidden layer": (networks(layers=1), "missing in both networks"),
        "three hidden layers": (networks(layers=3), "one layer too many"),
        "encoder ends in k": (networks(end=lambda k: k), "2 z_dim numbers"),
        "no biases": (networks(bias=False), "have biases"),
        "no super().__init__()": (NoSuper, "must come first"),
        "z_dim ignored": (FixedSize, "z_dim is ignored"),
        "encode returns h": (RawEncoder, "returns the pair"),
        "ReLU": (networks(activation=nn.ReLU), "is ReLU"),
        "tanh": (networks(activation=nn.Tanh), "is tanh"),
        "no activation": (networks(activation=nn.Identity), "is missing; ELU"),
        "h for the variance": (LogVariance, "must be the variance"),
        "deviation": (Deviation, "not a deviation"),
        "sigmoid at the end": (networks(last=nn.Sigmoid), "no sigmoid"),
        "ELU at the end": (networks(last=nn.ELU), "last layer of the decoder"),
    },
    "negative_elbo_bound": {
        "kl and rec swapped": (bound(lambda k, r: (k + r, r, k)), "the order is"),
        "sums over the batch": (bound(average=lambda t: t.sum()),
                                "sums over the batch"),
        "mean over pixels": (bound(fit=bernoulli(1, lambda t: t.mean(-1))),
                             "averaged over pixels"),
        "mean over latents": (bound(price=kl(reduce=lambda t: t.mean(-1))),
                              "averaged over the latent"),
        "sign of rec": (bound(fit=bernoulli(-1)), "wrong sign"),
        "the bound itself": (bound(lambda k, r: (-k - r, k, r)),
                             "its negative is wanted"),
        "kl subtracted": (bound(lambda k, r: (r - k, k, r)), "is subtracted"),
        "not averaged": (bound(average=lambda t: t), "one value for each image"),
        "one value": (bound_only, "three values"),
        "kl reversed": (bound_of_posterior_to_prior_reversed, "q comes first"),
        "draw detached": (bound(draw=lambda m, v: sample()(m, v).detach()),
                          "no gradient passes through the draw"),
        "mean for draw": (bound(draw=lambda m, v: m), "the mean m is decoded"),
        "v as deviation": (bound(draw=sample(scale=lambda v: v)),
                           "not a deviation, in the draw"),
        "draw from the prior": (
            bound(draw=lambda m, v: torch.where(v < 1e-6, m, torch.randn_like(m))),
            "drawn from the prior"),
    },
}

RIGHT = {
    "log_bernoulli_with_logits": {
        "two logsigmoids": bernoulli_by_two_logsigmoids,
        "torch.distributions": bernoulli_by_torch,
        "binary_cross_entropy_with_logits": bernoulli_by_bce_with_logits,
    },
    "kl_normal": {
        "torch.distributions": kl_by_torch,
        "in deviations": kl_by_deviations,
    },
    "sample_gaussian": {
        "torch.normal for the noise": sample_by_normal_noise,
        "addcmul": sample_by_numbers_of_the_same_shape,
        "rsample": sample_by_rsample,
    },
    "gaussian_parameters": {
        "narrow and logaddexp, a list": parameters_by_narrow,
        "split": parameters(lambda a, b: (a, softplus(b)),
                            lambda h, dim: torch.tensor_split(h, 2, dim)),
    },
    "VAE": {
        "one Sequential each": networks(),
        "functions": InFunctions,
    },
    "negative_elbo_bound": {
        "torch.distributions": bound_by_torch,
        "closed form, a list": bound_as_list,
    },
}

