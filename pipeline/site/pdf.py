"""Print the built site into one PDF, with a headless Chromium."""

import html
import shutil
import subprocess
import tempfile
from pathlib import Path

from pipeline.errors import BookError

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
         "--virtual-time-budget=30000")  # until all formulas are set


def pdf(book, target=None, names=()):
    """Print the pages of the site in the order of its contents.

    `names` are those of the pages wanted, such as "notebooks/vae"; all when
    none is named. Links between them lead to the first sheet of a page.
    Returns the path of the PDF, by default _build/book.pdf. Raises BookError
    when there is no site, no such page or no browser.
    """
    from pypdf import PdfWriter

    target = Path(target or book.site.parent / "book.pdf").resolve()
    known = book.pages
    for name in names:
        if name not in known:
            raise BookError(f"there is no page {name!r}; the book has "
                            f"{', '.join(known)}")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise BookError("no browser was found: install chromium")
    printed, first, titles = PdfWriter(), {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for name in [name for name in known if not names or name in names]:
            page = book.site / f"{name}.html"
            if not page.exists():
                raise BookError("there is no site yet: run make book")
            sheets = Path(folder, "sheets.pdf")
            done = subprocess.run(
                [browser, *FLAGS, f"--user-data-dir={folder}/profile",
                 f"--print-to-pdf={sheets}", page.as_uri()],
                capture_output=True, text=True)
            if done.returncode or not sheets.exists():
                raise BookError(f"{name} was not printed: {done.stderr[-300:]}")
            first[page.as_uri()] = len(printed.pages)
            titles[name] = _title(page)
            printed.append(sheets, outline_item=titles[name])
            sheets.unlink()
    _link_within(printed, first)
    printed.add_metadata({"/Title": book.config["title"]})
    target.parent.mkdir(parents=True, exist_ok=True)
    printed.write(target)
    return target


def _title(page):
    """Return a page's heading as its <title> gives it, without the book's."""
    text = page.read_text()
    title = text[text.index("<title>") + len("<title>"):text.index("</title>")]
    return html.unescape(title).split(" — ")[0].strip()


def _link_within(printed, first):
    """Turn links to files of the site into links inside of the PDF.

    A link to a page that was not printed is dropped: it would show a path of
    this machine.
    """
    from pypdf.generic import ArrayObject, NameObject, NumberObject

    for sheet in printed.pages:
        kept = ArrayObject()
        for reference in sheet.get("/Annots", ()):
            link = reference.get_object()
            address = link.get("/A", {}).get("/URI", "")
            if not address.startswith("file:"):
                kept.append(reference)
            elif (page := address.split("#")[0]) in first:
                del link["/A"]
                link[NameObject("/Dest")] = ArrayObject(
                    [printed.pages[first[page]].indirect_reference,
                     NameObject("/XYZ"), *[NumberObject(0)] * 3])
                kept.append(reference)
        if "/Annots" in sheet:
            sheet[NameObject("/Annots")] = kept
