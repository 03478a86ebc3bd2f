"""Check a labelled equation of the book by machine."""

import json
import math
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

import numpy as np

from helpers.errors import CourseError
from helpers.run import current
from helpers.scraps import write_verification
from helpers.values import as_array, text_of

# A two-sided test at 5 standard errors fails a true claim this often.
SIGMAS = 5
DIGITS = 9  # shown of a side, to see a difference as small as verify forbids
FALSE_ALARM = math.erfc(SIGMAS / math.sqrt(2))


class EquationError(CourseError):
    """A labelled equation that its check contradicts."""


def verify(label, got, expected, *, rtol=1e-9, atol=1e-12, se=None,
           relation="==", by):
    """Check that the two sides of the equation `label` agree; print ✓ if so.

    `got` and `expected` are numbers, arrays, tensors or sympy expressions
    that were computed independently, and `by` names the method of the second
    one. One side may lack the other's first axes, or be a single number.
    They must agree within atol + rtol · |expected| or, with `se`, the standard
    error of `got`, within 5 of it, a check that fails a true claim once in 1.7
    million runs. `relation` is "==", "<=" or ">=" and holds for each element.
    Raises EquationError where the equation does not hold or the label is not
    in the book.

    >>> from helpers import start, verify
    >>> run = start("likelihood", profile="quick", seed=0)
    >>> p = np.array([0.1, 0.4])  # two equally likely estimates
    >>> verify("li-jensen", np.log(p).mean(), np.log(p.mean()), relation="<=",
    ...        by="enumeration")  # doctest: +ELLIPSIS
    ✓ (1...) li-jensen, by enumeration
    """
    where = f"({number(label)}) {label}"
    if got is expected and (isinstance(got, list) or hasattr(got, "shape")):
        raise EquationError(f"{where}: both sides are one object, no check")
    if relation not in ("==", "<=", ">="):
        raise CourseError(f"relation is ==, <= or >=, not {relation!r}")
    if not by:
        raise CourseError(f"{where}: say by= which independent method was used")
    if _has_symbols(got) or _has_symbols(expected):
        if relation != "==":
            raise CourseError(f"{where}: symbols can be compared by == only")
        residual, allowed, size = _symbolic_residual(got, expected), 0.0, 1
    else:
        residual, allowed, size = _numeric_residual(
            where, got, expected, rtol, atol, se, relation
        )
    if not residual <= allowed:
        raise EquationError(
            f"{where} does not hold, by {by}\n"
            f"  got       {_shown(got)}\n"
            f"  expected  {'' if relation == '==' else relation + ' '}"
            f"{_shown(expected)}\n"
            f"  differs   by {residual:.3g}, allowed {allowed:.3g}"
        )
    chance = ""
    if se is not None:
        sides = size if relation == "==" else size / 2
        chance = f", false alarm {sides * FALSE_ALARM:.1g}"
    print(f"✓ {where}, by {by}{chance}")
    checks = current().checks
    checks[label] = checks.get(label, 0) + 1
    write_verification(label, checks[label], {
        "residual": float(residual), "allowed": float(allowed), "by": by})


def number(label):
    """Return the number that the book gives to a label, as "2.5"."""
    table = labels()
    if label not in table:
        near = get_close_matches(label, table, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise EquationError(f"the book has no equation {label!r}{hint}")
    return table[label]


@cache
def labels():
    """Return every equation's label with its number in the book."""
    return json.loads(files("helpers").joinpath("labels.json").read_text())


def _numeric_residual(where, got, expected, rtol, atol, se, relation):
    """Return the worst element's gap, what it may be, and the element count."""
    try:
        got, expected = as_array(got), as_array(expected)
    except TypeError as error:
        raise CourseError(f"{where}: verify() compares real numbers, and {error}. "
                          "Of complex numbers, compare .real and .imag") from None
    few, many = sorted((got.shape, expected.shape), key=len)
    if few != many[len(many) - len(few):] and got.size != 1 and expected.size != 1:
        raise EquationError(
            f"{where}: shapes {got.shape} and {expected.shape} do not agree"
        )
    got, expected = np.broadcast_arrays(got, expected)
    if got.size == 0 or np.isnan(got).any() or np.isnan(expected).any():
        raise EquationError(f"{where}: a side is empty or not a number")
    with np.errstate(invalid="ignore"):
        gap = np.where(got == expected, 0.0, got - expected)
    gap = {"==": np.abs(gap), "<=": gap, ">=": -gap}[relation]
    if se is not None:
        allowed = SIGMAS * as_array(se)
    else:
        finite = np.where(np.isfinite(expected), expected, 0.0)
        allowed = atol + rtol * np.abs(finite)
    if not (np.isfinite(allowed).all() and (allowed >= 0).all()):
        raise EquationError(f"{where}: a tolerance that is no number allows anything")
    allowed = np.broadcast_to(allowed, gap.shape)
    worst = np.argmax(gap - allowed)
    return max(0.0, gap.flat[worst]), allowed.flat[worst], gap.size


def _symbolic_residual(got, expected):
    import sympy

    gap = sympy.simplify(sympy.sympify(got) - sympy.sympify(expected))
    zero = gap.is_zero_matrix if hasattr(gap, "shape") else gap == 0
    return 0.0 if zero else math.inf


def _has_symbols(value):
    """Tell whether a side is a sympy expression that is not just a number."""
    return bool(getattr(value, "free_symbols", ()))


def _shown(value):
    return str(value) if _has_symbols(value) else text_of(value, DIGITS)
