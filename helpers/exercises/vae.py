"""Checks of the exercises of the chapter on variational autoencoders."""

import math

import numpy as np
import torch

from helpers.exercises.checks import Case, Mistake, checks

ERRORS = (TypeError, ValueError, RuntimeError, AttributeError, IndexError)
# A statistical check allows 5 standard errors: it rejects a right answer once
# in 1.7 million times. torch's seed is set, so its draws repeat from run to run.
SIGMAS = 5


@checks(
    equation="vae-bernoulli",
    hints=(
        "A pixel that is 1 contributes log σ(logit), one that is 0 contributes "
        "log(1 − σ(logit)). Write both with softplus, never with a sigmoid.",
        "For one pixel the two cases are one formula: x·logit − softplus(logit).",
        "(x * logits - F.softplus(logits)).sum(-1), or minus F.binary_cross_"
        "entropy_with_logits(…, reduction=\"none\") summed over the last "
        "dimension.",
    ),
)
def log_bernoulli_with_logits(answer):
    x = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    logits = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])
    p = 1 / (1 + np.exp(-logits.double().numpy()))
    ones = x.numpy() == 1
    terms = torch.tensor(np.log(np.where(ones, p, 1 - p)))
    swapped = torch.tensor(np.log(np.where(ones, 1 - p, p)))
    only_ones = torch.tensor(np.where(ones, np.log(p), 0.0))
    yield Case(
        "log_bernoulli_with_logits(x, logits), both of shape (2, 3)",
        lambda: answer(x, logits),
        terms.sum(-1),
        [
            Mistake("the sign is that of a loss: the log-likelihood is wanted, "
                    "which is negative", -terms.sum(-1)),
            Mistake("this is the mean over the last dimension; the sum is wanted",
                    terms.mean(-1)),
            Mistake("both a loss's sign and a mean: the sum of the log "
                    "probabilities is wanted", -terms.mean(-1)),
            Mistake("the sum runs over the first dimension, not the last",
                    terms.sum(0)),
            Mistake("everything is summed: one value for each row is wanted",
                    terms.sum()),
            Mistake("everything is averaged: one value for each row is wanted",
                    terms.mean()),
            Mistake("everything is averaged, as a loss: one log-likelihood for "
                    "each row is wanted", -terms.mean()),
            Mistake("the terms are not summed over the last dimension", terms),
            Mistake("x and 1 − x have changed places", swapped.sum(-1)),
            Mistake("the pixels that are 0 are forgotten: log(1 − σ) for them",
                    only_ones.sum(-1)),
            Mistake("this is the logarithm of a logit: a sigmoid comes between",
                    torch.where(x == 1, logits, 1 - logits).log().sum(-1)),
        ],
    )
    sure = torch.tensor([[-200.0, 200.0], [-200.0, 200.0]])
    yield Case(
        "log_bernoulli_with_logits([[1, 0], [0, 1]], [[−200, 200], [−200, 200]])",
        lambda: answer(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), sure),
        torch.tensor([-400.0, 0.0]),
        [
            Mistake("the sigmoid has rounded to 0 or 1 before its logarithm was "
                    "taken: stay with the logits", torch.tensor([-math.inf, math.nan])),
            Mistake("the sigmoid has rounded to 0 or 1 before its logarithm was "
                    "taken: stay with the logits", torch.tensor([-math.inf, 0.0])),
            Mistake("the logarithms are cut off at −100, as binary_cross_entropy "
                    "cuts them: stay with the logits", torch.tensor([-200.0, 0.0])),
            Mistake("log(1 + exp(logit)) overflows: softplus does not",
                    torch.tensor([-math.inf, -math.inf])),
            Mistake("log(1 + exp(logit)) overflows: softplus does not",
                    torch.tensor([-math.inf, math.nan])),
            *[Mistake("a small number inside the logarithm hides the overflow "
                      "and falsifies the value: stay with the logits",
                      torch.tensor([2 * math.log(eps), 0.0]))
              for eps in (1e-12, 1e-10, 1e-8, 1e-7, 1e-6, 1e-5)],
        ],
        atol=1e-4,
    )
    weights = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    yield Case(
        "the gradient of log_bernoulli_with_logits([1, 0, 1], logits)",
        lambda: _gradients(lambda t: answer(x[0].double(), t), weights),
        [(x[0].double() - torch.sigmoid(weights))],
        [Mistake("no gradient gets through: .item(), .detach() and numpy cut it "
                 "off", raises=ERRORS)],
    )
    yield Case(
        "the shape of log_bernoulli_with_logits(x (5, 1, 3), logits (4, 3))",
        lambda: str(tuple(answer(torch.ones(5, 1, 3), torch.zeros(4, 3)).shape)),
        "(5, 4)",
        [Mistake("the two arguments must broadcast: no view() or "
                 "fixed number of dimensions", raises=ERRORS)],
    )


