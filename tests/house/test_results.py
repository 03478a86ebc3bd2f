"""Full runs are kept as a run wrote them, and set beside what was published."""

import json

import pytest

from pipeline.derive.pages import kept_runs, results
from pipeline.errors import BookError
from pipeline.records.results import keep
from tests.conftest import BOOK

ENTRY = {"document": "A sheet", "place": "Q1", "what": "a figure", "published": "7",
         "chapter": "tiny", "records": ["half"], "differs": "Nothing."}
KEPT = {"run": {"commit": "c0ffee", "device": "CPU", "threads": "1",
                "core seconds": "60 s", "peak memory": "9 MB", "versions": "Python"},
        "records": {"half": {"value": 0.5, "se": 0.1, "unit": "", "text": "half a ±"}}}


@pytest.fixture
def page(house):
    """Return a function that writes an entry and a kept run, and gives the page."""
    def write(entry, kept=KEPT):
        text = "\n".join(f"{key} = {json.dumps(value)}" for key, value in entry.items())
        house.book.published.write_text(f"[[figure]]\n{text}\n")
        if kept:
            house.book.results.mkdir()
            (house.book.results / "tiny.json").write_text(json.dumps(kept))
        return results(house.book)

    return write


def test_the_page_sets_a_kept_figure_beside_the_published_one(page):
    text = page(ENTRY)
    assert "## A sheet" in text
    assert "| a figure | 7 | half a ± | Nothing. |" in text
    assert "| c0ffee | CPU, 1 thread | 60 s | 9 MB |" in text


def test_two_records_share_a_cell(page):
    two = {**KEPT, "records": {**KEPT["records"], "all": {"text": "1"}}}
    assert "half a ± / 1" in page({**ENTRY, "records": ["half", "all"]}, two)


def test_a_chapter_without_a_kept_run_says_so(page):
    text = page(ENTRY, kept=None)
    assert "| 7 | not yet | Nothing. |" in text
    assert text.count("no full run is kept yet") == 1


@pytest.mark.parametrize("change, says", [
    ({"chapter": "alchemy"}, "no chapter 'alchemy'"),
    ({"records": ["quarter"]}, "no record 'quarter'"),
    ({"differs": None}, "differs missing"),
    ({"note": "x"}, "note missing or unknown"),
])
def test_an_entry_that_is_wrong_is_named(page, change, says):
    entry = {key: value for key, value in {**ENTRY, **change}.items()
             if value is not None}
    with pytest.raises(BookError, match=says):
        page(entry)


def test_a_run_is_kept_with_its_card_and_no_verification(executed):
    (path,) = keep(executed.book, profile="quick")
    kept = json.loads((executed.root / path).read_text())
    assert kept["run"]["profile"] == "quick"
    assert kept["run"]["core seconds"].endswith(" s")
    assert kept["records"] and not any(":" in name for name in kept["records"])
    assert keep(executed.book, profile="quick") == []
    executed.pipeline("derive")
    page = (executed.root / "book" / "results.md").read_text()
    assert "full run is kept" not in page and kept["run"]["core seconds"] in page


def test_a_missing_full_run_is_not_kept(executed):
    done = executed.pipeline("results", check=False)
    assert done.returncode == 1
    assert "executed copy" in done.stderr and "--profile full" in done.stderr
    assert not executed.book.results.exists()


def test_every_kept_run_of_the_book_is_a_full_one():
    for name, kept in kept_runs(BOOK).items():
        assert kept["run"]["chapter"] == name
        assert kept["run"]["profile"] == "full"
        assert "with changes" not in kept["run"]["commit"]
