"""Each exercise's checks catch the mistakes that people make, by name.

The solution and one mistake of each exercise are tried here; every mistake and every
other right way that tests/mutants holds, in tests/house.
"""

from functools import cache
from importlib import import_module
from itertools import islice

import pytest

import helpers
from helpers import start
from helpers.exercises import solution
from helpers.exercises.checks import WrongAnswer, find, of_chapter, run_checks
from pipeline.source.code import exercise_names
from tests.conftest import BOOK

MUTANTS = {chapter.name: import_module(f"tests.mutants.{chapter.name}")
           for chapter in BOOK.chapters}
EXERCISES = [(chapter.name, exercise) for chapter in BOOK.chapters
             for exercise in chapter.exercises]


def cases(kind, first=0, last=None):
    """Return the answers of one kind, of each exercise those from first to last."""
    return [
        pytest.param(name, exercise, answer, id=f"{name}-{exercise}-{how}")
        for name, module in MUTANTS.items()
        for exercise, answers in getattr(module, kind).items()
        for how, answer in islice(answers.items(), first, last)
    ]


@pytest.fixture(autouse=True)
def run():
    return start("any", profile="quick", seed=0)


@cache
def diagnoses(chapter, exercise):
    """Return what the checks of an exercise can say of an answer."""
    answer = getattr(solution(chapter), exercise)
    return {mistake.says for case in find(chapter, exercise).cases(answer)
            for mistake in case.mistakes}


def refuse(chapter, exercise, wrong):
    """Assert that a wrong answer is told its own mistake.

    That is the one that the checks name in these words, or the kind of value
    where none of them is like it.
    """
    answer, words = wrong
    with pytest.raises(WrongAnswer) as stop:
        run_checks(find(chapter, exercise), answer)
    (told,) = [line.removeprefix("  likely").strip()
               for line in str(stop.value).splitlines() if line.startswith("  likely")]
    named = {says for says in diagnoses(chapter, exercise) if words in says}
    assert told in named or (not named and words in told), str(stop.value)


@pytest.mark.parametrize("chapter, exercise, wrong", cases("WRONG", last=1))
def test_a_wrong_answer_is_caught_with_its_own_diagnosis(chapter, exercise, wrong):
    refuse(chapter, exercise, wrong)


@pytest.mark.parametrize("chapter, exercise", EXERCISES)
def test_the_solution_passes(chapter, exercise):
    answer = getattr(solution(chapter), exercise)
    assert run_checks(find(chapter, exercise), answer) >= 3


@pytest.mark.parametrize("chapter, exercise", EXERCISES)
def test_the_stub_borrows_the_solution(chapter, exercise, capsys):
    start(chapter, profile="quick", seed=0)
    (cell,) = [cell for cell in BOOK.chapter(chapter).code
               if exercise in exercise_names(cell.source)]
    names = {**vars(solution(chapter)), "exercise": helpers.exercise,
             "todo": helpers.todo}
    exec(cell.blank, names)
    assert names[exercise] is getattr(solution(chapter), exercise)
    assert f"{exercise}: not attempted yet" in capsys.readouterr().out


@pytest.mark.parametrize("chapter, exercise", EXERCISES)
def test_every_exercise_has_mutants_hints_and_an_equation(chapter, exercise):
    wrong = MUTANTS[chapter].WRONG[exercise]
    fragments = {fragment for _, fragment in wrong.values()}
    assert len(wrong) >= 3 and len(fragments) >= 3, "three mistakes, each its own"
    assert MUTANTS[chapter].RIGHT[exercise]
    known = find(chapter, exercise)
    assert len(known.hints) >= 2
    assert f"$$ ({known.equation})" in BOOK.chapter(chapter).path.read_text()


def test_checks_and_chapters_name_the_same_exercises():
    for chapter in BOOK.chapters:
        assert set(of_chapter(chapter.name)) == set(chapter.exercises)
