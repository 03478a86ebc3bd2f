"""A new chapter is begun whole or not at all."""

import pytest
import yaml
from pipeline.chapters import ROOT, SourceError, load_all

from pipeline import new as beginning
from pipeline.new import LONGEST, TARGETS, TEMPLATES, new

CHAPTERS = load_all()
FIRST = CHAPTERS[0]
TOUCHED = ("_toc.yml", "book/intro.md")


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Folders that `new` writes into, beside the book's own chapters."""
    for name in (*TARGETS.values(), *TOUCHED):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    for name in TOUCHED:
        (tmp_path / name).write_text((ROOT / name).read_text())
    monkeypatch.setattr(beginning, "ROOT", tmp_path)
    monkeypatch.setattr(beginning, "load_all", lambda: CHAPTERS)
    return tmp_path


def files(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def contents(root):
    parts = yaml.safe_load((root / "_toc.yml").read_text())["parts"]
    return {part["caption"]: [chapter["file"] for chapter in part["chapters"]]
            for part in parts}


def test_the_sources_are_written_with_every_placeholder_filled(root):
    written = new("coin_tosses")
    assert [str(path) for path in written] == [
        *(target.format("coin_tosses") for target in TARGETS.values()), "_toc.yml"]
    text = "".join((root / path).read_text() for path in written)
    assert not beginning.PLACEHOLDER.search(text)
    assert "\n# Coin tosses\n" in text and "(coin-tosses-error)" in text


def test_the_first_number_is_one_that_nothing_has_nor_is_planned(root):
    new("coin_tosses")
    text = (root / "book" / "chapters" / "coin_tosses.md").read_text()
    numbers = beginning._places()
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert f"\n  number: {len(numbers) + 1}\n" in text
    *_, last = [files for files in contents(root).values()
                if any(file.startswith("notebooks/") for file in files)]
    assert last[-1] == "notebooks/coin_tosses"


def test_a_planned_number_goes_where_the_map_has_it(root, monkeypatch):
    chapters = [chapter for chapter in CHAPTERS if chapter.number not in (5, 8)]
    monkeypatch.setattr(beginning, "load_all", lambda: chapters)
    before = contents(root)
    new("adversaries", 5)
    new("translation", 8)
    after = contents(root)
    middle, last = "Generation and learning signals", "Sequences and language"
    at = before[middle].index("notebooks/policy_gradient")
    assert after[middle][at] == "notebooks/adversaries"
    assert after[last][after[last].index("notebooks/summarization") - 1] == (
        "notebooks/translation")
    for caption, entries in after.items():
        assert [file for file in entries if file.split("/")[1] not in (
            "adversaries", "translation")] == before[caption]


@pytest.mark.parametrize("name, number, says", [
    ("", None, "cannot name a chapter"),
    ("Coins", None, "cannot name a chapter"),
    ("2coins", None, "cannot name a chapter"),
    ("coin-tosses", None, "cannot name a chapter"),
    ("coin__tosses", None, "cannot name a chapter"),
    ("../coins", None, "cannot name a chapter"),
    ("münzen", None, "cannot name a chapter"),
    ("coins\n", None, "cannot name a chapter"),
    ("c" * (LONGEST + 1), None, f"longer than {LONGEST} characters"),
    ("lambda", None, "a reserved word"),
    ("inspect", None, "a reserved word"),  # helpers.exercises uses it
    (FIRST.name, None, f"there is a chapter {FIRST.name} already"),
    ("coins", 0, "is 1 or more"),
    ("coins", FIRST.number, f"chapter {FIRST.number} is {FIRST.name}"),
])
def test_what_cannot_be_used_is_refused_and_nothing_written(root, name, number, says):
    before = files(root)
    with pytest.raises(SourceError, match=says):
        new(name, number)
    assert files(root) == before


def test_a_file_in_the_way_is_kept(root):
    mine = root / "tests" / "mutants" / "coins.py"
    mine.write_text("# mine\n")
    before = files(root)
    with pytest.raises(SourceError, match="tests/mutants/coins.py is there already"):
        new("coins")
    assert files(root) == before


def test_a_label_that_another_chapter_has_is_refused(root, monkeypatch):
    template = (TEMPLATES / "chapter.md").read_text()
    templates = root / "templates"
    templates.mkdir()
    for name in TARGETS:
        (templates / name).write_text((TEMPLATES / name).read_text())
    (templates / "chapter.md").write_text(
        template.replace("(LABEL-total)", "(pg-gradient)"))
    monkeypatch.setattr(beginning, "TEMPLATES", templates)
    before = files(root)
    with pytest.raises(SourceError, match="pg-gradient is already used"):
        new("coins")
    assert files(root) == before


def test_when_one_file_cannot_be_written_none_is_left(root):
    (root / "tests" / "mutants").rmdir()
    before = files(root)
    with pytest.raises(SourceError, match="nothing was written: .*mutants"):
        new("coins")
    assert files(root) == before