@checks(
    equation="vae-kl",
    hints=(
        "Dimensions are independent, so divergences add: write the divergence "
        "of one dimension, then .sum(-1).",
        "With variances the log ratio is ½ log(pv / qv), and the square is "
        "(qv + (qm − pm)²) / (2 pv).",
        "0.5 * ((pv / qv).log() + (qv + (qm - pm) ** 2) / pv - 1), summed over "
        "the last dimension.",
    ),
)
def kl_normal(answer):
    qm = torch.tensor([[0.5, -1.0, 2.0], [0.0, 0.3, -0.7]])
    qv = torch.tensor([[0.25, 1.5, 4.0], [2.0, 0.6, 0.1]])
    pm = torch.tensor([[0.1, 0.2, 1.0], [-1.0, 0.0, 0.4]])
    pv = torch.tensor([[1.2, 0.5, 3.0], [0.8, 2.5, 1.7]])
    terms = _kl(qm, qv, pm, pv)
    half_log = 0.5 * (pv / qv).log()
    square = (qv + (qm - pm) ** 2) / (2 * pv)
    constant = half_log + square
    per_row = terms.sum(-1)
    yield Case(
        "kl_normal(qm, qv, pm, pv), all of shape (2, 3)",
        lambda: answer(qm, qv, pm, pv),
        per_row,
        [
            Mistake("the arguments are swapped: this is KL(p‖q)",
                    _kl(pm, pv, qm, qv).sum(-1)),
            Mistake("qv and pv are variances, not standard deviations",
                    _kl(qm, qv**2, pm, pv**2).sum(-1)),
            Mistake("the log ratio lacks its ½: that of the variances is twice "
                    "that of the deviations", (terms + half_log).sum(-1)),
            Mistake("the log ratio is upside down: pv belongs on top",
                    (terms - 2 * half_log).sum(-1)),
            Mistake("the square lacks its ½", (terms + square).sum(-1)),
            Mistake("the factor ½ is missing", 2 * per_row),
            Mistake("the constant −½ of each dimension is missing",
                    constant.sum(-1)),
            Mistake("the constant is subtracted once; it is ½ for each dimension",
                    constant.sum(-1) - 0.5),
            Mistake("the constant is −½ for each dimension, not −1",
                    (terms - 0.5).sum(-1)),
            Mistake("qv is missing beside the squared distance of the means",
                    (terms - qv / (2 * pv)).sum(-1)),
            Mistake("the distance of the means is not squared",
                    (half_log + (qv + qm - pm) / (2 * pv) - 0.5).sum(-1)),
            Mistake("p is ignored: its mean and variance are arguments",
                    _kl(qm, qv, torch.zeros(3), torch.ones(3)).sum(-1)),
            Mistake("the sign is wrong", -per_row),
            Mistake("this is the mean over the last dimension; the sum is wanted",
                    terms.mean(-1)),
            Mistake("the sum runs over the first dimension, not the last",
                    terms.sum(0)),
            Mistake("everything is summed: one value for each row is wanted",
                    terms.sum()),
            Mistake("everything is averaged: one value for each row is wanted",
                    terms.mean()),
            Mistake("the terms are not summed over the last dimension", terms),
        ],
    )
    yield Case(
        "kl_normal(m, v, m, v)",
        lambda: answer(qm, qv, qm, qv),
        torch.zeros(2),
        [Mistake("equal distributions have divergence 0")],
        atol=1e-6,
    )
    yield Case(
        "kl_normal(qm, qv of shape (2, 3), pm, pv of shape (3,))",
        lambda: answer(qm, qv, pm[0], pv[0]),
        _kl(qm, qv, pm[0], pv[0]).sum(-1),
        [Mistake("the four arguments must broadcast", raises=ERRORS)],
    )
    m, v = torch.tensor([0.4, -1.0]), torch.tensor([0.5, 2.0])
    yield Case(
        "the gradients of kl_normal(m, v, 0, 1) in m and v",
        lambda: _gradients(lambda a, b: answer(a, b, torch.zeros(2),
                                               torch.ones(2)), m, v),
        [m, 0.5 - 0.5 / v],
        [Mistake("no gradient gets through: .item(), .detach() and numpy cut it "
                 "off", raises=ERRORS)],
    )


