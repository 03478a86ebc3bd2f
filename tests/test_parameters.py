"""A parameter of the wrong kind or value ends in one clear error, before any work."""

import ast

import pytest

from helpers import start
from helpers.errors import CourseError
from pipeline.chapters import load_all, parse

CHAPTERS = load_all()
PROFILES = [None, "", "fast", "QUICK", "quick ", 1, True, 0.5, ["quick"], {"quick": 1},
            ("quick", "full"), b"quick", float("nan")]
SEEDS = [None, "", "0", -1, 2**32, 10**30, 0.0, 1.5, float("nan"), float("inf"), True,
         [0], {0}, b"0", 1j]


def first_steps(chapter):
    """Return the statements up to start(…), and the call itself."""
    before = []
    for cell in chapter.code:
        if "parameters" in cell.tags:
            continue
        for node in parse(cell.filled).body:
            if "start(" in ast.unparse(node) and isinstance(node, ast.Assign):
                return before, ast.unparse(node)
            before.append(node)
    raise AssertionError(f"{chapter.name} never begins a run")


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_a_chapter_starts_before_it_does_anything(chapter):
    before, _ = first_steps(chapter)
    assert all(isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef,
                                 ast.ClassDef)) for node in before)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
@pytest.mark.parametrize("name, values, says", [
    ("profile", PROFILES, "there is no profile"),
    ("seed", SEEDS, "seed must be a whole number from 0 to"),
])
def test_start_refuses_every_wrong_value(chapter, name, values, says):
    _, begin = first_steps(chapter)
    for value in values:
        names = {"start": start, **chapter.defaults, name: value}
        with pytest.raises(CourseError, match=says):
            exec(begin, names)


WRONG = {
    ("bert_finetuning", "model_name"): [
        ("3", "a model goes by its name or its path, not by 3"),
    ],
    ("language_sampling", "model_name"): [
        ("3", "a model goes by its name or its path, not by 3"),
    ],
    ("text_and_images", "model_name"): [
        ("3", "a model goes by its name or its path, not by 3"),
    ],
    ("text_and_images", "data"): [
        ("flags", "data is one of 'emoji' and 'photographs', not 'flags'"),
    ],
    ("summarization", "data"): [
        ("no-such-set", "is neither \"awards\" nor a folder or a set of the hub"),
    ],
    ("summarization", "model_name"): [
        ("3", "a model goes by its name or its path, not by 3"),
    ],
    ("summarization", "own_summaries"): [
        ("no-such-file.txt", "own_summaries is no file: no-such-file.txt"),
    ],
    ("nmt", "only"): [
        ("GRU 99", "only is one of '', 'GRU 32, small', "),
    ],
}


def test_every_other_parameter_is_tried_below():
    others = {(chapter.name, name) for chapter in CHAPTERS
              for name in chapter.defaults if name not in ("profile", "seed")}
    assert others == WRONG.keys()


@pytest.mark.parametrize("chapter, name, value, says", [
    (*where, *wrong) for where, tried in WRONG.items() for wrong in tried])
def test_a_wrong_value_of_another_parameter_is_refused(chapter, name, value, says,
                                                       whole_house):
    done = whole_house.pipeline("run", chapter, "-p", name, value, check=False)
    assert done.returncode == 1
    assert says in done.stdout and "Traceback" not in done.stdout
