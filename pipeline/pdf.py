"""Print the built site into one PDF, with a headless Chromium."""

import html
import shutil
import subprocess
import tempfile
from pathlib import Path

import yaml

from pipeline.chapters import ROOT, SourceError
from pipeline.publish import SITE

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
         "--virtual-time-budget=30000")  # until all formulas are set


def pdf(target=None, names=()):
    """Print the pages of the site in the order of its contents.

    `names` are those of the pages wanted, such as "notebooks/vae"; all when
    none is named. Links between them lead to the first sheet of a page.
    Returns the path of the PDF, by default _build/book.pdf. Raises SourceError
    when there is no site, no such page or no browser.
    """
    from pypdf import PdfWriter

    target = Path(target or SITE.parent / "book.pdf").resolve()
    known = contents()
    for name in names:
        if name not in known:
            raise SourceError(f"there is no page {name!r}; the book has "
                              f"{', '.join(known)}")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise SourceError("no browser was found: install chromium")
    book, first, titles = PdfWriter(), {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for name in [name for name in known if not names or name in names]:
            page = SITE / f"{name}.html"
            if not page.exists():
                raise SourceError("there is no site yet: run make book")
            sheets = Path(folder, "sheets.pdf")
            done = subprocess.run(
                [browser, *FLAGS, f"--user-data-dir={folder}/profile",
                 f"--print-to-pdf={sheets}", page.as_uri()],
                capture_output=True, text=True)
            if done.returncode or not sheets.exists():
                raise SourceError(f"{name} was not printed: {done.stderr[-300:]}")
            first[page.as_uri()] = len(book.pages)
            titles[name] = _title(page)
            book.append(sheets, outline_item=titles[name])
            sheets.unlink()
    _link_within(book, first)
    book.add_metadata({"/Title": yaml.safe_load(
        (ROOT / "_config.yml").read_text())["title"]})
    target.parent.mkdir(parents=True, exist_ok=True)
    book.write(target)
    return target


def contents():
    """Return the names of the book's pages in their order."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    return [toc["root"], *(chapter["file"] for part in toc["parts"]
                           for chapter in part["chapters"])]


def _title(page):
    """Return a page's heading as its <title> gives it, without the book's."""
    text = page.read_text()
    title = text[text.index("<title>") + len("<title>"):text.index("</title>")]
    return html.unescape(title).split(" — ")[0].strip()


def _link_within(book, first):
    """Turn links to files of the site into links inside of the PDF.

    A link to a page that was not printed is dropped: it would show a path of
    this machine.
    """
    from pypdf.generic import ArrayObject, NameObject, NumberObject

    for sheet in book.pages:
        kept = ArrayObject()
        for reference in sheet.get("/Annots", ()):
            link = reference.get_object()
            address = link.get("/A", {}).get("/URI", "")
            if not address.startswith("file:"):
                kept.append(reference)
            elif (page := address.split("#")[0]) in first:
                del link["/A"]
                link[NameObject("/Dest")] = ArrayObject(
                    [book.pages[first[page]].indirect_reference,
                     NameObject("/XYZ"), *[NumberObject(0)] * 3])
                kept.append(reference)
        if "/Annots" in sheet:
            sheet[NameObject("/Annots")] = kept