@checks(
    equation="vae-reparameterization",
    hints=(
        "Draw the noise first: torch.randn_like(m) has one independent standard "
        "Gaussian for each element of m.",
        "v is the variance; what multiplies the noise is the deviation v.sqrt().",
        "m + v.sqrt() * torch.randn_like(m). Neither torch.normal(m, v.sqrt()) "
        "nor Normal(…).sample() lets gradients reach m and v.",
    ),
)
def sample_gaussian(answer):
    m = torch.tensor([[0.5, -1.0, 2.0], [0.0, 3.0, -0.7]])
    yield Case(
        "sample_gaussian(m, v), with m of shape (2, 3) and v = 1e-12",
        lambda: _seeded(answer, m, torch.full((2, 3), 1e-12)),
        m,
        [
            Mistake("with next to no variance every draw is the mean: the noise "
                    "is not scaled by √v, or v is taken for its logarithm: v is "
                    "not a logarithm", _seeded_plain(m, torch.ones(2, 3))),
            Mistake("the mean is not added", torch.zeros(2, 3)),
        ],
        atol=1e-4,
    )
    yield Case(
        "the type of sample_gaussian(m, v), both in single precision",
        lambda: str(_seeded(answer, m, torch.ones(2, 3)).dtype),
        "torch.float32",
        [Mistake("the noise has another type than m: torch.randn_like(m)",
                 "torch.float64")],
    )
    yield Case(
        "the draws of one call, with m zeros and v ones of shape (20, 30)",
        lambda: _repeats(_seeded(answer, torch.zeros(20, 30), torch.ones(20, 30))),
        "all different",
        [
            Mistake("one number was drawn for all elements: each needs its own, "
                    "torch.randn_like(m)", "all the same"),
            Mistake("the noise is the same in every row: each element needs its "
                    "own, torch.randn_like(m)", "rows the same"),
            Mistake("the noise is the same in every column: each element needs "
                    "its own, torch.randn_like(m)", "columns the same"),
        ],
    )
    many = torch.ones(200_000)
    yield Case(
        "mean and variance of 200,000 draws of sample_gaussian(1, 3)",
        lambda: _moments(_seeded(answer, many, 3 * many)),
        (1.0, 3.0),
        [
            Mistake("v is a variance and multiplies the noise as a deviation: "
                    "take its square root", (1.0, 9.0)),
            Mistake("v is a variance, not a logarithm of one: no exp",
                    (1.0, math.exp(3.0))),
            Mistake("the noise is uniform: randn, not rand",
                    (1 + math.sqrt(3) / 2, 3 / 12)),
            Mistake("the noise is not scaled by the deviation √v", (1.0, 1.0)),
            Mistake("m and v have changed places", (3.0, 1.0)),
            Mistake("there is no noise at all", (1.0, 0.0)),
            Mistake("the mean is not added", (0.0, 3.0)),
        ],
        rtol=0,
        # of the sample variance of a Gaussian; that of the mean is smaller
        atol=SIGMAS * 3 * math.sqrt(2 / len(many)),
    )
    within = "mean and variance are right, but the noise is not Gaussian: randn"
    yield Case(
        "the share of 200,000 draws within one deviation of the mean",
        lambda: _share_within(_seeded(answer, many, 3 * many)),
        math.erf(math.sqrt(0.5)),
        [Mistake(within, 1 / math.sqrt(3)), Mistake(within, 0.0),
         Mistake(within, 1.0)],
        rtol=0, atol=SIGMAS * math.sqrt(0.25 / len(many)),
    )
    yield Case(
        "the gradients of z = sample_gaussian(m, v), as dz/dm and "
        "(dz/dv)·2v/(z − m)",
        lambda: _pathwise(answer),
        (torch.ones(3), torch.ones(3)),
        [
            Mistake("no gradient reaches m and v: draw the noise apart from "
                    "them, then scale and shift it", raises=ERRORS),
            Mistake("no gradient reaches m and v: draw the noise apart from "
                    "them, then scale and shift it",
                    (torch.zeros(3), torch.zeros(3))),
            Mistake("no gradient reaches v", (torch.ones(3), torch.zeros(3))),
            Mistake("no gradient reaches m", (torch.zeros(3), torch.ones(3))),
        ],
        rtol=1e-3,
    )


