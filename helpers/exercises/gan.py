"""Checks of the exercises of the chapter on adversarial networks."""

import math

import numpy as np
import torch
from torch import nn

from helpers.exercises.checks import Case, Mistake, checks

ERRORS = (TypeError, ValueError, RuntimeError, AttributeError, IndexError)
NO_GRADIENT = "no gradient gets through: .item(), .detach() and numpy cut it off"
REAL = torch.tensor([0.5, -1.0, 2.0])
FAKE = torch.tensor([1.5, 0.25])


@checks(
    equation="gan-logits",
    hints=(
        "log D is log σ(h) = −softplus(−h), and log(1 − D) is −softplus(h). "
        "Neither needs a sigmoid.",
        "Each batch is averaged by itself, then the two averages are added.",
        "F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()",
    ),
)
def discriminator_loss(answer):
    real, fake = _soft(-REAL), _soft(FAKE)
    right = real.mean() + fake.mean()
    one_minus = real.mean() + _soft(FAKE - 1).mean()
    everything = torch.cat([real, fake])
    yield Case(
        "discriminator_loss([0.5, −1, 2], [1.5, 0.25])",
        lambda: answer(REAL, FAKE),
        right,
        [
            Mistake("real and fake have changed places: D is to be high on real "
                    "images", _soft(REAL).mean() + _soft(-FAKE).mean()),
            Mistake("this is log σ(1 − h) for the fakes: it is 1 − D that is "
                    "wanted, and log(1 − σ(h)) = log σ(−h)", one_minus),
            Mistake("the sign is that of V, which D maximises; the loss is −V",
                    -right),
            Mistake("this is the average of the two terms: their sum is wanted",
                    right / 2),
            Mistake("sums over the batches: means are wanted",
                    real.sum() + fake.sum()),
            Mistake("all logits are averaged together: each batch has a mean of "
                    "its own", everything.mean()),
            Mistake("all logits are averaged together: each batch has a mean of "
                    "its own", 2 * everything.mean()),
            Mistake("the fake images are missing", real.mean()),
            Mistake("the real images are missing", fake.mean()),
            Mistake("the fakes are labelled real: 1 − D for them",
                    real.mean() + _soft(-FAKE).mean()),
            Mistake("a logit is no probability: a sigmoid comes before the "
                    "logarithm", torch.tensor(math.nan)),
        ],
    )
    yield Case(
        "discriminator_loss([−50], [50])",
        lambda: answer(torch.tensor([-50.0]), torch.tensor([50.0])),
        100.0,
        _rounded(100.0, 150.0, (-2 * math.log(eps) for eps in EPSILONS)),
        atol=1e-4,
    )
    yield Case(
        "discriminator_loss([50], [−50])",
        lambda: answer(torch.tensor([50.0]), torch.tensor([-50.0])),
        0.0,
        [Mistake("a discriminator that is sure and right has loss 0")],
        atol=1e-6,
    )
    yield Case(
        "the gradients of discriminator_loss in both batches of logits",
        lambda: _gradients(answer, REAL, FAKE),
        [(torch.sigmoid(REAL) - 1) / 3, torch.sigmoid(FAKE) / 2],
        [Mistake(NO_GRADIENT, raises=ERRORS)],
    )
    yield Case(
        "discriminator_loss of zero logits of shapes (3, 1) and (2, 1)",
        lambda: answer(torch.zeros(3, 1), torch.zeros(2, 1)),
        2 * math.log(2),
        [Mistake("the logits may have any shape", raises=ERRORS)],
        rtol=1e-4,
    )


