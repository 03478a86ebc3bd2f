"""nbval on the solution notebooks: a wrong number fails in its own cell."""

import nbformat
import pytest

from pipeline.errors import BookError
from pipeline.records.references import refuse_missing_references
from pipeline.source.tags import COMPARED, tags_of
from tests.conftest import BOOK


def nbval(house, *words):
    return house.python("-m", "pytest", "-q", "--nbval", "-p", "no:cacheprovider",
                        "solutions", *words, check=False)


def test_every_compared_cell_of_the_book_has_a_reference():
    compared = 0
    for chapter in BOOK.chapters:
        path = BOOK.notebook("solutions", chapter.name)
        cells = nbformat.read(path, 4).cells
        refuse_missing_references(path.name, cells)
        compared += sum(COMPARED in tags_of(cell) for cell in cells)
        assert path.stat().st_size < 200_000, "references are a few kB of text"
    assert compared > 0


def test_a_compared_cell_without_a_reference_is_an_error(house):
    done = nbval(house)
    assert done.returncode != 0
    assert "is compared but has no reference" in done.stdout
    with pytest.raises(BookError, match="pipeline references"):
        refuse_missing_references("x", nbformat.read(
            house.root / "solutions" / "tiny.ipynb", 4).cells)


def test_references_need_a_current_run_and_a_chapter_that_there_is(house):
    for words, says in ((), "is missing: run"), (["tinny"], "no chapter 'tinny'"):
        done = house.pipeline("references", *words, check=False)
        assert done.returncode == 1 and says in done.stderr


def test_references_come_from_the_blank_path_and_the_filled_one_meets_them(executed):
    """They were stored once; the house is in step, and storing again changes nothing.

    nbval then runs the filled notebook: a number within its tolerance of 0.5 of
    the stored one passes, one beyond it does not.
    """
    assert executed.pipeline("references").stdout == ""
    assert executed.pipeline("derive", "--check").stdout == ""
    executed.edit("solutions/tiny.ipynb", "= 9.0  [tol", "= 9.4  [tol")
    done = nbval(executed)
    assert done.returncode == 0, done.stdout
    executed.edit("solutions/tiny.ipynb", "= 9.4  [tol", "= 9.6  [tol")
    assert nbval(executed).returncode == 1
    assert "solutions/tiny.ipynb" in executed.pipeline("references", "tiny").stdout
    assert "= 9.0  [tol" in (executed.root / "solutions" / "tiny.ipynb").read_text()
