"""A book is one tree of files: a snapshot, with its chapters, profiles and places."""

import pytest

from pipeline.book import Book, here
from pipeline.errors import BookError
from tests.conftest import ROOT


def add(house, name, number, profile=""):
    """Give the house a chapter without labels, and perhaps a profile of its own."""
    source = house.root / "book" / "chapters" / "tiny.md"
    text = source.read_text().partition("(sec-square)=")[0]
    extra = f"\n  extra_profile: {profile}" if profile else ""
    text = text.replace("number: 7", f"number: {number}{extra}")
    (house.root / "book" / "chapters" / f"{name}.md").write_text(text)


def test_the_book_that_this_code_lies_in_is_found():
    assert here().root == ROOT and len(here().chapters) == 12


def test_a_book_is_a_snapshot_and_another_one_sees_the_edit(house):
    before = house.book
    assert before.chapter("tiny").number == 7 and "tiny-sum" in before.labels
    house.edit(house.source, "number: 7", "number: 8")
    house.edit(house.source, "(tiny-sum)", "(tiny-total)")
    assert before.chapter("tiny").number == 7 and "tiny-sum" in before.labels
    after = Book(house.root)
    assert after.chapter("tiny").number == 8 and "tiny-total" in after.labels


def test_two_books_at_once_do_not_mix(house, tmp_path_factory):
    """Sources of one name and one text, which differ in what they cite."""
    other = type(house)(tmp_path_factory.mktemp("other") / "house")
    (other.root / "book" / "chapters").mkdir(parents=True)
    text = house.source.read_text()
    (other.root / "book" / "chapters" / "tiny.md").write_text(text)
    (other.root / "book" / "references.bib").write_text(
        "@book{kullback1951, author={One, A.}, title={T}, year={1999}}")
    for found, author in ((house.book, "Kullback and Leibler"), (other.book, "One")):
        assert found.chapter("tiny").path.is_relative_to(found.root)
        assert author in found.bibliography.citation(["kullback1951"], True)


def test_chapters_are_in_the_order_of_their_numbers_and_have_one_each(house):
    add(house, "another", 3)
    assert [chapter.name for chapter in house.book.chapters] == ["another", "tiny"]
    add(house, "a_third", 7)
    with pytest.raises(BookError, match="two chapters have the same number"):
        house.book.chapters  # noqa: B018


def test_chapters_are_chosen_by_name_and_by_profile(house):
    add(house, "other", 8, profile="overnight")
    book = house.book

    def chosen(*arguments):
        return [chapter.name for chapter in book.choose(*arguments)]

    assert chosen([]) == ["tiny", "other"] and chosen(["other"]) == ["other"]
    assert chosen([], "quick") == ["tiny", "other"]
    assert chosen([], "overnight") == chosen(["other"], "overnight") == ["other"]
    with pytest.raises(BookError, match="no chapter 'ohter'; the chapters are tiny, o"):
        book.choose(["ohter"])
    for wanted, profile, known in (([], "fast", "full, overnight and quick"),
                                   (["tiny"], "overnight", "full and quick"),
                                   (["tiny", "other"], "overnight", "full, overnight")):
        with pytest.raises(BookError, match=f"no profile .*profiles are {known}"):
            book.choose(wanted, profile)


def test_pages_are_those_of_the_contents_in_their_order(house):
    (house.root / "_toc.yml").write_text(
        "root: book/intro\nparts:\n- chapters:\n  - file: notebooks/tiny\n"
        "- chapters:\n  - file: book/data\n  - file: book/more\n")
    assert house.book.pages == [
        "book/intro", "notebooks/tiny", "book/data", "book/more"]