@checks(
    equation="gan-generator-logits",
    hints=(
        "The generator minimises the mean of log(1 − D) = log(1 − σ(h)).",
        "1 − σ(h) = σ(−h), and log σ(−h) = −softplus(h).",
        "-F.softplus(fake_logits).mean()",
    ),
)
def minimax_generator_loss(answer):
    terms = -_soft(FAKE)
    yield Case(
        "minimax_generator_loss([1.5, 0.25])",
        lambda: answer(FAKE),
        terms.mean(),
        [
            Mistake("the sign is turned: log(1 − D) itself is minimised, and it "
                    "is negative", -terms.mean()),
            Mistake("this is the non-saturating loss, −log D",
                    _soft(-FAKE).mean()),
            Mistake("this is log D: the minimax loss is log(1 − D)",
                    -_soft(-FAKE).mean()),
            Mistake("this is log σ(1 − h): it is 1 − D that is wanted",
                    -_soft(FAKE - 1).mean()),
            Mistake("a sum over the batch: a mean is wanted", terms.sum()),
            Mistake("one value for each image: a mean is wanted", terms),
            Mistake("this is log(1 − h) of a logit: a sigmoid comes between",
                    torch.tensor(math.nan)),
            Mistake("the logarithm of the mean: the mean of the logarithms is "
                    "wanted", (1 - torch.sigmoid(FAKE).double()).mean().log()),
        ],
    )
    yield Case(
        "minimax_generator_loss([50])",
        lambda: answer(torch.tensor([50.0])),
        -50.0,
        _rounded(-50.0, -100.0, (math.log(eps) for eps in EPSILONS), -1),
        atol=1e-4,
    )
    yield Case(
        "the gradient of minimax_generator_loss in the logits",
        lambda: _gradients(answer, FAKE),
        [-torch.sigmoid(FAKE) / 2],
        [Mistake(NO_GRADIENT, raises=ERRORS)],
    )
    yield Case(
        "the gradient of minimax_generator_loss at a logit of −50",
        lambda: _gradients(answer, torch.tensor([-50.0])),
        [torch.tensor([-math.exp(-50)])],
        [Mistake("1 − σ has rounded to 1, and its gradient to nought: stay with "
                 "the logits", [torch.tensor([0.0])])],
        rtol=1e-3, atol=1e-30,
    )


@checks(
    equation="gan-generator-logits",
    hints=(
        "The generator now minimises the mean of −log D = −log σ(h).",
        "−log σ(h) = softplus(−h).",
        "F.softplus(-fake_logits).mean()",
    ),
)
def nonsaturating_generator_loss(answer):
    terms = _soft(-FAKE)
    yield Case(
        "nonsaturating_generator_loss([1.5, 0.25])",
        lambda: answer(FAKE),
        terms.mean(),
        [
            Mistake("the sign is turned: −log D is minimised, and it is "
                    "positive", -terms.mean()),
            Mistake("this is the minimax loss, log(1 − D)", -_soft(FAKE).mean()),
            Mistake("this is −log(1 − D), the discriminator's term for fakes: "
                    "the generator wants them called real", _soft(FAKE).mean()),
            Mistake("this is −log σ(1 − h): it is −log σ(h) that is wanted",
                    _soft(FAKE - 1).mean()),
            Mistake("a sum over the batch: a mean is wanted", terms.sum()),
            Mistake("one value for each image: a mean is wanted", terms),
            Mistake("this is the logarithm of a logit: a sigmoid comes between",
                    -FAKE.double().log().mean()),
            Mistake("the logarithm of the mean: the mean of the logarithms is "
                    "wanted", -torch.sigmoid(FAKE).double().mean().log()),
        ],
    )
    yield Case(
        "nonsaturating_generator_loss([−50, 50])",
        lambda: answer(torch.tensor([-50.0, 50.0])),
        25.0,
        [Mistake("a small number inside the logarithm falsifies the value: stay "
                 "with the logits", torch.tensor(-math.log(eps) / 2))
         for eps in EPSILONS],
        atol=1e-5,
    )
    yield Case(
        "nonsaturating_generator_loss([−150])",
        lambda: answer(torch.tensor([-150.0])),
        150.0,
        _rounded(150.0, 100.0, (-math.log(eps) for eps in EPSILONS)),
        atol=1e-3,
    )
    yield Case(
        "the gradient of nonsaturating_generator_loss in the logits",
        lambda: _gradients(answer, FAKE),
        [(torch.sigmoid(FAKE) - 1) / 2],
        [Mistake(NO_GRADIENT, raises=ERRORS)],
    )