@checks(
    equation="def-vae-encoder",
    hints=(
        "torch.chunk(h, 2, dim=dim) splits a tensor into two halves.",
        "The first half is the mean as it is. The second half may be negative, "
        "and softplus makes it positive.",
        "m, h = h.chunk(2, dim); return m, F.softplus(h) + 1e-8",
    ),
)
def gaussian_parameters(answer):
    h = torch.tensor([[-2.0, 0.5, 1.0, 3.0], [0.0, -1.5, -3.0, 0.7]])
    first, second = h.chunk(2, -1)
    v = _softplus(second) + 1e-8
    yield Case(
        "gaussian_parameters(h), with h of shape (2, 4)",
        lambda: answer(h),
        (first, v),
        [
            Mistake("the halves have changed places: the mean comes first",
                    (second, _softplus(first) + 1e-8)),
            Mistake("the two results have changed places", (v, first)),
            Mistake("the variance may not be negative: softplus is missing",
                    (first, second)),
            Mistake("the variance may not be negative: softplus is missing",
                    (first, second + 1e-8)),
            Mistake("the variance is softplus here, not exp",
                    (first, second.exp())),
            Mistake("the variance is softplus here, not exp",
                    (first, second.exp() + 1e-8)),
            Mistake("relu can give variance 0 without a gradient: softplus",
                    (first, second.relu() + 1e-8)),
            Mistake("relu can give variance 0 without a gradient: softplus",
                    (first, second.relu())),
            Mistake("this is the deviation: the variance is wanted, no root",
                    (first, v.sqrt())),
            Mistake("this is the square: the variance is softplus itself",
                    (first, v**2)),
            Mistake("the mean stays as it is: softplus on the second half only",
                    (_softplus(first) + 1e-8, v)),
            Mistake("the mean stays as it is: softplus on the second half only",
                    (_softplus(first), v)),
            Mistake("every other element was taken: the mean is the first half",
                    (h[:, ::2], _softplus(h[:, 1::2]) + 1e-8)),
            Mistake("the first dimension is split: the last is the default",
                    tuple(_split(h, 0))),
        ],
    )
    yield Case(
        "gaussian_parameters([0, −100])",
        lambda: answer(torch.tensor([0.0, -100.0])),
        (torch.zeros(1), torch.tensor([1e-8])),
        [
            Mistake("the small constant 1e-8 is missing, and the logarithm of "
                    "this variance will be −∞ or nearly",
                    (torch.zeros(1), torch.tensor([math.exp(-100)]))),
            *[Mistake("the small constant is 1e-8",
                      (torch.zeros(1), torch.tensor([other])))
              for other in (1e-4, 1e-5, 1e-6, 1e-7, 1e-10, 1e-12)],
        ],
        rtol=1e-3, atol=1e-12,
    )
    yield Case(
        "gaussian_parameters([0, 100])",
        lambda: answer(torch.tensor([0.0, 100.0])),
        (torch.zeros(1), torch.tensor([100.0])),
        [Mistake("log(1 + exp(h)) overflows: F.softplus does not",
                 (torch.zeros(1), torch.tensor([math.inf])))],
    )
    yield Case(
        "the gradient of m.sum() + v.sum() in h",
        lambda: _gradients(lambda t: sum(p.sum() for p in answer(t)), h),
        [torch.cat([torch.ones(2, 2), torch.sigmoid(second)], 1)],
        [Mistake("no gradient gets through: .item(), .detach() and numpy cut it "
                 "off", raises=ERRORS)],
    )
    wide = torch.linspace(-3, 3, 48).reshape(3, 4, 4)
    yield Case(
        "gaussian_parameters(h, dim=1), with h of shape (3, 4, 4)",
        lambda: answer(wide, dim=1),
        tuple(_split(wide, 1)),
        [
            Mistake("dim is ignored: the last dimension is split",
                    tuple(_split(wide, -1))),
            Mistake("dim is ignored: the first dimension is split",
                    tuple(_split(wide, 0))),
            Mistake("dim is not taken or not used as a dimension", raises=ERRORS),
        ],
    )


