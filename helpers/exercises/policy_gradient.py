"""Checks of the exercises of the chapter on policy gradients."""

import torch

from helpers.exercises.checks import Case, Mistake, checks

ERRORS = (TypeError, ValueError, RuntimeError, AttributeError, IndexError)
CUT = "no gradient gets through: .item(), .detach() and numpy cut it off"


@checks(
    equation="pg-softmax-gradient",
    hints=(
        "Component j is p_j times the distance of L_j from the mean loss, and "
        "the mean is taken with the probabilities p.",
        "p = logits.softmax(-1); the mean loss is (p * loss_per_action)"
        ".sum(-1, keepdim=True).",
        "p * (loss_per_action - (p * loss_per_action).sum(-1, keepdim=True))",
    ),
)
def score_function_gradient(answer):
    logits = torch.tensor([[0.5, -1.0, 2.0], [0.0, 0.3, -0.7]])
    losses = torch.tensor([[1.0, -2.0, 0.5], [3.0, 0.0, -1.5]])
    p = logits.softmax(-1)
    mean = (p * losses).sum(-1, keepdim=True)
    right = p * (losses - mean)
    over_rows = logits.softmax(0)
    yield Case(
        "score_function_gradient(logits, loss_per_action), both of shape (2, 3)",
        lambda: answer(logits.clone(), losses.clone()),
        right,
        [
            Mistake("the sign is wrong: this is the gradient of the mean reward",
                    -right),
            Mistake("the mean loss is not subtracted: the score is [a = j] − p_j, "
                    "and −p_j is forgotten", p * losses),
            Mistake("the mean is taken with equal weights; it is an average "
                    "under the policy",
                    p * (losses - losses.mean(-1, keepdim=True))),
            Mistake("only the logit of the action taken is moved: its score has "
                    "−p_j at all the others, too", p * (1 - p) * losses),
            Mistake("this is the loss times the derivative of log p_j in its "
                    "own logit: sum over the actions, each with p_a",
                    (1 - p) * losses),
            Mistake("the factor p_j is missing: the gradient is in proportion "
                    "to the probability", losses - mean),
            Mistake("this is the mean loss, not its gradient", mean[:, 0]),
            Mistake("this is the gradient of the mean over rows: one gradient "
                    "for each row is wanted", right / 2),
            Mistake("this is the average over actions: the sum over them is the "
                    "expectation already", right / 3),
            Mistake("the softmax runs over the rows: it is over the last "
                    "dimension", over_rows * (losses - (over_rows * losses).sum(
                        -1, keepdim=True))),
            Mistake("the logits are used as if they were probabilities: a "
                    "softmax comes first", logits * (
                        losses - (logits * losses).sum(-1, keepdim=True))),
            Mistake("p is multiplied in twice: an expectation has one factor p",
                    p * (p * losses - (p * p * losses).sum(-1, keepdim=True))),
            Mistake("the gradients of the rows are added up: one for each row is "
                    "wanted", right.sum(0)),
            Mistake("the gradients of the rows are averaged: one for each row is "
                    "wanted", right.mean(0)),
            Mistake("shapes do not fit: the mean loss of each row must keep its "
                    "dimension, as sum(-1, keepdim=True) does",
                    raises=RuntimeError),
        ],
    )
    yield Case(
        "score_function_gradient(logits, 5 for every action)",
        lambda: answer(logits.clone(), torch.full((2, 3), 5.0)),
        torch.zeros(2, 3),
        [Mistake("a loss that is the same for each action has gradient 0")],
        atol=1e-6,
    )
    yield Case(
        "score_function_gradient([0, 200, −200], [1, 2, 3])",
        lambda: answer(torch.tensor([0.0, 200.0, -200.0]),
                       torch.tensor([1.0, 2.0, 3.0])),
        torch.zeros(3),
        [
            Mistake("exp() overflows: softmax does not",
                    torch.full((3,), torch.nan)),
            Mistake("exp() overflows: softmax does not",
                    torch.tensor([0.0, torch.nan, 0.0])),
            Mistake("a single row, of shape (A,), must do as well",
                    raises=ERRORS),
        ],
        atol=1e-6,
    )
    deep = torch.linspace(-1, 1, 24).double().reshape(2, 3, 4)
    q = deep.softmax(-1)
    yield Case(
        "score_function_gradient of two tensors (2, 3, 4), double precision",
        lambda: answer(deep.clone(), deep**2),
        q * (deep**2 - (q * deep**2).sum(-1, keepdim=True)),
        [Mistake("any number of dimensions may stand before the actions: use "
                 "dim=-1; and whatever is made inside takes logits.dtype",
                 raises=ERRORS)],
        rtol=1e-9,
    )


