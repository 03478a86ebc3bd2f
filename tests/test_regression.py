"""nbval on the solution notebooks: a wrong number fails in its own cell."""

import re

import nbformat
import pytest
from pipeline.chapters import ROOT, SourceError, load_all
from pipeline.regression import (
    COMPARED,
    refuse_missing_references,
    within_tolerance,
)

from pipeline import executed

CHAPTER = "comparing_distributions"


def nbval(house, **options):
    return house.python("-m", "pytest", "-q", "--nbval", "-p", "no:cacheprovider",
                        "solutions", check=False, **options)


def test_every_compared_cell_of_the_book_has_a_reference():
    compared = 0
    for chapter in load_all():
        path = ROOT / "solutions" / f"{chapter.name}.ipynb"
        cells = nbformat.read(path, 4).cells
        refuse_missing_references(path.name, cells)
        compared += sum(COMPARED in c.metadata.get("tags", []) for c in cells)
        assert path.stat().st_size < 200_000, "references are a few kB of text"
    assert compared > 0


def test_the_page_shows_the_numbers_of_the_references():
    for chapter in load_all():
        run = executed.fresh(chapter, {**chapter.defaults, "profile": "quick"})
        stored = nbformat.read(ROOT / "solutions" / f"{chapter.name}.ipynb", 4)
        shown = {cell.id: printed(cell) for cell in run.cells}
        for cell in stored.cells:
            if COMPARED in cell.metadata.get("tags", []):
                text = within_tolerance(shown[cell.id], printed(cell))
                assert text == printed(cell)


def printed(cell):
    return "".join(o["text"] for o in cell.get("outputs", [])
                   if o.output_type == "stream")


def test_a_compared_cell_without_a_reference_is_an_error(house):
    done = nbval(house)
    assert done.returncode != 0
    assert "is compared but has no reference" in done.stdout
    with pytest.raises(SourceError, match="pipeline references"):
        refuse_missing_references("x", nbformat.read(
            house.root / "solutions" / "tiny.ipynb", 4).cells)


def test_references_come_from_the_blank_path_and_the_filled_one_meets_them(house):
    done = house.pipeline("references", check=False)
    assert done.returncode == 1 and "is missing: run" in done.stderr
    house.pipeline("run")
    done = house.pipeline("references", "tinny", check=False)
    assert done.returncode == 1 and "there is no chapter 'tinny'" in done.stderr
    assert "solutions/tiny.ipynb" in house.pipeline("references", "tiny").stdout
    assert house.pipeline("references").stdout == ""
    assert house.pipeline("derive", "--check").stdout == ""
    assert nbval(house).returncode == 0

    house.edit("solutions/tiny.ipynb", "= 9.0  [tol", "= 9.4  [tol")
    assert nbval(house).returncode == 0
    house.edit("solutions/tiny.ipynb", "= 9.4  [tol", "= 9.6  [tol")
    assert nbval(house).returncode == 1


def test_the_sign_of_one_kl_flipped_fails_in_its_own_cells(real_house):
    """As an author who errs: the wrong sign in the source, then derive."""
    source = real_house.source.read_text()
    begin = source.index("def kl_gaussian(")
    end = source.index("### END SOLUTION", begin)
    body = source[begin:end]
    flipped = re.sub(r"return ", "return -1 * ", body, count=1)
    assert flipped != body
    real_house.source.write_text(source[:begin] + flipped + source[end:])
    real_house.pipeline("derive")

    done = nbval(real_house)
    assert done.returncode == 1
    assert "WrongAnswer: kl_gaussian is not right yet" in done.stdout
    assert re.search(r"EquationError: \(2\.\d+\) cd-", done.stdout) is None

    done = real_house.pipeline("run", check=False)
    assert done.returncode == 1
    assert re.search(r"EquationError: \(2\.\d+\) cd-\S+ does not hold", done.stdout)
