"""Wrong answers to the exercises, each with its diagnosis, and right ways."""

import torch
import torch.nn.functional as F
from torch import nn


def d_loss(real=lambda h: F.softplus(-h), fake=F.softplus, total=None):
    def discriminator_loss(real_logits, fake_logits):
        a, b = real(real_logits), fake(fake_logits)
        return total(a, b) if total else a.mean() + b.mean()

    return discriminator_loss


def d_by_sigmoid(real_logits, fake_logits):
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    return -real.log().mean() - (1 - fake).log().mean()


def d_by_bce(real_logits, fake_logits):
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    return (F.binary_cross_entropy(real, torch.ones_like(real))
            + F.binary_cross_entropy(fake, torch.zeros_like(fake)))


def d_with_epsilon(real_logits, fake_logits):
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    return -(real + 1e-8).log().mean() - (1 - fake + 1e-8).log().mean()


def d_by_bce_with_logits(real_logits, fake_logits):
    judge = F.binary_cross_entropy_with_logits
    return (judge(real_logits, torch.ones_like(real_logits))
            + judge(fake_logits, torch.zeros_like(fake_logits)))


def d_by_log_sigmoid(real_logits, fake_logits):
    return -(F.logsigmoid(real_logits).mean() + F.logsigmoid(-fake_logits).mean())


def d_by_logaddexp(real_logits, fake_logits):
    zero = torch.zeros(())
    return (torch.logaddexp(zero, -real_logits).mean()
            + torch.logaddexp(zero, fake_logits).mean())


def g_loss(of, reduce=torch.mean):
    def generator_loss(fake_logits):
        return reduce(of(fake_logits))

    return generator_loss


def minimax_by_sigmoid(fake_logits):
    return (1 - torch.sigmoid(fake_logits)).log().mean()


def minimax_by_bce(fake_logits):
    fake = torch.sigmoid(fake_logits)
    return -F.binary_cross_entropy(fake, torch.zeros_like(fake))


def saturating_softplus(fake_logits):
    """Right in value, but exp(h) is lost beside 1 in single precision."""
    return -(fake_logits.clamp(min=0)
             + (1 + (-fake_logits.abs()).exp()).log()).mean()


def nonsaturating_by_sigmoid(fake_logits):
    return -torch.sigmoid(fake_logits).log().mean()


def nonsaturating_by_bce(fake_logits):
    fake = torch.sigmoid(fake_logits)
    return F.binary_cross_entropy(fake, torch.ones_like(fake))


def nonsaturating_with_epsilon(fake_logits):
    return -(torch.sigmoid(fake_logits) + 1e-8).log().mean()


def optimal(of):
    def optimal_discriminator(p_data, p_model):
        return of(p_data, p_model)

    return optimal_discriminator


def optimal_by_nan(p, q):
    return torch.nan_to_num(p / (p + q), nan=0.5)


def optimal_by_masks(p, q):
    total = p + q
    return torch.where(total == 0, 0.5, p / torch.where(total == 0, 1.0, total))


def jsd(of=None, first=torch.xlogy, weight=0.5, mixture=0.5,
        reduce=lambda t: t.sum(-1)):
    def jensen_shannon(p, q):
        m = mixture * (p + q)
        safe = m.clamp(min=1e-38)
        return reduce(weight * (first(p, p / safe) + first(q, q / safe)))

    return of or jensen_shannon


def jsd_by_logs(p, q):
    m = (p + q) / 2
    return 0.5 * (p * (p / m).log() + q * (q / m).log()).sum(-1)


def jsd_by_kl_div(p, q):
    """F.kl_div takes the log of the second argument first."""
    m = ((p + q) / 2).log()
    return 0.5 * (F.kl_div(p.log(), m.exp(), reduction="none")
                  + F.kl_div(q.log(), m.exp(), reduction="none")).sum(-1)


def jsd_by_epsilon(p, q):
    p, q = p + 1e-5, q + 1e-5
    m = (p + q) / 2
    return 0.5 * (p * (p / m).log() + q * (q / m).log()).sum(-1)


def jsd_by_entropies(p, q):
    entropy = lambda t: torch.special.entr(t).sum(-1)  # noqa: E731
    return entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2


def jsd_by_right_kl_div(p, q):
    log_m = ((p + q) / 2).clamp(min=1e-38).log()
    return 0.5 * (F.kl_div(log_m, p, reduction="none")
                  + F.kl_div(log_m, q, reduction="none")).sum(-1)