@checks(
    equation="def-pg-surrogate",
    hints=(
        "log_softmax makes log probabilities of logits; of each row only the "
        "entry of the action taken is wanted.",
        "log_p.gather(-1, actions[:, None])[:, 0] picks one entry from each row, "
        "in the shape (N,) of the rewards.",
        "-(log_p * rewards).mean()",
    ),
)
def policy_gradient_loss(answer):
    logits = torch.tensor([[0.5, -1.0, 2.0], [0.0, 0.3, -0.7],
                           [1.5, 0.2, -0.4], [-0.6, 0.9, 0.1]])
    actions = torch.tensor([2, 0, 1, 2])
    rewards = torch.tensor([3.0, -1.0, -1.0, 2.5])
    log_p = logits.log_softmax(-1)
    taken = log_p[torch.arange(4), actions]
    terms = taken * rewards
    right = -terms.mean()
    best = log_p.max(-1).values
    raw = logits[torch.arange(4), actions]
    yield Case(
        "policy_gradient_loss(logits (4, 3), actions [2, 0, 1, 2], "
        "rewards [3, −1, −1, 2.5])",
        lambda: answer(logits, actions, rewards),
        right,
        [
            Mistake("the sign is wrong: rewards are to grow, so the loss has a "
                    "minus", -right),
            Mistake("this is the sum over the batch: the mean is wanted",
                    -terms.sum()),
            Mistake("a sum over the batch, and the sign is wrong", terms.sum()),
            Mistake("the entries of the actions are not picked out: gather them "
                    "from log_p", -(log_p * rewards[:, None]).mean()),
            Mistake("the entries of the actions are not picked out: gather them "
                    "from log_p", -(log_p * rewards[:, None]).sum(-1).mean()),
            Mistake("the entries of the actions are not picked out, and the sign "
                    "is wrong", (log_p * rewards[:, None]).mean()),
            Mistake("shapes (N, 1) and (N,) broadcast to (N, N), or the "
                    "means were multiplied: row by row, both (N,)",
                    -(taken[:, None] * rewards).mean()),
            Mistake("the logarithm is missing: these are probabilities",
                    -(taken.exp() * rewards).mean()),
            Mistake("logits are not log probabilities: log_softmax them",
                    -(raw * rewards).mean()),
            Mistake("the log probability of the likeliest action is taken: that "
                    "of the action given is wanted", -(best * rewards).mean()),
            Mistake("the softmax runs over the batch: it is over the last "
                    "dimension", -(logits.log_softmax(0)[
                        torch.arange(4), actions] * rewards).mean()),
            Mistake("the rewards are ignored", -taken.mean()),
            Mistake("the mean reward is subtracted here: take the rewards as "
                    "they are, a baseline is the caller's business",
                    -(taken * (rewards - rewards.mean())).mean()),
            Mistake("the rewards are standardised here: take them as they are",
                    -(taken * (rewards - rewards.mean())
                      / rewards.std()).mean()),
            Mistake("log_p[:, actions] picks the actions of all rows in each "
                    "row: one entry a row, as gather does",
                    -(log_p[:, actions] * rewards).mean()),
            Mistake("the first argument of Categorical is probabilities: pass "
                    "logits=", raises=ValueError),
            Mistake("the terms are not averaged", -terms),
        ],
    )
    one_hot = torch.nn.functional.one_hot(actions, 3)
    slope = rewards[:, None] * (logits.softmax(-1) - one_hot) / 4
    yield Case(
        "the gradient of policy_gradient_loss in the logits",
        lambda: _gradient(lambda t: answer(t, actions, rewards), logits),
        slope,
        [Mistake(CUT, raises=ERRORS)],
    )
    yield Case(
        "policy_gradient_loss of the same in double precision",
        lambda: answer(logits.double(), actions, rewards.double()),
        -(logits.double().log_softmax(-1)[torch.arange(4), actions]
          * rewards).mean(),
        [Mistake("single and double precision do not mix: whatever is made "
                 "inside takes logits.dtype", raises=ERRORS)],
        rtol=1e-9,
    )
    yield Case(
        "policy_gradient_loss([[−200, 200]], actions [0], rewards [1])",
        lambda: answer(torch.tensor([[-200.0, 200.0]]), torch.tensor([0]),
                       torch.tensor([1.0])),
        torch.tensor(400.0),
        [
            Mistake("the probability has rounded to 0 before its logarithm was "
                    "taken: log_softmax, not softmax and log",
                    torch.tensor(torch.inf)),
            *[Mistake("a small number inside the logarithm hides the underflow "
                      "and falsifies the value: log_softmax",
                      -torch.tensor(eps).log())
              for eps in (1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6)],
            Mistake("the probabilities are clamped, as torch's probs= clamps "
                    "them: pass logits", -torch.tensor(
                        torch.finfo(torch.float32).eps).log()),
        ],
    )