@checks(
    equation="def-vae-networks",
    hints=(
        "nn.Sequential(nn.Linear(784, 300), nn.ELU(), …): three Linear layers "
        "and two ELU between them, for each network.",
        "The encoder ends in 2 * z_dim numbers, which gaussian_parameters "
        "splits; the decoder ends in 784 logits, with nothing after them.",
        "encode(self, x): return gaussian_parameters(self.encoder(x)); "
        "decode(self, z): return self.decoder(z). Do not forget "
        "super().__init__() and self.z_dim = z_dim.",
    ),
)
def VAE(answer):
    def count(z):
        return sum(p.numel() for p in answer(z_dim=z).parameters())

    layer = 300 * 300 + 300
    forgot = "super().__init__() must come first in __init__"
    yield Case(
        "the number of parameters of VAE(z_dim=64)",
        lambda: count(64),
        710_112,
        [
            Mistake("a layer of 300 is missing in the encoder or the decoder",
                    710_112 - layer),
            Mistake("a layer of 300 is missing in both networks",
                    710_112 - 2 * layer),
            Mistake("there is one layer too many in both networks",
                    710_112 + 2 * layer),
            Mistake("the encoder must end in 2 z_dim numbers, m and h",
                    710_112 - 64 * 301),
            Mistake("the layers have biases", 710_112 - 2 * 600 - 128 - 784),
            Mistake("there are no parameters: are the networks attributes of "
                    "self, and modules?", 0),
            Mistake("z_dim is ignored", 661_404),
            Mistake(forgot, raises=AttributeError),
        ],
        rtol=0,
    )
    yield Case(
        "the number of parameters of VAE(z_dim=10)",
        lambda: count(10),
        661_404,
        [Mistake("z_dim is ignored", 710_112)],
        rtol=0,
    )
    yield Case(
        "VAE().z_dim and VAE(10).z_dim",
        lambda: (answer().z_dim, answer(10).z_dim),
        (64, 10),
        [Mistake("z_dim must be kept, self.z_dim = z_dim, and default to 64",
                 raises=ERRORS)],
    )
    yield Case(
        "the shapes of VAE(10).encode(x), x of shape (7, 784), and of "
        "VAE(10).decode(z), z of shape (5, 7, 10)",
        lambda: _shapes(answer(10)),
        "(7, 10), (7, 10), (5, 7, 784)",
        [
            Mistake("encode returns the pair (m, v): gaussian_parameters splits "
                    "the encoder's output", "tensor (7, 20)"),
            Mistake("encode and decode must be methods that take one tensor",
                    raises=ERRORS),
        ],
    )
    for name, run, width in (("encode", _encoded, 784), ("decode", _decoded, 10)):
        elu = lambda t: np.where(t > 0, t, np.expm1(t))  # noqa: E731
        values = {
            "elu": _through(width, elu),
            "relu": _through(width, lambda t: np.maximum(t, 0)),
            "tanh": _through(width, np.tanh),
            "sigmoid": _through(width, lambda t: 1 / (1 + np.exp(-t))),
            "none": _through(width, lambda t: t),
            "leaky": _through(width, lambda t: np.where(t > 0, t, 0.01 * t)),
        }
        right = values["elu"]
        soft = math.log1p(math.exp(right)) + 1e-8
        wrap = (lambda t: (t, math.log1p(math.exp(t)) + 1e-8)) \
            if name == "encode" else (lambda t: t)
        mistakes = [
            Mistake(f"the activation between the layers is {other}; ELU is "
                    "wanted", wrap(values[key]))
            for key, other in (("relu", "ReLU"), ("tanh", "tanh"),
                               ("sigmoid", "a sigmoid"), ("none", "missing"),
                               ("leaky", "leaky ReLU"))
        ]
        mistakes.append(Mistake("the second activation is missing; ELU is wanted",
                                wrap(_through(width, elu, lambda t: t))))
        if name == "encode":
            mistakes += [
                Mistake("the second result must be the variance, by "
                        "gaussian_parameters; this is what comes before",
                        (right, right)),
                Mistake("encode returns mean and variance, not a deviation",
                        (right, math.sqrt(soft))),
                Mistake("an activation follows the last layer of the encoder",
                        (math.expm1(right), _soft(math.expm1(right)))),
            ]
        else:
            mistakes += [
                Mistake("decode returns logits: no sigmoid after the last layer",
                        1 / (1 + math.exp(-right))),
                Mistake("an activation follows the last layer of the decoder",
                        math.expm1(right)),
            ]
        yield Case(
            f"VAE(10).{name} of ones, all weights being 0.001 and biases −1",
            lambda run=run: run(answer(10)),
            wrap(right),
            mistakes,
            rtol=1e-4,
        )