@checks(
    equation="gan-optimum",
    hints=(
        "Each point is a case of its own: no sum, no normalisation.",
        "p_data / (p_data + p_model); where both are 0, one half.",
        "total = p_data + p_model; torch.where(total > 0, p_data / total, 0.5)",
    ),
)
def optimal_discriminator(answer):
    p = torch.tensor([0.2, 0.5, 0.3])
    q = torch.tensor([0.6, 0.1, 0.3])
    yield Case(
        "optimal_discriminator([0.2, 0.5, 0.3], [0.6, 0.1, 0.3])",
        lambda: answer(p, q),
        torch.tensor([0.25, 5 / 6, 0.5]),
        [
            Mistake("the two have changed places: D is near 1 where the data are "
                    "likelier", q / (p + q)),
            Mistake("this is the ratio of the two: the data's share of the sum "
                    "is wanted", p / q),
            Mistake("this is the optimal logit; D itself is wanted, its sigmoid",
                    (p / q).log()),
            Mistake("the sum runs over all points: each is a case of its own",
                    p / (p + q).sum()),
            Mistake("half the sum stands below: this is p over the mixture, "
                    "twice too large", 2 * p / (p + q)),
            Mistake("this decides for one or the other: D is the data's share",
                    (p > q).float()),
        ],
    )
    yield Case(
        "optimal_discriminator([0, 0.4, 0.6], [1, 0, 0])",
        lambda: answer(torch.tensor([0.0, 0.4, 0.6]), torch.tensor([1.0, 0, 0])),
        torch.tensor([0.0, 1.0, 1.0]),
        [Mistake("a small number in the quotient falsifies the value",
                 torch.tensor([0.0, 0.5, 0.5]))],
    )
    yield Case(
        "optimal_discriminator([0, 1], [0, 1])",
        lambda: answer(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0])),
        torch.tensor([0.5, 0.5]),
        [
            Mistake("0/0: where both are 0, one half is wanted",
                    torch.tensor([math.nan, 0.5])),
            Mistake("where both are 0, one half is wanted",
                    torch.tensor([0.0, 0.5])),
        ],
    )
    tall, wide = torch.tensor([[1e-30], [3.0]]), torch.tensor([3e-30, 1, 9])
    yield Case(
        "optimal_discriminator(densities of shape (2, 1) and (3,))",
        lambda: answer(tall, wide),
        torch.tensor([[0.25, 1e-30, 1e-30 / 9], [1.0, 0.75, 0.25]]),
        [
            *[Mistake("densities need not be probabilities, and may be as small "
                      "as they like: no small number in the quotient",
                      value) for eps in EPSILONS for value in (
                          tall / (tall + wide + eps),
                          (tall + eps) / (tall + wide + eps),
                          (tall + eps) / (tall + wide + 2 * eps))],
            Mistake("the two arguments must broadcast", raises=ERRORS),
        ],
        atol=1e-31,
    )


