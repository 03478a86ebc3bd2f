"""A blank exercise uses the solution, a right one is used, a wrong one says why."""

import random
import sys
from importlib.util import module_from_spec, spec_from_file_location

import numpy as np
import pytest
import torch

from helpers import CourseError, exercise, hint, solution, start, todo
from helpers.exercises.checks import Case, Exercise, Mistake, WrongAnswer, run_checks
from tests.conftest import FIXTURES

LABELS = {"def-square": "7.1", "tiny-sum": "7.2", "def-x": "7.1"}


def module(name, path, monkeypatch):
    """Load a file as a module of this name."""
    spec = spec_from_file_location(name, path)
    found = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, found)
    spec.loader.exec_module(found)
    return found


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """A run of the tiny chapter, whose exercise is to square a number."""
    monkeypatch.setattr("helpers.equations.labels", lambda: LABELS)
    module("helpers.exercises.tiny", FIXTURES / "tiny_exercises.py", monkeypatch)
    solved = tmp_path / "tiny.py"
    solved.write_text("def square(x):\n    return x * x\n")
    module("solutions.tiny", solved, monkeypatch)
    return start("tiny", profile="quick", seed=0)


def blank():
    @exercise
    def square(x):
        todo()  # your code here

    return square


def test_a_blank_exercise_is_the_reference_itself(tiny, capsys):
    assert blank() is solution("tiny").square
    assert capsys.readouterr().out == (
        "○ square: not attempted yet, using the reference solution\n")


def test_a_right_answer_is_used_and_counted(tiny, capsys):
    @exercise
    def square(x):
        return x ** 2

    assert square is not solution("tiny").square and square(5) == 25
    assert capsys.readouterr().out == "✓ square: 2 checks\n"


def test_a_wrong_answer_stops_with_one_short_message(tiny):
    with pytest.raises(WrongAnswer) as stop:
        @exercise
        def square(x):
            return x + x

    assert str(stop.value).splitlines() == [
        "square is not right yet",
        "  called    square(-3.0)",
        "  expected  9",
        "  got       -6",
        "  likely    this doubles x",
        "  see       equation (7.1), and hint(\"square\")",
    ]
    assert stop.value._render_traceback_() == [f"WrongAnswer: {stop.value}"]


def test_an_answer_that_raises_is_diagnosed_by_its_error(tiny):
    with pytest.raises(WrongAnswer, match="(?s)got       TypeError: .*"
                       "likely    x must not be changed to text"):
        @exercise
        def square(x):
            return str(x) ** 2


def test_without_solutions_a_blank_stops_and_the_rest_works(tiny, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "solutions", None)
    with pytest.raises(CourseError, match="square is still blank, and this copy of the "
                       "course comes without solutions for 'tiny'. Write it"):
        blank()

    @exercise
    def square(x):
        return x * x

    assert "✓ square" in capsys.readouterr().out


def test_hints_are_graded_and_end_at_the_solution(tiny, capsys):
    hint("square"), hint(blank()), hint("square")
    first, _, second, third = capsys.readouterr().out.splitlines()
    assert first == "Hint 1 of 2: What is a square?"
    assert second == "Hint 2 of 2: Multiply x by itself."
    assert 'solution("tiny").square' in third


def cube(x):
    todo()


@pytest.mark.parametrize("call, says", [
    (lambda: exercise(cube), "the chapter tiny has no exercise 'cube'"),
    (lambda: hint("cube"), "it has square"),
    (lambda: solution("nothing"), "without solutions for 'nothing'"),
    (todo, "still blank"),
])
def test_a_slip_of_a_name_gets_a_clear_message(tiny, call, says):
    with pytest.raises(CourseError, match=says):
        call()


def test_an_exercise_before_start_says_to_start(tiny, monkeypatch):
    monkeypatch.setattr("helpers.run._current", None)
    with pytest.raises(CourseError, match="run the cell with start.* first"):
        blank()


def test_checks_leave_the_random_states_as_they_were():
    def draws(answer):
        yield Case("f()", answer, 0.0)

    def answer():
        random.random(), np.random.rand(), torch.rand(1)
        return 0.0

    def state():
        return random.random(), np.random.rand(), torch.rand(1).item()

    start("tiny", profile="quick", seed=3)
    before = state()
    start("tiny", profile="quick", seed=3)
    assert run_checks(Exercise("f", draws, "def-square", ()), answer) == 1
    assert state() == before


@pytest.mark.parametrize("got, says", [
    (None, "is there a return"),
    (torch.zeros(3), r"the shape is \(3,\), and \(2,\) is wanted"),
    ("two", "a number or a tensor is wanted, not str"),
    (torch.tensor([1.0, 2.5]), "1, 2.5"),
    (torch.tensor([1.0, torch.nan]), "nan"),
])
def test_what_came_is_described(got, says, monkeypatch):
    monkeypatch.setattr("helpers.equations.labels", lambda: LABELS)

    def cases(answer):
        yield Case("f()", answer, torch.tensor([1.0, 2.0]),
                   [Mistake("not this one", torch.tensor([5.0, 5.0]))])

    with pytest.raises(WrongAnswer, match=says):
        run_checks(Exercise("f", cases, "def-x", ()), lambda: got)


def test_a_class_with_one_blank_method_is_blank():
    from helpers.exercises import _is_blank

    class Half:
        def forward(self, x):
            return x

        @staticmethod
        def backward(x):
            return [todo() for _ in x]

    class Whole(Half):
        def backward(self, x):
            return x

    class Outer:
        class Inner:
            @property
            def size(self):
                return todo()

    @torch.no_grad()
    def wrapped():
        todo()

    assert _is_blank(Half) and not _is_blank(Whole)
    assert _is_blank(Outer) and _is_blank(wrapped)


def test_start_refuses_what_it_does_not_know():
    with pytest.raises(CourseError, match="the profiles of this chapter are quick and"):
        start("tiny", profile="fast", seed=0)
    with pytest.raises(CourseError, match="seed must be a whole number"):
        start("tiny", profile="quick", seed="one")
    run = start("tiny", profile="overnight", seed=0, extra_profile="overnight")
    assert run.pick(quick=1, full=2, overnight=3) == 3
    with pytest.raises(CourseError, match="overnight is missing"):
        run.pick(quick=1, full=2)