@checks(
    equation="def-pg-task",
    hints=(
        "torch.rand(n, input_dim, generator=generator) is uniform on [0, 1): "
        "stretch it by 4.4 and move it by −2.2.",
        "near +1: (x - 1).square().sum(-1) <= 2.5 * input_dim; near −1 likewise "
        "with x + 1.",
        "torch.where(plus, torch.where(minus, 0, 1), torch.where(minus, 2, 3))",
    ),
)
def generate_data(answer):
    yield Case(
        "the shapes and types of generate_data(50, 3, generator)",
        lambda: _kinds(*answer(50, 3, _generator(1))),
        "x (50, 3) torch.float32, y (50,) torch.int64",
        [
            Mistake("x and y have changed places",
                    "x (50,) torch.int64, y (50, 3) torch.float32"),
            Mistake("x has its dimensions exchanged: one row for each point",
                    "x (3, 50) torch.float32, y (50,) torch.int64"),
            Mistake("labels are whole numbers",
                    "x (50, 3) torch.float32, y (50,) torch.float32"),
            *[Mistake("labels are torch's usual whole numbers, int64, as "
                      "cross_entropy wants them: y.long()",
                      f"x (50, 3) torch.float32, y (50,) torch.{kind}")
              for kind in ("int32", "int16", "int8", "uint8")],
            Mistake("the distances are summed over all points: sum(-1)",
                    "x (50, 3) torch.float32, y () torch.int64"),
            Mistake("x is wanted in single precision",
                    "x (50, 3) torch.float64, y (50,) torch.int64"),
            Mistake("y has one label for each point, (n,)",
                    "x (50, 3) torch.float32, y (50, 1) torch.int64"),
            Mistake("two tensors are wanted, and all draws from the generator",
                    raises=ERRORS),
        ],
    )
    yield Case(
        "two calls of generate_data, their generators seeded alike",
        lambda: _repeats(answer),
        "equal, and others from another seed",
        [
            Mistake("the generator is not used: pass generator=generator",
                    "not equal"),
            Mistake("the seed is set inside: all draws are the generator's",
                    "the same from every seed"),
        ],
    )
    yield Case(
        "the lowest and highest of 800,000 coordinates, rounded",
        lambda: _range(answer(100_000, 8, _generator(2))[0]),
        "-2.2 to 2.2",
        [
            Mistake("rand is not stretched and moved to [−2.2, 2.2]", "0.0 to 1.0"),
            Mistake("the interval is [−2.2, 2.2]: stretch by 4.4, then move",
                    "0.0 to 4.4"),
            Mistake("the interval is [−2.2, 2.2]: stretch by 4.4", "-2.2 to 0.0"),
            Mistake("the interval is [−2.2, 2.2]: move by −2.2", "0.0 to 2.2"),
            Mistake("x is uniform, not Gaussian: rand, not randn", "no end"),
        ],
    )
    yield Case(
        "the labels of 4,000 points in eight dimensions",
        lambda: _rule(*answer(4000, 8, _generator(3)), 8),
        "those of def-pg-task",
        [*RULES, OTHER],
    )
    yield Case(
        "the labels of 4,000 points in three dimensions",
        lambda: _rule(*answer(4000, 3, _generator(4)), 3),
        "those of def-pg-task",
        [Mistake("the threshold is fixed: it is 2.5 times input_dim", "other"),
         *RULES],
    )
    yield Case(
        "the classes of 1000 points, seed 73",
        lambda: _counts(answer(1000, 8, _generator(73))[1]),
        "139, 327, 331 and 203",
        [Mistake("the rule is right, but x is not one call of torch.rand(n, "
                 "input_dim, generator=generator), stretched by 4.4",
                 "others")],
    )


RULES = [
    Mistake("the threshold 5 is that of two dimensions: 2.5 times input_dim",
            "threshold 5"),
    Mistake("the threshold lacks the factor input_dim", "threshold 2.5"),
    Mistake("the squared distance is compared with 2.5 d: a sum over the "
            "coordinates, no square root and no mean", "root"),
    Mistake("the distance is squared before it is compared: no square root of "
            "the sum, and no square of 2.5 d", "square"),
    Mistake("1 and 2 have changed places: 1 is near +1 only", "1 and 2"),
    Mistake("0 and 3 have changed places: 0 is near both", "0 and 3"),
    Mistake("near both is class 0: a point near both is called near one",
            "both as one"),
    Mistake("the distances are summed over the points, not over the "
            "coordinates: sum(-1)", raises=ERRORS),
]

OTHER = Mistake("this is no rule that we know: near is a sum of squares of at "
                "most 2.5 d; 0 is near both, 1 near +1 only, 2 near −1 only, "
                "3 neither", "other")