@checks(
    equation="def-gan-jsd",
    hints=(
        "Mix the two, m = (p + q)/2, and average the divergences of p and of q "
        "from m.",
        "A term p log(p/m) is 0 where p is 0: torch.xlogy(p, p / m) knows that.",
        "0.5 * (torch.xlogy(p, p / m) + torch.xlogy(q, q / m)).sum(-1), with "
        "m clamped away from 0/0.",
    ),
)
def jensen_shannon(answer):
    p = torch.tensor([[0.2, 0.5, 0.3], [0.7, 0.2, 0.1]])
    q = torch.tensor([[0.6, 0.1, 0.3], [0.3, 0.3, 0.4]])
    m = (p + q) / 2
    terms = (_kl_terms(p, m) + _kl_terms(q, m)) / 2
    right = terms.sum(-1)
    other = (_kl_terms(m, p) + _kl_terms(m, q)).sum(-1) / 2
    yield Case(
        "jensen_shannon(p, q), both of shape (2, 3)",
        lambda: answer(p, q),
        right,
        [
            Mistake("the two divergences are added: their average is wanted",
                    2 * right),
            Mistake("these are bits: nats are wanted", right / math.log(2)),
            Mistake("this is the root, a distance: the divergence is wanted",
                    right.sqrt()),
            Mistake("the divergences run from the mixture: p and q come first",
                    other),
            Mistake("this is KL(p‖q): both are compared with their mixture",
                    _kl_terms(p, q).sum(-1)),
            Mistake("this is the average of KL(p‖q) and KL(q‖p): compare with "
                    "the mixture",
                    (_kl_terms(p, q) + _kl_terms(q, p)).sum(-1) / 2),
            Mistake("only p is compared with the mixture", _kl_terms(p, m).sum(-1)),
            Mistake("the mixture is p + q without its ½", right - math.log(2)),
            Mistake("this is the mean over the last dimension; the sum is "
                    "wanted", terms.mean(-1)),
            Mistake("the terms are not summed over the last dimension", terms),
            Mistake("everything is summed: one value for each row is wanted",
                    terms.sum()),
            Mistake("everything is averaged: one value for each row is wanted",
                    terms.mean()),
            Mistake("the sign is wrong", -right),
            *[Mistake("a small number inside the logarithm falsifies the value: "
                      "torch.xlogy needs none", _padded(p, q, eps))
              for eps in (1e-3, 1e-4, 1e-5)],
        ],
    )
    zeros = torch.tensor([0.5, 0.5, 0.0, 0.0]), torch.tensor([0.0, 0.5, 0.5, 0.0])
    yield Case(
        "jensen_shannon([½, ½, 0, 0], [0, ½, ½, 0])",
        lambda: answer(*zeros),
        math.log(2) / 2,
        [
            Mistake("0 · log 0 is 0 here, and not a number for a machine: "
                    "torch.xlogy", torch.tensor(math.nan)),
            Mistake("0 · log 0 is 0: torch.xlogy", torch.tensor(-math.inf)),
        ],
        rtol=1e-6,
    )
    yield Case(
        "jensen_shannon([1, 0], [0, 1])",
        lambda: answer(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])),
        math.log(2),
        [Mistake("0 · log 0 is 0: torch.xlogy", torch.tensor(math.nan))],
        rtol=1e-6,
    )
    slopes = [(p / m).log() / 2, (q / m).log() / 2]
    yield Case(
        "the gradients of jensen_shannon in p and q",
        lambda: _gradients(answer, p, q),
        slopes,
        [
            Mistake("the vectors are normalised once more, as Categorical does: "
                    "differentiate the formula as it stands",
                    [s - (a * s).sum(-1, keepdim=True)
                     for a, s in zip((p, q), slopes, strict=True)]),
            Mistake(NO_GRADIENT, raises=ERRORS),
        ],
        rtol=1e-4, atol=1e-6,
    )