def jsd_by_categorical(p, q):
    """Right in value; but Categorical divides by the sum, and slopes change."""
    from torch.distributions import Categorical, kl_divergence
    m = Categorical((p + q) / 2)
    return (kl_divergence(Categorical(p), m)
            + kl_divergence(Categorical(q), m)) / 2


def forward_kl(p, q):
    return torch.xlogy(p, p / q).sum(-1)


class Reshape(nn.Module):
    def __init__(self, *shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.reshape(len(x), *self.shape)


class Tear(nn.Module):
    def forward(self, x):
        n, c, h, w = x.shape
        return x.reshape(n, c // 4, 2 * h, 2 * w)


def generator(relu=nn.ReLU, norm=True, norm2=True, shuffle=lambda: nn.PixelShuffle(2),
              last=None, padding=1, fixed=None):
    """Return a class like Generator with one thing changed."""
    class Generator(nn.Module):
        def __init__(self, z_dim=64):
            super().__init__()
            self.z_dim = z_dim
            bn1 = nn.BatchNorm1d if norm else nn.Identity
            bn2 = nn.BatchNorm2d if norm2 else nn.Identity
            self.net = nn.Sequential(
                nn.Linear(fixed or z_dim, 512), bn1(512), relu(),
                nn.Linear(512, 3136), bn1(3136), relu(), Reshape(64, 7, 7),
                shuffle(), nn.Conv2d(16, 32, 3, padding=padding), bn2(32), relu(),
                shuffle(), nn.Conv2d(8, 1, 3, padding=padding),
                *([last()] if last else []))

        def forward(self, z):
            return self.net(z)

    return Generator


class NoChannel(generator()):
    def forward(self, z):
        return self.net(z)[:, 0]


class LateNorm(generator()):
    def __init__(self, z_dim=64):
        super().__init__(z_dim)
        layers = list(self.net)
        for at in (1, 4, 9):
            layers[at], layers[at + 1] = layers[at + 1], layers[at]
        self.net = nn.Sequential(*layers)


class NoSuper(generator()):
    def __init__(self, z_dim=64):
        self.z_dim = z_dim
        self.net = nn.Linear(z_dim, 512)


class Forgets(generator()):
    def __init__(self, z_dim=64):
        super().__init__(z_dim)
        del self.z_dim


class NoBias(generator()):
    """Where a normalisation follows, a bias does nothing, and many leave it out."""

    def __init__(self, z_dim=64):
        super().__init__(z_dim)
        for at in (0, 3, 8):
            self.net[at].register_parameter("bias", None)


class GeneratorInFunctions(nn.Module):
    def __init__(self, z_dim=64):
        super().__init__()
        self.z_dim = z_dim
        self.a, self.b = nn.Linear(z_dim, 512), nn.Linear(512, 64 * 7 * 7)
        self.na, self.nb = nn.BatchNorm1d(512), nn.BatchNorm1d(64 * 7 * 7)
        self.c, self.d = nn.Conv2d(16, 32, 3, 1, 1), nn.Conv2d(8, 1, 3, 1, "same")
        self.nc = nn.BatchNorm2d(32)

    def forward(self, z):
        h = F.relu(self.nb(self.b(F.relu(self.na(self.a(z))))))
        h = self.c(F.pixel_shuffle(h.view(-1, 64, 7, 7), 2))
        return self.d(F.pixel_shuffle(F.relu(self.nc(h)), 2))


def discriminator(relu=nn.ReLU, last=None, norm=False, kernel=4, end=None,
                  flatten=lambda: nn.Flatten(0), middle=None):
    """Return a class like Discriminator with one thing changed."""
    class Discriminator(nn.Module):
        def __init__(self):
            super().__init__()
            bn = nn.BatchNorm2d if norm else nn.Identity
            self.net = nn.Sequential(
                nn.Conv2d(1, 32, kernel, 2, 1), relu(),
                nn.Conv2d(32, 64, kernel, 2, 1), bn(64), relu(), nn.Flatten(),
                nn.Linear(3136, 512), (middle or relu)(), nn.Linear(512, end or 1),
                *([last()] if last else []), flatten())

        def forward(self, x):
            return self.net(x)

    return Discriminator


class Squeezed(discriminator(flatten=nn.Identity)):
    def forward(self, x):
        return self.net(x).squeeze()


class DiscriminatorInFunctions(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 32, 4, stride=2, padding=1)
        self.second = nn.Conv2d(32, 64, 4, stride=2, padding=1)
        self.wide, self.end = nn.Linear(64 * 7 * 7, 512), nn.Linear(512, 1)

    def forward(self, x):
        h = self.second(self.first(x).relu()).relu().flatten(1)
        return self.end(self.wide(h).relu())[:, 0]


def both(d=None, g=None, cut=True, cut_g=False, order=lambda d, g: (d, g)):
    d = d or d_loss()
    g = g or g_loss(lambda h: F.softplus(-h))

    def loss_nonsaturating(generator, discriminator, x_real, z):
        fake = generator(z)
        for_d = fake.detach() if cut else fake
        for_g = fake.detach() if cut_g else fake
        return order(d(discriminator(x_real), discriminator(for_d)),
                     g(discriminator(for_g)))

    return loss_nonsaturating


def two_calls(generator, discriminator, x_real, z):
    with torch.no_grad():
        fake = generator(z)
    d = d_loss()(discriminator(x_real), discriminator(fake))
    return d, F.softplus(-discriminator(generator(z))).mean()


def in_eval(generator, discriminator, x_real, z):
    generator.eval()
    return both()(generator, discriminator, x_real, z)


def logits_detached(generator, discriminator, x_real, z):
    logits = discriminator(generator(z))
    return (d_loss()(discriminator(x_real), logits.detach()),
            F.softplus(-logits).mean())


def no_generator(generator, discriminator, x_real, z):
    return both()(nn.Identity(), discriminator, x_real, z)


def both_at_once(generator, discriminator, x_real, z):
    fake = generator(z)
    logits = discriminator(torch.cat([x_real, fake.detach()]))
    real_logits, fake_logits = logits.split([len(x_real), len(fake)])
    d = -F.logsigmoid(real_logits).mean() - F.logsigmoid(-fake_logits).mean()
    return [d, -F.logsigmoid(discriminator(fake)).mean()]


def one_forward(generator, discriminator, x_real, z):
    """Step around the detached copy by cutting at the fakes themselves."""
    fake = generator(z)
    copy = fake.clone().detach()
    return (d_by_bce_with_logits(discriminator(x_real), discriminator(copy)),
            F.softplus(-discriminator(fake)).mean())


WRONG = {
    "discriminator_loss": {
        "swapped": (d_loss(F.softplus, lambda h: F.softplus(-h)),
                    "changed places"),
        "log σ(1 − h)": (d_loss(fake=lambda h: -F.logsigmoid(1 - h)),
                         "log σ(1 − h)"),
        "the sign of V": (d_loss(total=lambda a, b: -a.mean() - b.mean()),
                          "the sign is that of V"),
        "half": (d_loss(total=lambda a, b: (a.mean() + b.mean()) / 2),
                 "the average of the two terms"),
        "sums": (d_loss(total=lambda a, b: a.sum() + b.sum()), "sums over"),
        "one mean": (d_loss(total=lambda a, b: torch.cat([a, b]).mean()),
                     "averaged together"),
        "fakes labelled real": (d_loss(fake=lambda h: F.softplus(-h)),
                                "labelled real"),
        "real only": (d_loss(total=lambda a, b: a.mean()),
                      "fake images are missing"),
        "log of a logit": (d_loss(lambda h: -h.log(), lambda h: -(1 - h).log()),
                           "a logit is no probability"),
        "sigmoid": (d_by_sigmoid, "has rounded to 0 or 1"),
        "binary_cross_entropy": (d_by_bce, "cut off at −100"),
        "epsilon": (d_with_epsilon, "hides the overflow"),
        "detached": (lambda r, f: d_loss()(r.detach(), f.detach()),
                     "no gradient gets through"),
    },
    "minimax_generator_loss": {
        "sign": (g_loss(F.softplus), "the sign is turned"),
        "non-saturating": (g_loss(lambda h: F.softplus(-h)), "non-saturating"),
        "log D": (g_loss(F.logsigmoid), "this is log D"),
        "log σ(1 − h)": (g_loss(lambda h: F.logsigmoid(1 - h)), "log σ(1 − h)"),
        "sum": (g_loss(lambda h: -F.softplus(h), torch.sum), "a sum over"),
        "unreduced": (lambda h: -F.softplus(h), "one value for each image"),
        "log of the mean": (lambda h: (1 - torch.sigmoid(h)).mean().log(),
                            "logarithm of the mean"),
        "log of a logit": (g_loss(lambda h: (1 - h).log()), "log(1 − h)"),
        "sigmoid": (minimax_by_sigmoid, "has rounded to 0 or 1"),
        "binary_cross_entropy": (minimax_by_bce, "cut off at −100"),
        "detached": (lambda h: -F.softplus(h.detach()).mean(),
                     "no gradient gets through"),
    },
    "nonsaturating_generator_loss": {
        "log1p of exp": (g_loss(lambda h: torch.log1p(torch.exp(-h))),
                         "an exponential has overflowed"),
        "sign": (g_loss(F.logsigmoid), "the sign is turned"),
        "minimax": (g_loss(lambda h: -F.softplus(h)), "minimax loss"),
        "the discriminator's": (g_loss(F.softplus), "discriminator's term"),
        "log σ(1 − h)": (g_loss(lambda h: -F.logsigmoid(1 - h)), "log σ(1 − h)"),
        "sum": (g_loss(lambda h: F.softplus(-h), torch.sum), "a sum over"),
        "unreduced": (lambda h: F.softplus(-h), "one value for each image"),
        "log of a logit": (g_loss(lambda h: -h.log()), "logarithm of a logit"),
        "log of the mean": (lambda h: -torch.sigmoid(h).mean().log(),
                            "logarithm of the mean"),
        "sigmoid": (nonsaturating_by_sigmoid, "has rounded to 0 or 1"),
        "binary_cross_entropy": (nonsaturating_by_bce, "cut off at −100"),
        "epsilon": (nonsaturating_with_epsilon, "a small number inside"),
        "detached": (lambda h: F.softplus(-h.detach()).mean(),
                     "no gradient gets through"),
    },
    "optimal_discriminator": {
        "swapped": (optimal(lambda p, q: q / (p + q)), "changed places"),
        "ratio": (optimal(lambda p, q: p / q), "ratio of the two"),
        "logit": (optimal(lambda p, q: p.log() - q.log()), "optimal logit"),
        "total": (optimal(lambda p, q: p / (p + q).sum()), "runs over all points"),
        "over the mixture": (optimal(lambda p, q: 2 * p / (p + q)),
                             "twice too large"),
        "decides": (optimal(lambda p, q: (p > q).float()), "decides for one"),
        "0/0": (optimal(lambda p, q: p / (p + q)), "0/0"),
        "0": (optimal(lambda p, q: p / (p + q).clamp(min=1e-44)),
              "where both are 0"),
        "epsilon": (optimal(lambda p, q: torch.where(
            p + q > 0, p / (p + q + 1e-12), 0.5)), "no small number"),
    },
    "jensen_shannon": {
        "sum": (jsd(weight=1.0), "their average is wanted"),
        "bits": (jsd(first=lambda p, r: torch.xlogy(p, r) / 0.6931471805599453),
                 "these are bits"),
        "root": (jsd(reduce=lambda t: t.sum(-1).sqrt()), "this is the root"),
        "from the mixture": (jsd_by_kl_div, "run from the mixture"),
        "KL": (jsd(forward_kl), "compared with their mixture"),
        "both KL": (jsd(lambda p, q: (forward_kl(p, q) + forward_kl(q, p)) / 2),
                    "compare with the mixture"),
        "no half in the mixture": (jsd(mixture=1.0), "without its ½"),
        "mean": (jsd(reduce=lambda t: t.mean(-1)), "mean over the last"),
        "unreduced": (jsd(reduce=lambda t: t), "not summed"),
        "everything": (jsd(reduce=lambda t: t.sum()), "everything is summed"),
        "0 log 0": (jsd(jsd_by_logs), "0 · log 0"),
        "epsilon": (jsd(jsd_by_epsilon), "a small number inside"),
        "Categorical": (jsd_by_categorical, "normalised once more"),
        "detached": (lambda p, q: jsd()(p.detach(), q.detach()),
                     "no gradient gets through"),
    },
    "Generator": {
        "no normalisation": (generator(norm=False, norm2=False),
                             "batch normalisations are missing"),
        "no normalisation of the convolution": (generator(norm2=False),
                                                "after the convolution"),
        "tanh": (generator(last=nn.Tanh), "a tanh follows"),
        "sigmoid": (generator(last=nn.Sigmoid), "a sigmoid follows"),
        "ReLU at the end": (generator(last=nn.ReLU), "a ReLU follows"),
        "no ReLU": (generator(relu=nn.Identity), "ReLUs are missing"),
        "leaky ReLU": (generator(relu=lambda: nn.LeakyReLU(0.2)), "leaky"),
        "reshaped": (generator(shuffle=Tear), "torn apart"),
        "no padding": (generator(padding=0), "padding 1"),
        "no channel": (NoChannel, "one channel"),
        "ReLU first": (LateNorm, "the order is"),
        "z_dim ignored": (generator(fixed=64), "z_dim is ignored"),
        "z_dim not kept": (Forgets, "z_dim must be kept"),
        "no super().__init__()": (NoSuper, "must come first"),
        "no bias before a normalisation": (NoBias, "no bias=False"),
    },
    "Discriminator": {
        "sigmoid": (discriminator(last=nn.Sigmoid), "no sigmoid"),
        "ReLU at the end": (discriminator(last=nn.ReLU), "a ReLU follows"),
        "no ReLU": (discriminator(relu=nn.Identity), "ReLUs are missing"),
        "leaky ReLU": (discriminator(relu=lambda: nn.LeakyReLU(0.2)), "leaky"),
        "one ReLU short": (discriminator(middle=nn.Identity),
                           "before the last layer"),
        "batch normalisation": (discriminator(norm=True),
                                "no batch normalisation"),
        "kernel 3": (discriminator(kernel=3), "kernel of 4"),
        "a column": (discriminator(flatten=nn.Identity), "drop the last"),
        "squeeze()": (Squeezed, "batch of one"),
        "two classes": (discriminator(end=2, flatten=nn.Identity), "two classes"),
    },
    "loss_nonsaturating": {
        "order": (both(order=lambda d, g: (g, d)), "the order is"),
        "minimax": (both(g=g_loss(lambda h: -F.softplus(h))), "minimax"),
        "sign": (both(g=g_loss(F.logsigmoid)), "sign turned"),
        "labels": (both(d=d_loss(F.softplus, lambda h: F.softplus(-h))),
                   "fakes for real"),
        "no generator": (no_generator, "generator is not called"),
        "sum": (both(order=lambda d, g: d + g), "two values"),
        "not detached": (both(cut=False), "found out"),
        "detached for both": (both(cut_g=True), "for d_loss only"),
        "logits detached": (logits_detached, "detach the images"),
        "two calls": (two_calls, "twice a step"),
        "eval mode": (in_eval, "left in eval mode"),
    },
}

RIGHT = {
    "discriminator_loss": {
        "binary_cross_entropy_with_logits": d_by_bce_with_logits,
        "log sigmoid": d_by_log_sigmoid,
        "logaddexp": d_by_logaddexp,
        "sums over lengths": lambda r, f: (F.softplus(-r).sum() / len(r)
                                           + F.softplus(f).sum() / len(f)),
    },
    "minimax_generator_loss": {
        "log sigmoid": g_loss(lambda h: F.logsigmoid(-h)),
        "minus binary_cross_entropy_with_logits": lambda h:
            -F.binary_cross_entropy_with_logits(h, torch.zeros_like(h)),
    },
    "nonsaturating_generator_loss": {
        "log sigmoid": g_loss(lambda h: -F.logsigmoid(h)),
        "binary_cross_entropy_with_logits": lambda h:
            F.binary_cross_entropy_with_logits(h, torch.ones_like(h)),
    },
    "optimal_discriminator": {
        "nan_to_num": optimal_by_nan,
        "masks": optimal_by_masks,
    },
    "jensen_shannon": {
        "by entropies": jsd_by_entropies,
        "F.kl_div": jsd_by_right_kl_div,
        "xlogy": jsd(),
    },
    "Generator": {
        "functions": GeneratorInFunctions,
        "one Sequential": generator(),
    },
    "Discriminator": {
        "functions": DiscriminatorInFunctions,
        "one Sequential": discriminator(),
    },
    "loss_nonsaturating": {
        "one pass for both batches, a list": both_at_once,
        "clone, then detach": one_forward,
    },
}
