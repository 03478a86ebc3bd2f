"""Exercises: blank ones use the reference solution, filled ones are checked."""

import inspect
from importlib import import_module, util
from types import CodeType, FunctionType

from helpers.errors import CourseError
from helpers.exercises.checks import find, run_checks
from helpers.run import current


def exercise(answer):
    """Decorate the function or class of an exercise.

    While its code still calls `todo()`, the name is bound to the reference
    solution itself; once filled, it is checked and used. Raises WrongAnswer
    with one short message when a check contradicts it.

    >>> from helpers import exercise, start, todo
    >>> run = start("gan", profile="quick", seed=0)
    >>> @exercise
    ... def jensen_shannon(p, q):
    ...     todo()  # your code here
    ○ jensen_shannon: not attempted yet, using the reference solution
    """
    chapter, name = current().chapter, answer.__name__
    known = find(chapter, name)
    if _is_blank(answer):
        reference = getattr(_reference_module(chapter, name), name)
        print(f"○ {name}: not attempted yet, using the reference solution")
        return reference
    passed = run_checks(known, answer)
    print(f"✓ {name}: {passed} checks")
    return answer


def todo():
    """Mark the place of the reader's code; raises CourseError when it is run."""
    raise CourseError(
        "this exercise is still blank: put your code in place of todo()"
    )


def hint(name):
    """Print the next hint for an exercise; after the last, how to see the solution.

    `name` is the exercise's name, or its function or class. Raises CourseError
    for an exercise that the chapter does not have.

    >>> from helpers import hint, start
    >>> run = start("gan", profile="quick", seed=0)
    >>> hint("jensen_shannon")  # doctest: +ELLIPSIS
    Hint 1 of ...
    """
    name = getattr(name, "__name__", name)
    run = current()
    hints = find(run.chapter, name).hints
    given = run.hints[name] = min(run.hints.get(name, 0) + 1, len(hints) + 1)
    if given <= len(hints):
        print(f"Hint {given} of {len(hints)}: {hints[given - 1]}")
    else:
        print(f"There are no more hints. The solution: "
              f"import inspect; print(inspect.getsource("
              f"solution(\"{run.chapter}\").{name}))")


def solution(chapter):
    """Return the module of a chapter's solved functions and classes.

    Raises CourseError when this copy of the course does not have it.

    >>> from helpers import solution
    >>> solution("gan").jensen_shannon.__name__
    'jensen_shannon'
    """
    module = f"solutions.{chapter}"
    if not (util.find_spec("solutions") and util.find_spec(module)):
        raise CourseError(
            f"this copy of the course comes without solutions for {chapter!r}"
        )
    return import_module(module)


def _reference_module(chapter, name):
    try:
        return solution(chapter)
    except CourseError as error:
        raise CourseError(
            f"{name} is still blank, and {error}. Write it in the cell above "
            "and run the notebook on from there"
        ) from None


def _is_blank(answer):
    """Tell whether any code of a function or class calls `todo`."""
    return any(
        "todo" in code.co_names
        for function in _functions(answer)
        for code in _all_code(function.__code__)
    )


def _functions(answer):
    """Return the functions that a decorated function or a class consists of."""
    answer = inspect.unwrap(answer)
    if isinstance(answer, FunctionType):
        return [answer]
    if not isinstance(answer, type):
        return []
    members = [getattr(m, "__func__", getattr(m, "fget", getattr(m, "func", m)))
               for m in vars(answer).values()]
    return [function for m in members for function in _functions(m)]


def _all_code(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _all_code(constant)
