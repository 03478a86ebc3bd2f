"""A chapter's anatomy: the house's limits on cells, lines, figures and words."""

import ast
import re
from statistics import median

import pytest

from pipeline.source.code import parse
from tests.conftest import BOOK

CHAPTERS = BOOK.chapters
chapters = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: c.name)


def lines(cell):
    return [line for line in cell.filled.splitlines() if line.strip()]


@chapters
def test_cells_are_few_short_and_narrow(chapter):
    assert 25 <= len(chapter.code) <= 45
    lengths = [len(lines(cell)) for cell in chapter.code]
    assert median(lengths) <= 6
    for cell in chapter.code:
        where = f"{chapter.path.name}:{cell.line}"
        assert len(lines(cell)) <= 30, where
        assert max(map(len, cell.filled.splitlines())) <= 79, where


@chapters
def test_a_long_cell_is_introduced_by_a_sentence(chapter):
    for before, cell in zip(chapter.cells, chapter.cells[1:], strict=False):
        if cell.kind == "code" and len(lines(cell)) > 12:
            assert before.kind == "markdown", f"{chapter.path.name}:{cell.line}"


@chapters
def test_the_order_of_the_house(chapter):
    first, *_ = chapter.cells
    assert first.kind == "markdown" and first.source.lstrip().startswith("# ")
    assert "parameters" in chapter.code[0].tags
    assert chapter.defaults["profile"] == "quick" and chapter.defaults["seed"] == 0
    assert chapter.code[-1].filled.strip() == "run.card()"
    text = "\n".join(cell.source for cell in chapter.cells)
    for heading in ("What goes wrong", "Further reading"):
        assert re.search(rf"^## {heading}", text, re.M), heading
    assert f'start("{chapter.name}"' in text and "results(" in text


@chapters
def test_figures_go_through_the_house_with_words_and_without_titles(chapter):
    for cell in chapter.code:
        where = f"{chapter.path.name}:{cell.line}"
        assert not re.search(r"set_title|suptitle|plt\.title|plt\.show|plt\.figure",
                             cell.filled), where
        for node in ast.walk(parse(cell.filled)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in (
                    "show", "explore"):
                given = {keyword.arg for keyword in node.keywords}
                assert {"alt", "caption"} <= given, where


@chapters
def test_every_exercise_states_difficulty_minutes_and_its_equation(chapter):
    text = "\n".join(c.source for c in chapter.cells if c.kind == "markdown")
    for name in chapter.exercises:
        (block,) = [b for b in re.findall(r"^(`{3,})\{exercise\}(.*?)^\1$", text,
                                          re.S | re.M) if f"`{name}(" in b[1]]
        assert re.search(r"[Dd]ifficulty \d of 5", block[1]), name
        assert re.search(r"\w+ minutes", block[1]), name
        assert "{eq}`" in block[1], name


@chapters
def test_public_functions_have_docstrings(chapter):
    for cell in chapter.code:
        if "define" in cell.tags:
            for node in parse(cell.filled).body:
                if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                    assert ast.get_docstring(node), f"{chapter.name}: {node.name}"


@chapters
def test_no_measured_number_is_typed_into_the_prose(chapter):
    """A decimal in a sentence comes by glue; short ones are settings."""
    for cell in chapter.cells:
        if cell.kind != "markdown":
            continue
        formulas = r"\$\$.*?\$\$(?: \([\w-]+\))?|\$[^$]*\$|`[^`]*`"
        prose = re.sub(formulas, "", cell.source, flags=re.S)
        typed = re.findall(r"(?<![\w.])\d+\.\d{2,}", prose)
        assert typed == [], f"{chapter.path.name}:{cell.line}: {typed}"
