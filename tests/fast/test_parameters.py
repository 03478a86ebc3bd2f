"""A parameter of the wrong kind or value ends in one clear error, before any work."""

import ast
from types import SimpleNamespace

import pytest

from helpers import start
from helpers.errors import CourseError
from pipeline.source.code import parse
from pipeline.source.tags import PARAMETERS
from tests.conftest import BOOK

CHAPTERS = BOOK.chapters
PROFILES = [None, "", "fast", "QUICK", "quick ", 1, True, 0.5, ["quick"], {"quick": 1},
            ("quick", "full"), b"quick", float("nan")]
SEEDS = [None, "", "0", -1, 2**32, 10**30, 0.0, 1.5, float("nan"), float("inf"), True,
         [0], {0}, b"0", 1j]


def first_steps(chapter):
    """Return the statements up to start(…), and the call itself."""
    before = []
    for cell in chapter.code:
        if PARAMETERS in cell.tags:
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


NO_TEXTS = [None, 0, 3, 1.5, True, False, [], ["quick"], {}, {"quick": 1}, (), b"quick"]
OTHERS = [(chapter, name) for chapter in CHAPTERS for name in chapter.defaults
          if name not in ("profile", "seed")]


def in_kernel(monkeypatch, *cells, front_end=False):
    """Let the process look like a kernel that has run these cells."""
    kernel = SimpleNamespace(_allow_stdin=front_end)
    shell = SimpleNamespace(user_ns={"In": ["", *cells]}, kernel=kernel,
                            ast_transformers=[])
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)


DEFAULTS = 'profile = "quick"\nseed = 0'
WRONG_CELL = "# Parameters\nsise = 4"


def test_a_parameter_that_papermill_injected_and_nobody_knows_is_refused(monkeypatch):
    in_kernel(monkeypatch, DEFAULTS, WRONG_CELL, "import torch")
    with pytest.raises(CourseError, match="no parameter sise; it has profile and seed"):
        start("any", profile="quick", seed=0)


@pytest.mark.parametrize("cells, front_end", [
    ([DEFAULTS, WRONG_CELL], True),  # at a prompt
    ([DEFAULTS, "import torch", WRONG_CELL], False),  # not where papermill injects
    ([WRONG_CELL, DEFAULTS], False),
    ([DEFAULTS, "# Parameters of the model\nsise = 4"], False),
    ([DEFAULTS], False),
])
def test_a_readers_own_cell_is_no_parameter(monkeypatch, cells, front_end):
    in_kernel(monkeypatch, *cells, front_end=front_end)
    assert start("any", profile="quick", seed=0).seed == 0


@pytest.mark.parametrize("chapter, name", OTHERS,
                         ids=lambda part: getattr(part, "name", part))
def test_a_text_is_wanted_where_the_default_is_one(chapter, name, monkeypatch):
    assert isinstance(chapter.defaults[name], str)
    (default,) = [cell.source for cell in chapter.code if PARAMETERS in cell.tags]
    _, begin = first_steps(chapter)
    for value in NO_TEXTS:
        in_kernel(monkeypatch, default, f"# Parameters\n{name} = {value!r}")
        with pytest.raises(CourseError, match=f"^{name} is a text, by default"):
            exec(begin, {"start": start, **chapter.defaults})
