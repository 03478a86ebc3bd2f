"""Every wrong answer of tests/mutants is told its own mistake, every right one passes.

The first wrong one of each exercise is tried in tests/fast.
"""

import pytest

from helpers.exercises.checks import find, run_checks
from tests.fast.test_mutants import cases, refuse, run  # noqa: F401


@pytest.mark.parametrize("chapter, exercise, wrong", cases("WRONG", first=1))
def test_a_wrong_answer_is_caught_with_its_own_diagnosis(chapter, exercise, wrong):
    refuse(chapter, exercise, wrong)


@pytest.mark.parametrize("chapter, exercise, right", cases("RIGHT"))
def test_another_right_way_is_accepted(chapter, exercise, right):
    assert run_checks(find(chapter, exercise), right) >= 3
