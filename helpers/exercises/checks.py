"""How the checks of an exercise are written; one module a chapter.

The module helpers.exercises.NAME holds one function for each exercise of the
chapter NAME, marked with `@checks(...)`. The function takes the reader's answer
and yields Cases; each case names the mistakes that people really make and what
they would give, so that a wrong answer is told which one it is.
"""

import random
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module, util

import numpy as np
import torch

from helpers.equations import number
from helpers.errors import CourseError
from helpers.values import as_array, text_of


@dataclass
class Mistake:
    """A likely mistake: what to say, and the value or error that it leads to."""

    says: str
    gives: object = None
    raises: type | tuple | None = None


@dataclass
class Case:
    """One check: a call, the value that it must give, and likely mistakes.

    `shown` is the call as the reader sees it, `run` makes it. Values may be
    numbers, tensors, texts, or tuples of such, and agree within the tolerances
    `rtol`, relative, and `atol`, absolute.
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
    """A filled exercise that a check contradicts.

    `called`, `expected` and `got` are texts, and so is `likely`, the diagnosis,
    unless there is none.
    """

    def __init__(self, exercise, case, got, likely):
        self.called, self.expected = case.shown, text_of(case.expected)
        self.got, self.likely = got, likely
        lines = [f"{exercise.name} is not right yet"]
        lines += [f"  {word:<8}  {text}" for word, text in (
            ("called", self.called), ("expected", self.expected), ("got", self.got),
            ("likely", self.likely)) if text is not None]
        lines.append(f"  see       equation ({number(exercise.equation)}), "
                     f"and hint(\"{exercise.name}\")")
        super().__init__("\n".join(lines))


def checks(*, equation, hints):
    """Mark a function as the checks of the exercise of the same name.

    `equation` is the label that the exercise implements, `hints` go from the
    first idea to nearly the solution.
    """
    def mark(cases):
        cases.exercise = Exercise(cases.__name__, cases, equation, tuple(hints))
        return cases

    return mark


def find(chapter, name):
    """Return the Exercise `name` of a chapter. Raises CourseError without one."""
    exercises = of_chapter(chapter)
    if name not in exercises:
        raise CourseError(
            f"the chapter {chapter} has no exercise {name!r}; it has "
            f"{', '.join(exercises) or 'none'}. Was the name changed?"
        )
    return exercises[name]


def of_chapter(chapter):
    """Return the exercises of a chapter by name, in the order written.

    Raises CourseError for a chapter without a module of checks.
    """
    module = f"helpers.exercises.{chapter}"
    if util.find_spec(module) is None:
        raise CourseError(f"there are no checks for a chapter {chapter!r}")
    return {
        name: value.exercise
        for name, value in vars(import_module(module)).items()
        if hasattr(value, "exercise")
    }


def run_checks(exercise, answer):
    """Run every check of an exercise; return how many passed.

    Raises WrongAnswer at the first that does not. The random states are
    restored, so that an answer that draws numbers leaves the run as it was.
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
    """Tell whether two values agree within the tolerances.

    Shapes and lengths must be equal, too; nan agrees with nan.
    """
    if isinstance(expected, (tuple, list)):
        return (
            isinstance(got, (tuple, list))
            and len(got) == len(expected)
            and all(agree(g, e, rtol, atol) for g, e in zip(got, expected, strict=True))
        )
    if isinstance(expected, str) or expected is None:
        return type(got) is type(expected) and got == expected
    try:
        got, expected = as_array(got), as_array(expected)
    except TypeError:
        return False
    return got.shape == expected.shape and bool(np.isclose(
        got, expected, rtol=rtol, atol=atol, equal_nan=True
    ).all())


def _check(exercise, case):
    try:
        got = case.run()
    except Exception as error:
        likely = next((m.says for m in case.mistakes
                       if m.raises and isinstance(error, m.raises)), None)
        raise WrongAnswer(
            exercise, case, f"{type(error).__name__}: {error}", likely
        ) from error
    if agree(got, case.expected, case.rtol, case.atol):
        return
    likely = next((m.says for m in case.mistakes if m.gives is not None
                   and agree(got, m.gives, case.rtol, case.atol)), None)
    raise WrongAnswer(
        exercise, case, text_of(got), likely or _general(got, case.expected)
    )


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
        have, want = as_array(got).shape, as_array(expected).shape
    except TypeError:
        return f"a number or a tensor is wanted, not {type(got).__name__}"
    if have != want:
        return f"the shape is {have}, and {want} is wanted"
    return None