@checks(
    equation="def-gan-networks",
    hints=(
        "The first half is flat: Linear, BatchNorm1d, ReLU, twice. "
        "nn.Unflatten(1, (64, 7, 7)) makes an image of it.",
        "nn.PixelShuffle(2) turns (64, 7, 7) into (16, 14, 14), and later "
        "(32, 14, 14) into (8, 28, 28). The convolutions have a kernel of 3 "
        "and a padding of 1.",
        "nn.Linear(z_dim, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, "
        "3136), nn.BatchNorm1d(3136), nn.ReLU(), nn.Unflatten(1, (64, 7, 7)), "
        "nn.PixelShuffle(2), nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32),"
        " nn.ReLU(), nn.PixelShuffle(2), nn.Conv2d(8, 1, 3, padding=1)",
    ),
)
def Generator(answer):
    right = 1_654_121
    yield Case(
        "the number of parameters of Generator(64)",
        lambda: _count(answer(64)),
        right,
        [
            Mistake("the batch normalisations are missing", right - 2 * 3680),
            Mistake("the batch normalisation after the convolution is missing",
                    right - 64),
            Mistake("the batch normalisation of the 3136 is missing",
                    right - 2 * 3136),
            Mistake("the batch normalisation of the 512 is missing",
                    right - 1024),
            Mistake("the batch normalisation after the Unflatten has 64 channels: "
                    "it comes before and has 3136", right - 2 * 3136 + 128),
            Mistake("a batch normalisation follows the last layer", right + 2),
            Mistake("the layers have biases", right - 512 - 3136 - 32 - 1),
            Mistake("the layers before a normalisation have biases here, too: "
                    "no bias=False", right - 512 - 3136 - 32),
            Mistake("the convolutions have a kernel of 3",
                    right + 16 * (16 * 32 + 8)),
            Mistake("there are no parameters: are the layers attributes of self, "
                    "and modules?", 0),
            Mistake("super().__init__() must come first in __init__",
                    raises=AttributeError),
        ],
        rtol=0,
    )
    yield Case(
        "Generator().z_dim, Generator(2).z_dim and the parameters of Generator(2)",
        lambda: (answer().z_dim, answer(2).z_dim, _count(answer(2))),
        (64, 2, right - 62 * 512),
        [
            Mistake("z_dim must be kept, self.z_dim = z_dim, and default to 64",
                    raises=ERRORS),
            Mistake("z_dim is ignored in the first layer", (64, 2, right)),
        ],
        rtol=0,
    )
    yield Case(
        "the shape of Generator(2)(z), z of shape (5, 2)",
        lambda: str(tuple(answer(2)(torch.zeros(5, 2)).shape)),
        "(5, 1, 28, 28)",
        [
            Mistake("the image has one channel: (batch, 1, 28, 28)",
                    "(5, 28, 28)"),
            Mistake("the image has one channel: (batch, 1, 28, 28)", "(5, 784)"),
            Mistake("the convolutions keep the size: padding 1",
                    "(5, 1, 22, 22)"),
            Mistake("the shapes do not fit, or no module was called",
                    raises=ERRORS),
        ],
    )
    z = torch.tensor([[0.7, -1.2], [0.3, 0.5], [-0.9, 1.4]])
    same = torch.nn.functional.relu
    values = {
        "right": _generated(z),
        "nothing": _generated(z, act=lambda t: t),
        "leaky": _generated(z, act=lambda t: torch.where(t > 0, t, 0.2 * t)),
        "leaky01": _generated(z, act=lambda t: torch.where(t > 0, t, 0.01 * t)),
        "reshaped": _generated(z, shuffle=_reshaped),
        "relu": same(_generated(z)),
    }
    yield Case(
        "nine pixels of Generator(2)(z), all weights set by a rule, eval mode",
        lambda: _ruled(answer(2))(z)[:, 0, 13, 12:15],
        values["right"],
        [
            Mistake("a tanh follows the last convolution: nothing does",
                    values["right"].tanh()),
            Mistake("a sigmoid follows the last convolution: nothing does",
                    torch.sigmoid(values["right"])),
            Mistake("a ReLU follows the last convolution: nothing does",
                    values["relu"]),
            Mistake("the ReLUs are missing", values["nothing"]),
            Mistake("leaky ReLU: the generator has plain ReLU", values["leaky"]),
            Mistake("leaky ReLU: the generator has plain ReLU", values["leaky01"]),
            Mistake("the channels are reshaped into a larger image, and their "
                    "pixels torn apart: nn.PixelShuffle(2)", values["reshaped"]),
            Mistake("the order is Linear or Conv2d, then normalisation, then "
                    "ReLU, and PixelShuffle before each convolution",
                    _generated(z, late=True)),
        ],
        rtol=1e-3, atol=1e-4,
    )


