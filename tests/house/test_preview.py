"""A chapter that is shown anew with each save, in a book of one tiny chapter."""

import re
import shutil
import time
from urllib.request import urlopen

import pytest

from pipeline.errors import BookError
from pipeline.site import preview as previewing
from pipeline.site.render import execute, render
from tests.conftest import FIXTURES, ROOT, build

CONTENTS = """\
format: jb-book
root: book/intro
parts:
- caption: One
  numbered: true
  chapters: [{file: notebooks/tiny}]
- caption: Two
  chapters: [{file: book/bibliography}]
"""
PROSE = "The square of the size is"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A tiny house with the pages of a site, whose chapter has been run."""
    root = tmp_path_factory.mktemp("house")
    house = build(root, FIXTURES / "tiny.md", FIXTURES / "tiny_exercises.py")
    (root / "_toc.yml").write_text(CONTENTS)
    (root / "book" / "intro.md").write_text("# A book\n\nIt has one chapter.\n")
    (root / "book" / "bibliography.md").write_text(
        "# Works\n\n```{bibliography}\n```\n")
    shutil.copytree(ROOT / "book" / "assets", root / "book" / "assets")
    assert execute(house.book, (), "quick") == 0
    return house


@pytest.fixture(scope="module")
def page(house):
    with previewing.opened(house.book, "tiny", "quick") as page:
        yield page


@pytest.fixture
def source(house):
    """The chapter's source, as it was again after the test."""
    before = house.source.read_text()
    yield house.source
    house.source.write_text(before)


@pytest.fixture
def address(page):
    with previewing.served(page, 0) as address:
        yield address


def shown(address):
    with urlopen(f"{address}/notebooks/tiny.html") as answer:
        return answer.read().decode()


def version(address):
    with urlopen(address + previewing.VERSION) as answer:
        return answer.read().decode()


def test_a_build_with_a_warning_fails_again_until_it_is_mended(house):
    path = house.root / "book" / "intro.md"
    good = path.read_text()
    path.write_text(good + "\n{doc}`/nowhere`\n")
    for _ in range(2):
        with pytest.raises(BookError, match="unknown document"):
            render(house.book, "quick")
    path.write_text(good)
    render(house.book, "quick")
    tiny = (house.book.site / "notebooks" / "tiny.html").read_text()
    assert '<span class="eqno">(7.2)' in tiny, "the only chapter is the seventh"
    assert "verified in this page by arithmetic" in tiny


def test_a_save_of_prose_leads_to_a_new_page_soon(page, source, address):
    before = version(address)
    source.write_text(source.read_text().replace(PROSE, "A new word: it is"))
    begun = time.monotonic()
    assert page.follow()
    assert time.monotonic() - begun < 15  # 3 on a machine that does nothing else
    assert "A new word: it is" in shown(address) and version(address) != before
    assert not page.follow(), "without a save nothing is built"
    page.derive()
    assert "A new word" in (page.root / "notebooks" / "tiny.ipynb").read_text()


def test_an_open_page_loads_itself_again_when_the_version_is_another(page, address):
    html = shown(address)
    (seen,) = re.findall(r'\.text\(\) !== "(\d+)"\) location\.reload', html)
    assert seen == version(address) and f'fetch("{previewing.VERSION}")' in html
    assert "location.reload" not in (
        page.root / "build/preview/html/notebooks/tiny.html").read_text()


def test_a_broken_save_says_what_is_wrong_and_the_page_stays(page, source, address,
                                                             capsys):
    before, good = shown(address), source.read_text()
    source.write_text(good.replace(PROSE, "See {eq}`nothing`."))
    assert not page.follow()
    said = capsys.readouterr().err
    assert "there is no label nothing" in said and "Traceback" not in said
    assert shown(address) == before
    source.write_text(good.replace(PROSE, "Mended."))
    assert page.follow() and "Mended." in shown(address)


def test_a_work_that_is_cited_anew_is_cited_as_the_book_does(page, source, address):
    works = (page.root / "book" / "references.bib").read_text()
    other = next(key for key in re.findall(r"@\w+\{(\w+),", works)
                 if key != "kullback1951")
    source.write_text(source.read_text().replace(PROSE, f"See {{cite:t}}`{other}`."))
    assert page.follow()
    html = shown(address)
    assert "bibliography.html#" in html.split("See <")[1][:300]


def test_the_site_of_make_book_is_not_touched(page, house, source):
    made = {path: path.read_bytes() for path in house.book.site.rglob("*.*")
            if path.is_file()}
    source.write_text(source.read_text().replace(PROSE, "Not for the site"))
    assert page.follow() and made
    assert all(path.read_bytes() == content for path, content in made.items())


def test_an_unknown_chapter_and_a_port_that_is_taken_are_refused(house, page, address):
    with pytest.raises(BookError, match="there is no chapter 'nothing'"):
        previewing.preview(house.book, "nothing")
    port = int(address.rsplit(":", 1)[1])
    with pytest.raises(BookError, match=f"port {port} cannot be used"), \
            previewing.served(page, port):
        pass


def test_a_run_that_fails_leaves_the_page(page, source, address, capsys):
    before = shown(address)
    source.write_text(source.read_text().replace("a, b = torch", "a, b = 1 / 0, torch"))
    assert not page.follow()
    assert "ZeroDivisionError" in capsys.readouterr().out
    assert shown(address) == before


def test_a_save_of_code_runs_the_chapter_before_it_is_shown(page, source, address,
                                                            capsys):
    before = source.read_text()
    source.write_text(before.replace("size = 3", "size = 4"))
    assert page.follow()
    assert "running tiny" in capsys.readouterr().out
    assert "16.0" in shown(address)
