"""A new chapter is begun whole or not at all."""

import shutil

import pytest
import yaml

from pipeline.book import Book
from pipeline.derive import derive
from pipeline.errors import BookError
from pipeline.new import LONGEST, PLACEHOLDER, TARGETS, TEMPLATES, new
from tests.conftest import BOOK

# Four chapters of the book: their numbers leave places before, between and behind.
NUMBERS = {"tiny": 2, "cosy": 3, "wide": 6, "last": 9}
TOC = """\
format: jb-book
root: book/intro
parts:
  - caption: First
    numbered: true
    chapters:
      - file: notebooks/tiny
      - file: notebooks/cosy
  - caption: Second
    numbered: true
    chapters:
      - file: notebooks/wide
      - file: notebooks/last
  - caption: More
    chapters:
      - file: book/data
"""


@pytest.fixture
def book(house):
    """A book of four chapters in two parts, and a part of pages behind them."""
    text = house.source.read_text()
    for name, number in NUMBERS.items():
        own = text.replace("number: 7", f"number: {number}").replace(
            "ex-tiny", f"ex-{name}").replace("thm-sum", f"thm-{name}").replace(
            "tiny", name).replace("def-square", f"def-{name}").replace(
            "sec-square", f"sec-{name}")
        (house.root / "book" / "chapters" / f"{name}.md").write_text(own)
    (house.root / "_toc.yml").write_text(TOC)
    shutil.copy(BOOK.bibliography.path, house.root / "book")  # the scaffold cites
    (house.root / "tests" / "mutants").mkdir(parents=True)
    return house.book


def files(book):
    """Return the contents of a tree, but for what git ignores."""
    return {path: path.read_bytes() for path in book.root.rglob("*")
            if path.is_file() and "_build" not in path.parts}


def contents(book):
    parts = yaml.safe_load((book.root / "_toc.yml").read_text())["parts"]
    return {part["caption"]: [chapter["file"].removeprefix("notebooks/")
                              for chapter in part["chapters"]] for part in parts}


def test_the_sources_are_written_with_every_placeholder_filled(book):
    written = new(book, "coin_tosses")
    assert [str(path) for path in written] == [
        *(target.format("coin_tosses") for target in TARGETS.values()), "_toc.yml"]
    text = "".join((book.root / path).read_text() for path in written)
    assert not PLACEHOLDER.search(text)
    assert "\n# Coin tosses\n" in text and "(coin-tosses-error)" in text
    assert derive(Book(book.root))


@pytest.mark.parametrize("number, stands", [
    (None, {"First": ["tiny", "cosy"], "Second": ["wide", "last", "coins"]}),
    (10, {"First": ["tiny", "cosy"], "Second": ["wide", "last", "coins"]}),
    (1, {"First": ["coins", "tiny", "cosy"], "Second": ["wide", "last"]}),
    (4, {"First": ["tiny", "cosy"], "Second": ["coins", "wide", "last"]}),
    (7, {"First": ["tiny", "cosy"], "Second": ["wide", "coins", "last"]}),
])
def test_a_chapter_stands_before_the_first_of_a_higher_number(book, number, stands):
    new(book, "coins", number)
    assert Book(book.root).chapter("coins").number == (number or 10)
    assert contents(book) == {**stands, "More": ["book/data"]}


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
    ("tiny", None, "there is a chapter tiny already"),
    ("coins", 0, "is 1 or more"),
    ("coins", 3, "chapter 3 is cosy"),
])
def test_what_cannot_be_used_is_refused_and_nothing_written(book, name, number, says):
    before = files(book)
    with pytest.raises(BookError, match=says):
        new(book, name, number)
    assert files(book) == before


def test_a_file_in_the_way_is_kept(book):
    mine = book.root / "tests" / "mutants" / "coins.py"
    mine.write_text("# mine\n")
    before = files(book)
    with pytest.raises(BookError, match="tests/mutants/coins.py is there already"):
        new(book, "coins")
    assert files(book) == before


def test_a_label_that_another_chapter_has_is_refused(book, monkeypatch):
    template = (TEMPLATES / "chapter.md").read_text()
    templates = book.root / "templates"
    templates.mkdir()
    for name in TARGETS:
        (templates / name).write_text((TEMPLATES / name).read_text())
    (templates / "chapter.md").write_text(
        template.replace("(LABEL-total)", "(tiny-sum)"))
    monkeypatch.setattr("pipeline.new.TEMPLATES", templates)
    before = files(book)
    with pytest.raises(BookError, match="tiny-sum is already used"):
        new(book, "coins")
    assert files(book) == before


def test_when_one_file_cannot_be_written_none_is_left(book):
    (book.root / "tests" / "mutants").rmdir()
    before = files(book)
    with pytest.raises(BookError, match="nothing was written: .*mutants"):
        new(book, "coins")
    assert files(book) == before
