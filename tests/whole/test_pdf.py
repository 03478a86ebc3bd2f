"""The site printed: laid open, linked within, and silent about this machine."""

import os
import shutil

import pytest
from pypdf import PdfReader

from pipeline.errors import BookError
from pipeline.site.pdf import BROWSERS, pdf
from tests.conftest import BOOK

if not any(map(shutil.which, BROWSERS)) and not os.environ.get("COURSE_NEEDS_BROWSER"):
    pytest.skip("no browser was found", allow_module_level=True)
PAGES = ["book/equations", "notebooks/likelihood"]


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    return PdfReader(pdf(BOOK, tmp_path_factory.mktemp("pdf") / "two.pdf", PAGES))


def test_pages_follow_in_the_order_of_the_contents(printed):
    assert BOOK.pages.index(PAGES[0]) > BOOK.pages.index(PAGES[1])
    titles = [entry.title for entry in printed.outline if not isinstance(entry, list)]
    assert titles == ["1. Likelihood and Monte Carlo", "Equations"]
    assert len(printed.pages) > 20


def test_what_is_folded_on_the_page_is_laid_open(printed):
    text = "".join(page.extract_text() for page in printed.pages)
    assert "from helpers import" in text  # a folded cell of imports
    assert "todo()" in text and "### BEGIN SOLUTION" not in text


def test_links_lead_within_the_file_and_never_to_this_machine(printed):
    targets = []
    for page in printed.pages:
        for reference in page.get("/Annots", ()):
            link = reference.get_object()
            assert not link.get("/A", {}).get("/URI", "").startswith("file:")
            if "/Dest" in link and not isinstance(link["/Dest"], str):
                targets.append(link["/Dest"][0].get_object())
    assert printed.pages[0].get_object() in targets  # equations link to chapter 1


def test_a_page_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BookError, match="no page 'notebooks/vaee'; the book has"):
        pdf(BOOK, tmp_path / "x.pdf", ["notebooks/vaee"])