@checks(
    equation="def-gan-networks",
    hints=(
        "Two convolutions halve the image twice: kernel 4, stride 2, padding 1.",
        "nn.Flatten() gives 64 · 7 · 7 = 3136 numbers, then come two Linear "
        "layers. A ReLU stands after all layers but the last.",
        "The result is one logit for each image, of shape (batch,): "
        "nn.Flatten(0) at the end, or .squeeze(-1).",
    ),
)
def Discriminator(answer):
    right = 1_640_033
    yield Case(
        "the number of parameters of Discriminator()",
        lambda: _count(answer()),
        right,
        [
            Mistake("the convolutions have a kernel of 4, stride 2, padding 1",
                    right - 7 * (32 + 32 * 64)),
            Mistake("there is no batch normalisation in the discriminator",
                    right + 2 * (32 + 64)),
            Mistake("there is no batch normalisation in the discriminator",
                    right + 2 * 64),
            Mistake("the layers have biases", right - 32 - 64 - 512 - 1),
            Mistake("the layer of 512 is missing", 32 * 17 + 64 * 513 + 3137),
            Mistake("one logit is wanted, not one for each of two classes",
                    right + 513),
            Mistake("there are no parameters: are the layers attributes of self, "
                    "and modules?", 0),
            Mistake("super().__init__() must come first in __init__",
                    raises=AttributeError),
        ],
        rtol=0,
    )
    yield Case(
        "the shape of Discriminator()(x), x of shape (5, 1, 28, 28)",
        lambda: str(tuple(answer()(torch.zeros(5, 1, 28, 28)).shape)),
        "(5,)",
        [
            Mistake("one number for each image, of shape (batch,): drop the last "
                    "dimension", "(5, 1)"),
            Mistake("the shapes do not fit, or no module was called",
                    raises=ERRORS),
        ],
    )
    yield Case(
        "the shape of Discriminator()(x) for a batch of one image",
        lambda: str(tuple(answer()(torch.zeros(1, 1, 28, 28)).shape)),
        "(1,)",
        [Mistake("squeeze() without a dimension also removes a batch of one: "
                 ".squeeze(-1)", "()")],
    )
    x = (torch.arange(3 * 784).reshape(3, 1, 28, 28) * 0.37).sin() / 2 + 0.5
    logits = _judged(x)
    yield Case(
        "Discriminator()(x) of three images, all weights set by a rule",
        lambda: _ruled(answer())(x),
        logits,
        [
            Mistake("this is the probability: logits are wanted, no sigmoid",
                    torch.sigmoid(logits)),
            Mistake("a ReLU follows the last layer: nothing does",
                    torch.relu(logits)),
            Mistake("the ReLUs are missing", _judged(x, lambda t: t)),
            *[Mistake("leaky ReLU: this discriminator has plain ReLU",
                      _judged(x, lambda t, s=s: torch.where(t > 0, t, s * t)))
              for s in (0.2, 0.1, 0.01)],
            Mistake("the ReLU before the last layer is missing",
                    _judged(x, last=lambda t: t)),
        ],
        rtol=1e-3, atol=1e-4,
    )