@checks(
    equation="def-vae-loss",
    hints=(
        "m, v = model.encode(x); one draw z = sample_gaussian(m, v); logits = "
        "model.decode(z). The prior has mean 0 and variance 1 in every dimension.",
        "kl = kl_normal(m, v, zeros, ones) and rec = −log_bernoulli_with_logits"
        "(x, logits) each have one value for each image; nelbo is their sum.",
        "Average at the very end and return in the order of the code: "
        "return (kl + rec).mean(), kl.mean(), rec.mean()",
    ),
)
def negative_elbo_bound(answer):
    # with a variance of 1e-12 the draw is its mean, and nothing is random
    x = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
    m = torch.tensor([[0.5, -1.0], [2.0, 0.3]], dtype=torch.float64)
    sure = _Stub(m, torch.full_like(m, 1e-12))
    kl_terms = _kl(m, sure.v, torch.zeros(2), torch.ones(2))
    rec_terms = -_log_bernoulli(x, sure.decode(m))
    kl, rec = kl_terms.sum(-1), rec_terms.sum(-1)
    k, r = kl.mean(), rec.mean()
    yield Case(
        "negative_elbo_bound of a model with variances of 1e-12, two images",
        lambda: _three(answer(sure, x)),
        (k + r, k, r),
        [
            Mistake("the order is (nelbo, kl, rec), that of the assignment's "
                    "code; its text has the last two swapped", (k + r, r, k)),
            Mistake("the values are sums over the batch; means are wanted",
                    (2 * (k + r), 2 * k, 2 * r)),
            Mistake("the reconstruction is averaged over pixels; it is their sum",
                    (k + r / 3, k, r / 3)),
            Mistake("the divergence is averaged over the latent dimensions; it "
                    "is their sum", (k / 2 + r, k / 2, r)),
            Mistake("the reconstruction has the wrong sign: it is −log p(x|z)",
                    (k - r, k, -r)),
            Mistake("this is the bound itself: its negative is wanted",
                    (-(k + r), k, r)),
            Mistake("this is the bound itself: its negative is wanted",
                    (-(k + r), -k, -r)),
            Mistake("the divergence is subtracted: the negative bound adds it",
                    (r - k, k, r)),
            Mistake("one value for each image is returned: means over the batch "
                    "are wanted", (kl + rec, kl, rec)),
            Mistake("the divergence is that of the prior from q: q comes first",
                    (r + _reverse(sure), _reverse(sure), r)),
            Mistake("v is a variance, not a deviation",
                    (r + _kl(m, sure.v**2, torch.zeros(2), torch.ones(2))
                     .sum(-1).mean(),
                     _kl(m, sure.v**2, torch.zeros(2), torch.ones(2))
                     .sum(-1).mean(), r)),
            Mistake("only the bound is returned: three values are wanted", k + r),
        ],
        rtol=1e-4, atol=1e-4,
    )
    yield Case(
        "the gradient of nelbo in m and v, at variances of 1e-12",
        lambda: _bound_gradient(answer, m, x),
        [
            (m + (torch.sigmoid(sure.decode(m)) - x) @ sure.weight.T) / 2
        ],
        [
            Mistake("no gradient reaches the encoder: was something detached, or "
                    "the draw made without reparameterization?", raises=ERRORS),
            Mistake("no gradient passes through the draw: the encoder learns "
                    "from the divergence alone", [m / 2]),
            Mistake("no gradient comes from the divergence",
                    [(torch.sigmoid(sure.decode(m)) - x) @ sure.weight.T / 2]),
        ],
        rtol=1e-3, atol=1e-4,
    )
    yield Case(
        "the gradients of kl and of rec in m, at variances of 1e-12",
        lambda: [_bound_gradient(answer, m, x, part)[0] for part in (1, 2)],
        [m / 2, (torch.sigmoid(sure.decode(m)) - x) @ sure.weight.T / 2],
        [Mistake("kl or rec carries no gradient: no .item(), no .detach()",
                 raises=ERRORS),
         Mistake("kl or rec carries no gradient: no .item(), no .detach()",
                 [torch.zeros_like(m), torch.zeros_like(m)])],
        rtol=1e-3, atol=1e-4,
    )
    n, mean, variance = 20_000, torch.tensor([0.5, -0.8]), torch.tensor([0.3, 0.5])
    noisy = _Stub(mean.double().expand(n, 2), variance.double().expand(n, 2))
    image = x[:1].expand(n, 3)
    k = _kl(mean, variance, torch.zeros(2), torch.ones(2)).sum()
    r, spread = _expected(noisy, x[0], mean, variance)
    at_mean = -_log_bernoulli(x[0], noisy.decode(mean.double())).sum()
    wrong_v, _ = _expected(noisy, x[0], mean, variance**2)
    from_prior, _ = _expected(noisy, x[0], torch.zeros(2), torch.ones(2))
    yield Case(
        "negative_elbo_bound of a model with variances 0.3 and 0.5, 20,000 "
        "copies of one image",
        lambda: _three(_seeded(answer, noisy, image)),
        (k + r, k, r),
        [
            Mistake("the mean m is decoded: a draw from N(m, v) must be",
                    (k + at_mean, k, at_mean)),
            Mistake("v is a variance, not a deviation, in the draw",
                    (k + wrong_v, k, wrong_v)),
            Mistake("z is drawn from the prior: q(z|x) has mean m, variance v",
                    (k + from_prior, k, from_prior)),
        ],
        rtol=0, atol=SIGMAS * spread / math.sqrt(n),
    )


