"""How the checks of an exercise are written; one module a chapter.

A module of this package holds one function per exercise, marked with
`@checks(...)`. The function takes the reader's answer and yields Cases; each
case names the mistakes that people really make and what they would give, so
that a wrong answer can be told which one it is.
"""

import random
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module, util

import numpy as np
import torch

from helpers.errors import CourseError

SHOWN_DIGITS = 6


@dataclass
class Mistake:
    """A likely mistake: what to say, and the value or error that betrays it."""

    says: str
    gives: object = None
    raises: type | tuple | None = None


@dataclass
class Case:
    """One check: a call, the value that it must give, and likely mistakes.

    `shown` is the call as the reader sees it, `run` makes it. Values may be
    numbers, tensors, texts, or tuples of such, and agree within `rtol` and
    `atol`.
    """

    shown: str
    run: object
    expected: object
    mistakes: list = field(default_factory=list)
    rtol: float = 1e-5
    atol: float = 1e-7


@dataclass
class Exercise:
    """What the course knows of one exercise."""

    name: str
    cases: object
    equation: str
    hints: tuple


class WrongAnswer(CourseError):
    """A filled exercise that a check contradicts."""


def checks(*, equation, hints):
    """Mark a function as the checks of the exercise of the same name.

    `equation` is the label that the exercise implements, `hints` go from the
    first nudge to all but the solution.
    """
    def mark(cases):
        cases.exercise = Exercise(cases.__name__, cases, equation, tuple(hints))
        return cases

    return mark


def find(chapter, name):
    """Return the Exercise `name` of a chapter."""
    exercises = of_chapter(chapter)
    if name not in exercises:
        raise CourseError(
            f"the chapter {chapter} has no exercise {name!r}; it has "
            f"{', '.join(exercises) or 'none'}. Was the name changed?"
        )
    return exercises[name]


def of_chapter(chapter):
    """Return the exercises of a chapter by name, in the order written."""
    module = f"helpers.checks.{chapter}"
    if util.find_spec(module) is None:
        raise CourseError(f"there are no checks for a chapter {chapter!r}")
    return {
        name: value.exercise
        for name, value in vars(import_module(module)).items()
        if hasattr(value, "exercise")
    }


def run_checks(exercise, answer):
    """Run every check of an exercise; return how many passed.

    Raises WrongAnswer at the first that does not. The random states are put
    back, so that an answer that draws numbers leaves the run as it was.
    """
    passed = 0
    with forked_random_states():
        for case in exercise.cases(answer):
            _check(exercise, case)
            passed += 1
    return passed


@contextmanager
def forked_random_states():
    """Restore the states of random, numpy and torch on leaving."""
    python, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy_state)


def agree(got, expected, rtol, atol):
    """Tell whether two values agree; shapes and lengths must, too."""
    if isinstance(expected, (tuple, list)):
        return (
            isinstance(got, (tuple, list))
            and len(got) == len(expected)
            and all(agree(g, e, rtol, atol) for g, e in zip(got, expected, strict=True))
        )
    if isinstance(expected, str) or expected is None:
        return type(got) is type(expected) and got == expected
    try:
        got, expected = _tensor(got), _tensor(expected)
    except (TypeError, ValueError, RuntimeError):
        return False
    return got.shape == expected.shape and torch.allclose(
        got, expected, rtol=rtol, atol=atol, equal_nan=True
    )


def _check(exercise, case):
    try:
        got = case.run()
    except Exception as error:
        likely = next((m.says for m in case.mistakes
                       if m.raises and isinstance(error, m.raises)), None)
        raise WrongAnswer(_message(
            exercise, case, f"{type(error).__name__}: {error}", likely
        )) from error
    if agree(got, case.expected, case.rtol, case.atol):
        return
    likely = next((m.says for m in case.mistakes if m.gives is not None
                   and agree(got, m.gives, case.rtol, case.atol)), None)
    raise WrongAnswer(_message(
        exercise, case, written(got), likely or _general(got, case.expected)
    ))


def _general(got, expected):
    """Diagnose from the kind of value alone."""
    if got is None:
        return "the function returns nothing; is there a return?"
    if isinstance(expected, (tuple, list)):
        if not isinstance(got, (tuple, list)) or len(got) != len(expected):
            return f"{len(expected)} values are to be returned, as in `return a, b`"
        return None
    if isinstance(expected, str):
        return None
    try:
        have, want = tuple(_tensor(got).shape), tuple(_tensor(expected).shape)
    except (TypeError, ValueError, RuntimeError):
        return f"a number or a tensor is wanted, not {type(got).__name__}"
    if have != want:
        return f"the shape is {have}, and {want} is wanted"
    return None


def _message(exercise, case, got, likely):
    from helpers.equations import number

    lines = [
        f"{exercise.name} is not right yet",
        f"  called    {case.shown}",
        f"  expected  {written(case.expected)}",
        f"  got       {got}",
    ]
    if likely:
        lines.append(f"  likely    {likely}")
    lines.append(f"  see       equation ({number(exercise.equation)}), "
                 f"and hint(\"{exercise.name}\")")
    return "\n".join(lines)


def written(value):
    """Write a value as a message shows it."""
    if isinstance(value, (tuple, list)):
        return "(" + ", ".join(written(element) for element in value) + ")"
    if isinstance(value, (str, bool, int)) or value is None:
        return repr(value)
    try:
        tensor = _tensor(value)
    except (TypeError, ValueError, RuntimeError):
        return repr(value)
    if tensor.ndim == 0:
        return f"{tensor.item():.{SHOWN_DIGITS}g}"
    numbers = ", ".join(f"{x:.{SHOWN_DIGITS}g}"
                        for x in tensor.flatten()[:6].tolist())
    more = ", …" if tensor.numel() > 6 else ""
    return f"[{numbers}{more}] of shape {tuple(tensor.shape)}"


def _tensor(value):
    """Return a value as a float64 tensor, which Python's floats are already."""
    if value is None or getattr(value, "is_complex", bool)():
        raise TypeError("no real number")
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().double()
    if isinstance(value, (list, tuple)):
        return torch.stack([_tensor(element) for element in value])
    return torch.as_tensor(np.asarray(value, dtype=np.float64))
