"""A check of an equation says what it checked, and can fail."""

import math

import numpy as np
import pytest
import sympy
import torch

from helpers import equations, verify
from helpers.equations import EquationError
from helpers.errors import CourseError


@pytest.fixture(autouse=True)
def label(session, monkeypatch):
    monkeypatch.setattr(equations, "labels", lambda: {"a-claim": "2.1"})


def test_a_true_equation_prints_its_number_and_label(capsys):
    verify("a-claim", math.log(4), 2 * math.log(2), by="arithmetic")
    assert capsys.readouterr().out.startswith("✓ (2.1) a-claim, by arithmetic")


@pytest.mark.parametrize("got, expected", [
    (torch.tensor([1.0, 2.0]), [1.0, 2.0]),
    (np.inf, math.inf),
    ((1.0, torch.tensor(2.0)), np.array([1, 2])),
    (sympy.sin(sympy.Symbol("x")) ** 2, 1 - sympy.cos(sympy.Symbol("x")) ** 2),
    (torch.ones(3, 2), 1.0),
    (math.comb(4, 2), 6),
    (sympy.sqrt(2), math.sqrt(2)),
    (sympy.Matrix([sympy.Symbol("x") * 2]), sympy.Matrix([sympy.Symbol("x")]) * 2),
])
def test_numbers_arrays_tensors_and_symbols_agree(got, expected):
    verify("a-claim", got, expected, by="hand")


@pytest.mark.parametrize("got, expected, options", [
    (1.0, 1.0 + 1e-6, {}),
    (1.0, -1.0, {}),
    (math.inf, -math.inf, {}),
    (math.inf, 1e300, {}),
    (1.0, math.inf, {}),
    (math.nan, math.nan, {}),
    ([1.0, 2.0], [1.0, 2.1], {}),
    ([1.0, 2.0], [1.0, 2.0, 3.0], {}),
    ([], [], {}),
    (-1e-3, 0.0, {"relation": ">="}),
    ([0.5, 1.1], 1.0, {"relation": "<="}),
    (1.0, 1.6, {"se": 0.1}),
    (1.0, 2.0, {"se": math.inf}),
    (1.0, 2.0, {"rtol": math.inf}),
    (torch.zeros(3, 1), torch.zeros(3), {}),
    (sympy.Integer(2), sympy.Integer(3), {}),
    (sympy.Matrix([sympy.Symbol("x")]), sympy.Matrix([1]), {}),
    (sympy.Symbol("x"), sympy.Symbol("x") + 1, {}),
])
def test_a_false_equation_raises_with_its_number(got, expected, options):
    with pytest.raises(EquationError, match=r"\(2\.1\) a-claim"):
        verify("a-claim", got, expected, by="hand", **options)


def test_inequalities_and_standard_errors_hold_where_they_should(capsys):
    verify("a-claim", [0.0, 3.0], 0.0, relation=">=", by="sampling")
    verify("a-claim", 1.0, 1.4, se=0.1, by="sampling")
    verify("a-claim", torch.zeros(10_000), torch.zeros(()), se=0.1, by="sampling")
    verify("a-claim", sympy.Integer(3), sympy.Integer(2), relation=">=", by="counting")
    _, one, many, _ = capsys.readouterr().out.splitlines()
    assert one.endswith("false alarm 6e-07") and many.endswith("false alarm 0.006")


def test_one_object_on_both_sides_is_no_check():
    value = torch.ones(2)
    with pytest.raises(EquationError, match="one object"):
        verify("a-claim", value, value, by="nothing")


def test_an_unknown_label_and_relation_are_named():
    with pytest.raises(EquationError, match="did you mean a-claim"):
        verify("a-clam", 1.0, 1, by="hand")
    with pytest.raises(CourseError, match="relation"):
        verify("a-claim", 1.0, 1, relation="<", by="hand")
    with pytest.raises(CourseError, match="which independent method"):
        verify("a-claim", 1.0, 1, by="")
    with pytest.raises(CourseError, match="real numbers"):
        verify("a-claim", 1 + 2j, 1 + 5j, by="hand")