class _Stub:
    """A model of three pixels and two latents whose encoder is a constant."""

    weight = torch.tensor([[3.0, -2.0, 1.5], [-1.0, 2.5, 2.0]],
                          dtype=torch.float64)
    bias = torch.tensor([0.2, -0.4, 0.1], dtype=torch.float64)
    z_dim = 2

    def __init__(self, m, v):
        self.m, self.v = m, v

    def encode(self, x):
        return self.m, self.v

    def decode(self, z):
        return z.double() @ self.weight + self.bias


def _kl(qm, qv, pm, pv):
    """Return the divergences of one-dimensional Gaussians, by torch."""
    qm, qv, pm, pv = (t.double() for t in torch.broadcast_tensors(qm, qv, pm, pv))
    one = torch.distributions.Normal(qm, qv.sqrt())
    return torch.distributions.kl_divergence(
        one, torch.distributions.Normal(pm, pv.sqrt()))


def _reverse(stub):
    zeros, ones = torch.zeros_like(stub.m), torch.ones_like(stub.m)
    return _kl(zeros, ones, stub.m, stub.v).sum(-1).mean()


def _log_bernoulli(x, logits):
    signed = np.where(x.numpy() == 1, -1, 1) * logits.numpy()
    return -torch.tensor(np.logaddexp(0, signed))


