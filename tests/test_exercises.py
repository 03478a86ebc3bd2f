"""A blank exercise uses the solution, a right one is used, a wrong one says why."""

import random
import shutil

import nbformat
import numpy as np
import pytest
import torch
from papermill import PapermillExecutionError, execute_notebook

from helpers import CourseError, start, todo
from helpers.exercises.checks import Case, Exercise, Mistake, WrongAnswer, run_checks

IN_TINY = """
from helpers import exercise, hint, solution, start, todo
run = start("tiny", profile="quick", seed=0)
"""
BLANK = """
@exercise
def square(x):
    todo()  # your code here
"""
RIGHT = """
@exercise
def square(x):
    return x ** 2
"""
DOUBLES = """
@exercise
def square(x):
    return x + x
"""


def test_a_blank_exercise_is_the_reference_itself(house):
    done = house.python("-c", IN_TINY + BLANK + """
print(square is solution("tiny").square)
""")
    first, second = done.stdout.splitlines()
    assert first == "○ square: not attempted yet, using the reference solution"
    assert second == "True"


def test_a_right_answer_is_used_and_counted(house):
    done = house.python("-c", IN_TINY + RIGHT + """
print(square is solution("tiny").square, square(5))
""")
    assert done.stdout.splitlines() == ["✓ square: 2 checks", "False 25"]


def test_a_wrong_answer_stops_with_one_short_message(house):
    done = house.python("-c", IN_TINY + DOUBLES, check=False)
    assert done.returncode == 1
    message = done.stderr[done.stderr.index("WrongAnswer: "):]
    assert message.splitlines() == [
        "WrongAnswer: square is not right yet",
        "  called    square(-3.0)",
        "  expected  9",
        "  got       -6",
        "  likely    this doubles x",
        "  see       equation (7.1), and hint(\"square\")",
    ]


def test_an_answer_that_raises_is_diagnosed_by_its_error(house):
    done = house.python("-c", IN_TINY + RIGHT.replace("x ** 2", "str(x) ** 2"),
                        check=False)
    assert "got       TypeError: " in done.stderr
    assert "likely    x must not be changed to text" in done.stderr


def test_without_solutions_a_blank_stops_and_the_rest_works(house):
    shutil.rmtree(house.root / "solutions")
    done = house.python("-c", IN_TINY + BLANK, check=False)
    assert done.returncode == 1
    assert ("square is still blank, and this copy of the course comes without "
            "solutions for 'tiny'. Write it") in done.stderr
    assert "✓ square" in house.python("-c", IN_TINY + RIGHT).stdout


def test_hints_are_graded_and_end_at_the_solution(house):
    done = house.python("-c", IN_TINY + BLANK + """
hint("square"); hint(square); hint("square")
""")
    _, first, second, third = done.stdout.splitlines()
    assert first == "Hint 1 of 2: What is a square?"
    assert second == "Hint 2 of 2: Multiply x by itself."
    assert 'solution("tiny").square' in third


@pytest.mark.parametrize("code, says", [
    ("@exercise\ndef cube(x):\n    todo()", "the chapter tiny has no exercise 'cube'"),
    ("hint('cube')", "it has square"),
    ("solution('nothing')", "without solutions for 'nothing'"),
    ("todo()", "still blank"),
])
def test_a_slip_of_a_name_gets_a_clear_message(house, code, says):
    done = house.python("-c", IN_TINY + code, check=False)
    assert done.returncode == 1 and says in done.stderr


def test_an_exercise_before_start_says_to_start(house):
    code = IN_TINY.replace("run = start", "# start") + BLANK
    done = house.python("-c", code, check=False)
    assert "run the cell with start(...) first" in done.stderr


def test_in_a_notebook_the_error_is_the_message_alone(house, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(house.root))
    path = house.root / "notebooks" / "tiny.ipynb"
    book = nbformat.read(path, 4)
    for cell in book.cells:
        cell.source = cell.source.replace("todo()  # your code here", "return x + x")
    nbformat.write(book, tmp_path / "wrong.ipynb")
    with pytest.raises(PapermillExecutionError) as stop:
        execute_notebook(tmp_path / "wrong.ipynb", tmp_path / "out.ipynb",
                         progress_bar=False, cwd=str(house.root))
    assert stop.value.ename == "WrongAnswer"
    (error,) = [output for cell in nbformat.read(tmp_path / "out.ipynb", 4).cells
                for output in cell.get("outputs", []) if output.output_type == "error"]
    assert error.traceback == [f"WrongAnswer: {stop.value.evalue}"]


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
    monkeypatch.setattr("helpers.equations.labels", lambda: {"def-x": "7.1"})

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
