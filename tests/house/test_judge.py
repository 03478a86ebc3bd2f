"""Judging from outside, by plain values alone, agrees with the checks themselves."""

import json

import pytest

from helpers import start
from pipeline.classroom.judge import Judge
from pipeline.classroom.sandbox.guest import given
from tests.conftest import BOOK
from tests.fast.test_mutants import EXERCISES, MUTANTS

MEGABYTES = 400


@pytest.mark.parametrize("name, exercise", EXERCISES)
def test_judging_from_outside_agrees_with_the_checks(name, exercise):
    start(name, profile="quick", seed=0)
    judge = Judge(BOOK.chapter(name), [exercise])

    def verdict(answer):
        values = [*given(judge.exercises[exercise], answer), "done"]
        reply = {"lines": list(map(json.dumps, values)), "ended": None}
        return judge.verdict(exercise, reply, None, MEGABYTES)

    wrong, fragment = next(iter(MUTANTS[name].WRONG[exercise].values()))
    assert verdict(wrong).startswith("failed") and fragment in verdict(wrong)
    assert verdict(next(iter(MUTANTS[name].RIGHT[exercise].values()))) == "passed"
