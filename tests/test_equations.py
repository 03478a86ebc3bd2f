"""Every labelled claim is checked, and a check can fail."""

import math

import numpy as np
import pytest
import sympy
import torch
from pipeline.chapters import load_all

from helpers import equations, verify
from helpers.equations import EquationError
from helpers.errors import CourseError
from pipeline import executed, pages
from pipeline import labels as labelling

CHAPTERS = load_all()


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


def test_the_gate_refuses_an_unverified_claim(house):
    house.edit(house.source, 'verify("tiny-sum", square(a + b), '
               'a * a + 2 * a * b + b * b, by="arithmetic")\n', "")
    done = house.pipeline("derive", check=False)
    assert done.returncode == 1
    assert "nothing verifies the claim tiny-sum, equation (7.2)" in done.stderr


def test_the_gate_refuses_an_unknown_label_and_one_that_is_no_name(house):
    house.edit(house.source, 'verify("tiny-sum"', 'verify("tiny-sun"')
    assert "names no equation" in house.pipeline("derive", check=False).stderr
    house.edit(house.source, 'verify("tiny-sun"', 'verify(name')
    assert "a name in quotes" in house.pipeline("derive", check=False).stderr


def test_the_gate_refuses_a_verification_that_a_run_did_not_reach(house):
    house.edit(house.source, 'verify("tiny-sum"', 'if profile == "full":\n'
               '    verify("tiny-sum"')
    house.pipeline("derive")
    done = house.pipeline("run", check=False)
    assert done.returncode == 1 and 'did not reach verify("tiny-sum"' in done.stdout
    copies = house.root / "build" / "executed" / "quick" / "notebooks"
    assert not (copies / "tiny.ipynb").exists()


def test_the_gate_counts_every_verification_and_no_record_stands_in(house):
    house.edit(house.source, 'verify("tiny-sum"', 'if size > 99:\n'
               '    verify("tiny-sum", 1.0, 2.0, by="nothing")\n'
               'verify("tiny-sum"')
    house.pipeline("derive")
    done = house.pipeline("run", check=False)
    assert done.returncode == 1 and 'did not reach verify("tiny-sum"' in done.stdout


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: c.name)
def test_every_claim_of_the_book_was_verified_in_its_executed_copy(chapter):
    run = executed.fresh(chapter, {**chapter.defaults, "profile": "quick"})
    scraps = executed.scraps(run)
    claims = [label.name for label in labelling.collect(CHAPTERS).values()
              if label.is_claim and label.chapter == chapter.name]
    assert claims
    for name in claims:
        check = scraps[f"verify:{name}"]
        assert check["residual"] <= check["allowed"], name


def test_the_page_of_equations_lists_each_label_with_its_checks(house):
    labels = labelling.collect(CHAPTERS)
    page = pages.equations(CHAPTERS, labels)
    for label in labels.values():
        if label.kind == "equation":
            (row,) = [line for line in page.splitlines()
                      if f"| `{label.name}` |" in line]
            assert row.endswith("| a definition |") is not label.is_claim

    house.edit(house.source, ', by="', ', by="" or "')
    done = house.pipeline("derive", check=False)
    assert done.returncode == 1 and "says in quotes, after by=" in done.stderr