def _expected(stub, x, m, v):
    """Return mean and deviation of −log p(x|z), z ~ N(m, v), by quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    nodes, weights = torch.tensor(nodes), torch.tensor(weights)
    weights = weights / weights.sum()
    z = torch.cartesian_prod(*(a + b.sqrt() * nodes
                               for a, b in zip(m.double(), v.double(), strict=True)))
    share = torch.cartesian_prod(weights, weights).prod(-1)
    rec = -_log_bernoulli(x, stub.decode(z)).sum(-1)
    mean = (share * rec).sum()
    return mean, ((share * (rec - mean) ** 2).sum()).sqrt().item()


def _three(values):
    """Return the answer's values; a tensor of three counts as a tuple."""
    if isinstance(values, torch.Tensor) and values.shape == (3,):
        return tuple(values)
    return tuple(values) if isinstance(values, list) else values


def _bound_gradient(answer, m, x, part=0):
    m = m.clone().requires_grad_()
    v = torch.full_like(m, 1e-12).detach().requires_grad_()
    value = answer(_Stub(m, v), x)[part]
    found = torch.autograd.grad(value, (m, v), allow_unused=True)[0]
    return [torch.zeros_like(m) if found is None else found]


def _gradients(f, *at):
    at = [t.clone().requires_grad_() for t in at]
    return list(torch.autograd.grad(f(*at).sum(), at))


def _seeded(answer, *arguments):
    torch.manual_seed(20_230_428)
    return answer(*arguments)


def _seeded_plain(m, v):
    return _seeded(lambda: m + v.sqrt() * torch.randn_like(m))


def _repeats(draws):
    if (draws == draws[0, 0]).all():
        return "all the same"
    if (draws == draws[0]).all():
        return "rows the same"
    if (draws == draws[:, :1]).all():
        return "columns the same"
    return "all different"


def _share_within(draws):
    return ((draws - 1).abs() < math.sqrt(3)).double().mean()


def _moments(draws):
    return draws.double().mean(), draws.double().var()


def _pathwise(answer):
    m = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64, requires_grad=True)
    v = torch.tensor([0.3, 2.0, 5.0], dtype=torch.float64, requires_grad=True)
    z = _seeded(answer, m, v)
    in_m, in_v = torch.autograd.grad(z.sum(), (m, v), allow_unused=True)
    in_m = torch.zeros(3) if in_m is None else in_m
    in_v = torch.zeros(3) if in_v is None else in_v
    return in_m, in_v * 2 * v / (z - m)


def _softplus(h):
    return torch.tensor(np.logaddexp(0, h.double().numpy()))


def _soft(t):
    return math.log1p(math.exp(t)) + 1e-8


def _split(h, dim):
    first, second = h.chunk(2, dim)
    return first, _softplus(second) + 1e-8


def _shapes(model):
    found = model.encode(torch.zeros(7, 784))
    if isinstance(found, torch.Tensor):
        return f"tensor {tuple(found.shape)}"
    m, v = found
    logits = model.decode(torch.zeros(5, 7, 10))
    return f"{tuple(m.shape)}, {tuple(v.shape)}, {tuple(logits.shape)}"


def _constant(model):
    """Set weights to 0.001 and biases to −1: every layer's input is below 0."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(0.001 if parameter.dim() == 2 else -1.0)
    return model


def _encoded(model):
    m, v = _constant(model).encode(torch.ones(1, 784))
    return m[0, 0], v[0, 0]


def _decoded(model):
    return _constant(model).decode(torch.ones(1, 10))[0, 0]


def _through(width, first, second=None):
    """Return what weights 0.001 and biases −1 make of ones in three layers."""
    hidden = first(np.float64(0.001 * width - 1))
    hidden = (second or first)(0.3 * hidden - 1)
    return float(0.3 * hidden - 1)
