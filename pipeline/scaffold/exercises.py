"""Checks of the exercises of the chapter NAME."""

import torch

from helpers.exercises.checks import Case, Mistake, checks

ERRORS = (TypeError, ValueError, RuntimeError)


@checks(
    equation="LABEL-error",
    hints=(
        "What is the variance of one toss, and what becomes of it when N "
        "independent tosses are averaged?",
        "A standard error has the unit of the share: it is a root.",
        "torch.sqrt(theta * (1 - theta) / n)",
    ),
)
def standard_error(answer):
    theta, n = torch.tensor([0.1, 0.5, 0.7]), 50
    toss = theta * (1 - theta)
    yield Case(
        "standard_error([0.1, 0.5, 0.7], 50)",
        lambda: answer(theta.clone(), n),
        (toss / n).sqrt(),
        [
            Mistake("this is the variance: a standard error is its root", toss / n),
            Mistake("n is outside the root: the error falls with the root of n",
                    toss.sqrt() / n),
            Mistake("this is the deviation of one toss: n is missing", toss.sqrt()),
            Mistake("this is the deviation of the sum of n tosses; divide by n",
                    (toss * n).sqrt()),
            Mistake("the factor 1 − θ is missing: this is the mean, not the "
                    "variance", (theta / n).sqrt()),
            Mistake("n − 1 belongs to a variance estimated from data; here it is "
                    "known", (toss / (n - 1)).sqrt()),
            Mistake("theta may be a tensor: use torch's functions",
                    raises=ERRORS),
        ],
    )
    yield Case(
        "standard_error([0, 1], 10)",
        lambda: answer(torch.tensor([0.0, 1.0]), 10),
        torch.zeros(2),
        [Mistake("where a toss is certain, so is the share")],
    )
    square = torch.tensor([[0.2, 0.4], [0.6, 0.8]]).double()
    yield Case(
        "standard_error of a tensor (2, 2) in double precision, one toss",
        lambda: answer(square.clone(), 1),
        (square * (1 - square)).sqrt(),
        [Mistake("any shape and precision of theta is to do", raises=ERRORS)],
        rtol=1e-9,
    )