@checks(
    equation="def-gan-batch",
    hints=(
        "fake = generator(z), once. The discriminator judges x_real, then the "
        "fakes cut off from the generator, fake.detach(), for its own loss.",
        "The generator's loss needs the fakes with their history: "
        "discriminator(fake), not of the detached copy.",
        "d_loss = discriminator_loss(discriminator(x_real), "
        "discriminator(fake.detach())); g_loss = nonsaturating_generator_loss("
        "discriminator(fake)); return d_loss, g_loss",
    ),
)
def loss_nonsaturating(answer):
    x = torch.tensor([[0.4], [-0.3], [1.1]])
    z = torch.tensor([[0.8], [-1.5]])
    real, fake = _Judge()(x), _Judge()(_Maker()(z))
    d = _soft(-real).mean() + _soft(fake).mean()
    g = _soft(-fake).mean()
    yield Case(
        "loss_nonsaturating(generator, discriminator, x_real, z) of two lines",
        lambda: _pair(answer(_Maker(), _Judge(), x, z)),
        (d, g),
        [
            Mistake("the order is (d_loss, g_loss)", (g, d)),
            Mistake("the generator's loss is the minimax one: −log D is wanted",
                    (d, -_soft(fake).mean())),
            Mistake("the generator's loss has its sign turned", (d, -g)),
            Mistake("the discriminator takes fakes for real and real images for "
                    "fakes", (_soft(real).mean() + _soft(-fake).mean(), g)),
            Mistake("the generator is not called: fake = generator(z)",
                    (_soft(-real).mean() + _soft(_Judge()(z)).mean(),
                     _soft(-_Judge()(z)).mean())),
            Mistake("the generator's loss is taken on the real images",
                    (d, _soft(-real).mean())),
            Mistake("the fakes are missing in the discriminator's loss",
                    (_soft(-real).mean(), g)),
            Mistake("two values are to be returned, d_loss and g_loss", d + g),
        ],
    )
    slope_d = _slopes(lambda m, j: _true_losses(m, j, x, z)[0])
    slope_g = _slopes(lambda m, j: _true_losses(m, j, x, z)[1])
    cut = [torch.zeros(()), slope_d[1]]
    yield Case(
        "the gradients of d_loss in the generator's and the discriminator's weight",
        lambda: _slopes(lambda m, j: answer(m, j, x, z)[0]),
        cut,
        [
            Mistake("d_loss reaches the generator and would teach it to be "
                    "found out: detach the fakes for it", slope_d),
            Mistake("no gradient reaches the discriminator",
                    [torch.zeros(()), torch.zeros(())]),
            Mistake("the logits of the fakes are detached, and the discriminator "
                    "learns nothing from them: detach the images instead",
                    _slopes(lambda m, j: (1 + (-j(x)).exp()).log().mean())),
            Mistake("no gradient reaches the discriminator", raises=ERRORS),
        ],
        atol=1e-6,
    )
    yield Case(
        "the gradient of g_loss in the generator's weight",
        lambda: _slopes(lambda m, j: answer(m, j, x, z)[1])[0],
        slope_g[0],
        [
            Mistake("no gradient of g_loss reaches the generator: detach the "
                    "fakes for d_loss only", torch.zeros(())),
            Mistake("no gradient of g_loss reaches the generator: detach the "
                    "fakes for d_loss only", raises=ERRORS),
        ],
        atol=1e-6,
    )
    yield Case(
        "how often loss_nonsaturating calls the generator, and in which mode",
        lambda: _calls(answer, x, z),
        "1 call, train mode afterwards",
        [
            Mistake("one batch of fakes serves both losses: with a second call "
                    "the running means of its batch normalisation would move "
                    "twice a step", "2 calls, train mode afterwards"),
            Mistake("the generator is left in eval mode: its batch "
                    "normalisation would no longer learn",
                    "1 call, eval mode afterwards"),
        ],
    )


EPSILONS = (1e-12, 1e-10, 1e-8, 1e-7, 1e-6, 1e-5)


class _Maker(nn.Module):
    """A generator with one weight that counts its calls."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.6))
        self.calls, self.z_dim = 0, 1

    def forward(self, z):
        self.calls += 1
        return self.weight * z + 0.2


class _Judge(nn.Module):
    """A discriminator with one weight, bent so that it is no line."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(-0.9))

    def forward(self, x):
        return (self.weight * x + 0.3 * x**2 + 0.1).squeeze(-1)


def _true_losses(maker, judge, x, z):
    real, fake = judge(x), judge(maker(z))
    d = (1 + (-real).exp()).log().mean() + (1 + fake.exp()).log().mean()
    return d, (1 + (-fake).exp()).log().mean()


def _slopes(loss):
    maker, judge = _Maker(), _Judge()
    found = torch.autograd.grad(loss(maker, judge), (maker.weight, judge.weight),
                                allow_unused=True)
    return [torch.zeros(()) if f is None else f for f in found]


def _calls(answer, x, z):
    maker = _Maker()
    answer(maker, _Judge(), x, z)
    plural = "" if maker.calls == 1 else "s"
    mode = "train" if maker.training else "eval"
    return f"{maker.calls} call{plural}, {mode} mode afterwards"


def _pair(values):
    if isinstance(values, torch.Tensor) and values.shape == (2,):
        return tuple(values)
    return tuple(values) if isinstance(values, list) else values


def _soft(h):
    return torch.tensor(np.logaddexp(0, h.detach().double().numpy()))


