"""Full runs are kept as a run wrote them, and set beside what was published."""

import json

import pytest
from pipeline.chapters import SourceError, load_all

from pipeline import results

ENTRY = {"document": "A sheet", "place": "Q1", "what": "a figure", "published": "7",
         "chapter": "likelihood", "records": ["half"], "differs": "Nothing."}
KEPT = {"run": {"commit": "c0ffee", "device": "CPU", "threads": "1",
                "core seconds": "60 s", "peak memory": "9 MB", "versions": "Python"},
        "records": {"half": {"value": 0.5, "se": 0.1, "unit": "", "text": "half a ±"}}}


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """Return a function that writes an entry, and the kept run of a chapter."""
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr(results, "PUBLISHED", tmp_path / "published.toml")

    def lay(entry, kept=KEPT):
        text = "\n".join(f"{key} = {json.dumps(value)}" for key, value in entry.items())
        results.PUBLISHED.write_text(f"[[figure]]\n{text}\n")
        if kept:
            (tmp_path / "likelihood.json").write_text(json.dumps(kept))
        return results.page(load_all())

    return lay


def test_the_page_sets_a_kept_figure_beside_the_published_one(desk):
    page = desk(ENTRY)
    assert "## A sheet" in page
    assert "| a figure | 7 | half a ± | Nothing. |" in page
    assert "| c0ffee | CPU, 1 thread | 60 s | 9 MB |" in page


def test_two_records_share_a_cell(desk):
    two = {**KEPT, "records": {**KEPT["records"], "all": {"text": "1"}}}
    assert "half a ± / 1" in desk({**ENTRY, "records": ["half", "all"]}, two)


def test_a_chapter_without_a_kept_run_says_so(desk):
    page = desk(ENTRY, kept=None)
    assert "| 7 | not yet | Nothing. |" in page
    assert page.count("no full run is kept yet") == len(load_all())


@pytest.mark.parametrize("change, says", [
    ({"chapter": "alchemy"}, "no chapter 'alchemy'"),
    ({"records": ["quarter"]}, "no record 'quarter'"),
    ({"differs": None}, "differs missing"),
    ({"note": "x"}, "note missing or unknown"),
])
def test_an_entry_that_is_wrong_is_named(desk, change, says):
    entry = {key: value for key, value in {**ENTRY, **change}.items()
             if value is not None}
    with pytest.raises(SourceError, match=says):
        desk(entry)


def test_a_full_run_is_kept_with_its_card_and_no_verification(house):
    with house.source.open("a") as chapter:
        chapter.write("\n```{code-cell} ipython3\nrun.card()\n```\n")
    house.pipeline("derive")
    house.pipeline("run", "--profile", "full")
    house.pipeline("results")
    (path,) = (house.root / "book" / "results").glob("*.json")
    kept = json.loads(path.read_text())
    assert kept["run"]["profile"] == "full"
    assert kept["run"]["core seconds"].endswith(" s")
    assert kept["records"] and not any(":" in name for name in kept["records"])
    assert "full run is kept" not in (house.root / "book" / "results.md").read_text()
    assert "wrote" not in house.pipeline("results").stdout


def test_a_stale_or_missing_run_is_not_kept(house):
    done = house.pipeline("results", check=False)
    assert done.returncode == 1
    assert "executed copy" in done.stderr and "--profile full" in done.stderr
    assert not (house.root / "book" / "results").exists()


def test_every_kept_run_of_the_book_is_a_full_one():
    for name, kept in results.load(load_all()).items():
        assert kept["run"]["chapter"] == name
        assert kept["run"]["profile"] == "full"
        assert "with changes" not in kept["run"]["commit"]