@checks(
    equation="def-pg-oracle",
    hints=(
        "A function defined inside a function keeps the variables around it: "
        "return the inner one.",
        "actions == y says which are right; torch.where makes rewards of it.",
        "def oracle(actions): return torch.where(actions == y, 3.0, -1.0)",
    ),
)
def make_oracle(answer):
    y = torch.tensor([0, 1, 2, 3, 3])
    actions = torch.tensor([0, 2, 2, 3, 1])
    good = torch.tensor([3.0, -1.0, 3.0, 3.0, -1.0])
    yield Case(
        "make_oracle([0, 1, 2, 3, 3])([0, 2, 2, 3, 1])",
        lambda: answer(y)(actions),
        good,
        [
            Mistake("right and wrong have changed places",
                    torch.tensor([-1.0, 3.0, -1.0, -1.0, 3.0])),
            Mistake("these are losses: rewards are wanted, +3 for right", -good),
            Mistake("this is right or wrong as 1 or 0: the rewards are +3 and −1",
                    (good > 0).float()),
            Mistake("a wrong action is paid −1, not 0", good.clamp(min=0)),
            Mistake("a right action is paid +3, not +1", good.clamp(max=1)),
            Mistake("one reward for each action is wanted, not their mean",
                    good.mean()),
            Mistake("one reward for each action is wanted, not their sum",
                    good.sum()),
            Mistake("make_oracle returns a function of the actions",
                    raises=ERRORS),
        ],
    )
    yield Case(
        "the type of the rewards",
        lambda: str(answer(y)(actions).dtype),
        "torch.float32",
        [Mistake("rewards are in single precision, not whole numbers",
                 "torch.int64"),
         Mistake("rewards are in single precision, not double",
                 "torch.float64")],
    )
    yield Case(
        "two oracles, the first one asked after the second was made",
        lambda: _two_oracles(answer, y, actions),
        (good, torch.tensor([-1.0, -1.0, 3.0, -1.0, 3.0])),
        [Mistake("the first oracle answers by the second's labels: keep y "
                 "inside, not in a global", (
                     torch.tensor([-1.0, -1.0, 3.0, -1.0, 3.0]),) * 2),
         Mistake("the second oracle answers by the first's labels: keep y "
                 "inside, not in a global", (good,) * 2)],
    )
    square = torch.tensor([[0, 1], [2, 3]])
    yield Case(
        "make_oracle(y)(y) with y of shape (2, 2)",
        lambda: answer(square)(square),
        torch.full((2, 2), 3.0),
        [Mistake("actions may have any shape, that of y", raises=ERRORS),
         Mistake("the rewards are to have the shape of y",
                 torch.full((4,), 3.0))],
    )


def _generator(seed):
    return torch.Generator().manual_seed(seed)


def _gradient(function, at):
    at = at.clone().requires_grad_()
    return torch.autograd.grad(function(at), at)[0]


def _kinds(x, y):
    return (f"x {tuple(x.shape)} {x.dtype}, y {tuple(y.shape)} {y.dtype}")


def _repeats(answer):
    first, again, other = (answer(20, 4, _generator(s))[0] for s in (5, 5, 6))
    if not torch.equal(first, again):
        return "not equal"
    if torch.equal(first, other):
        return "the same from every seed"
    return "equal, and others from another seed"


def _counts(y):
    counts = torch.bincount(y, minlength=4).tolist()
    return ("139, 327, 331 and 203" if counts == [139, 327, 331, 203]
            else "others")


def _range(x):
    if x.abs().max() > 4.5:
        return "no end"
    return f"{x.min().item() + 0.0:.1f} to {x.max().item():.1f}".replace(
        "-0.0", "0.0")


def _rule(x, y, d):
    """Return by which of the known rules the labels were made."""
    x = x.double()
    squares = [(x - c).square().sum(-1) for c in (1, -1)]

    def labels(limit, codes=(0, 1, 2, 3), change=lambda t: t):
        plus, minus = (change(s) <= limit for s in squares)
        both, one, two, none = codes
        return torch.where(plus, torch.where(minus, both, one),
                           torch.where(minus, two, none))

    rules = {
        "those of def-pg-task": labels(2.5 * d),
        "threshold 5": labels(5),
        "threshold 2.5": labels(2.5),
        "root": labels(2.5 * d, change=torch.sqrt),
        "square": labels(2.5 * d, change=torch.square),
        "1 and 2": labels(2.5 * d, (0, 2, 1, 3)),
        "0 and 3": labels(2.5 * d, (3, 1, 2, 0)),
        "both as one": labels(2.5 * d, (1, 1, 2, 3)),
    }
    for name, wanted in rules.items():
        # a point may lie on a boundary in one precision and not in another
        if (wanted != y).sum() <= 2:
            return name
    return "other"


def _two_oracles(answer, y, actions):
    first, second = answer(y), answer(torch.tensor([3, 0, 2, 1, 1]))
    return first(actions), second(actions)