def _rounded(right, clamped, small, sign=1):
    """Return the mistakes of a loss that goes by way of probabilities."""
    infinite = sign * math.inf if right > 0 else -math.inf
    says = ("the sigmoid has rounded to 0 or 1, or an exponential has "
            "overflowed, before its logarithm was taken: stay with the logits")
    return [
        Mistake(says, torch.tensor(infinite)),
        Mistake(says, torch.tensor(math.nan)),
        Mistake("the logarithms are cut off at −100, as binary_cross_entropy "
                "cuts them: stay with the logits", torch.tensor(clamped)),
        *[Mistake("a small number inside the logarithm hides the overflow and "
                  "falsifies the value: stay with the logits",
                  torch.tensor(value)) for value in small],
    ]


def _gradients(f, *at):
    at = [t.clone().requires_grad_() for t in at]
    return list(torch.autograd.grad(f(*at).sum(), at))


def _kl_terms(p, q):
    p, q = p.double(), q.double()
    return p * (p.log() - q.log())


def _padded(p, q, eps):
    p, q = p + eps, q + eps
    m = (p + q) / 2
    return (_kl_terms(p, m) + _kl_terms(q, m)).sum(-1) / 2


def _count(model):
    return sum(p.numel() for p in model.parameters())


def _rule(shape, phase):
    """Return numbers that depend on a shape alone; one bias centres logits."""
    if shape == (1,):
        return torch.tensor([-12.0])
    size = math.prod(shape)
    wave = (torch.arange(size) * 0.7311 + phase).sin().reshape(shape)
    return wave / math.sqrt(math.prod(shape[1:])) if len(shape) > 1 else wave


@torch.no_grad()
def _ruled(model):
    """Set every weight and bias of a model by a rule; return it in eval mode."""
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            module.weight.copy_(3 * _rule(tuple(module.weight.shape), 0.3))
            module.bias.copy_(_rule(tuple(module.bias.shape), 1.1))
        elif isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.weight.copy_(1 + _rule(tuple(module.weight.shape), 0.5) / 2)
            module.bias.copy_(_rule(tuple(module.bias.shape), 2.0))
    return model.eval().requires_grad_(False)


def _linear(x, out):
    weight = 3 * _rule((out, x.shape[1]), 0.3)
    return x @ weight.T + _rule((out,), 1.1)


def _conv(x, out, kernel, stride):
    """Return a convolution with padding 1, written with patches."""
    size = (x.shape[-1] + 2 - kernel) // stride + 1
    weight = 3 * _rule((out, x.shape[1], kernel, kernel), 0.3)
    patches = torch.nn.functional.unfold(x, kernel, padding=1, stride=stride)
    flat = weight.flatten(1) @ patches + _rule((out,), 1.1)[:, None]
    return flat.reshape(len(x), out, size, size)


def _norm(x):
    """Return batch normalisation in eval mode, running mean 0, variance 1."""
    n = x.shape[1]
    shape = (1, n) + (1,) * (x.dim() - 2)
    weight = 1 + _rule((n,), 0.5) / 2
    return (x / math.sqrt(1 + 1e-5) * weight.reshape(shape)
            + _rule((n,), 2.0).reshape(shape))


def _shuffled(x):
    n, c, h, w = x.shape
    tiles = x.reshape(n, c // 4, 2, 2, h, w).permute(0, 1, 4, 2, 5, 3)
    return tiles.reshape(n, c // 4, 2 * h, 2 * w)


def _reshaped(x):
    n, c, h, w = x.shape
    return x.reshape(n, c // 4, 2 * h, 2 * w)


def _generated(z, act=torch.relu, shuffle=_shuffled, late=False):
    """Return nine pixels of the generator whose weights are set by the rule."""
    both = (lambda t: _norm(act(t))) if late else (lambda t: act(_norm(t)))
    h = both(_linear(both(_linear(z, 512)), 3136)).reshape(-1, 64, 7, 7)
    h = both(_conv(shuffle(h), 32, 3, 1))
    return _conv(shuffle(h), 1, 3, 1)[:, 0, 13, 12:15]


def _judged(x, act=torch.relu, last=None):
    h = act(_conv(act(_conv(x, 32, 4, 2)), 64, 4, 2))
    h = (last or act)(_linear(h.flatten(1), 512))
    return _linear(h, 1)[:, 0]
