"""Each exercise's checks catch the mistakes that people make, by name."""

from importlib import import_module

import pytest
from pipeline.chapters import exercise_names, load_all

import helpers
from helpers import start
from helpers.exercises import solution
from helpers.exercises.checks import WrongAnswer, find, of_chapter, run_checks

CHAPTERS = {chapter.name: chapter for chapter in load_all()}
MUTANTS = {name: import_module(f"tests.mutants.{name}") for name in CHAPTERS}


def cases(kind):
    return [
        pytest.param(name, exercise, answer, id=f"{name}-{exercise}-{how}")
        for name, module in MUTANTS.items()
        for exercise, answers in getattr(module, kind).items()
        for how, answer in answers.items()
    ]


EXERCISES = [(name, exercise) for name, chapter in CHAPTERS.items()
             for exercise in chapter.exercises]


@pytest.fixture(autouse=True)
def run():
    return start("any", profile="quick", seed=0)


@pytest.mark.parametrize("chapter, exercise, wrong", cases("WRONG"))
def test_a_wrong_answer_is_caught_with_its_own_diagnosis(chapter, exercise, wrong):
    answer, fragment = wrong
    with pytest.raises(WrongAnswer) as stop:
        run_checks(find(chapter, exercise), answer)
    likely = [line for line in str(stop.value).splitlines()
              if line.startswith("  likely")]
    assert likely and fragment in likely[0], str(stop.value)


@pytest.mark.parametrize("chapter, exercise, right", cases("RIGHT"))
def test_another_right_way_is_accepted(chapter, exercise, right):
    assert run_checks(find(chapter, exercise), right) >= 3


@pytest.mark.parametrize("chapter, exercise", EXERCISES)
def test_the_stub_borrows_the_solution(chapter, exercise, capsys):
    start(chapter, profile="quick", seed=0)
    (cell,) = [c for c in CHAPTERS[chapter].code
               if exercise in exercise_names(c.source)]
    names = {**vars(solution(chapter)), "exercise": helpers.exercise,
             "todo": helpers.todo}
    exec(cell.blank, names)
    assert names[exercise] is getattr(solution(chapter), exercise)
    assert f"{exercise}: not attempted yet" in capsys.readouterr().out


@pytest.mark.parametrize("chapter, exercise", EXERCISES)
def test_the_solution_passes(chapter, exercise):
    answer = getattr(solution(chapter), exercise)
    assert run_checks(find(chapter, exercise), answer) >= 3


@pytest.mark.parametrize("chapter, exercise", EXERCISES)
def test_every_exercise_has_mutants_hints_and_an_equation(chapter, exercise):
    wrong = MUTANTS[chapter].WRONG[exercise]
    fragments = {fragment for _, fragment in wrong.values()}
    assert len(wrong) >= 3 and len(fragments) >= 3, "three mistakes, each its own"
    assert MUTANTS[chapter].RIGHT[exercise]
    known = find(chapter, exercise)
    assert len(known.hints) >= 2
    text = CHAPTERS[chapter].path.read_text()
    assert f"$$ ({known.equation})" in text


def test_checks_and_chapters_name_the_same_exercises():
    for name, chapter in CHAPTERS.items():
        assert set(of_chapter(name)) == set(chapter.exercises)
