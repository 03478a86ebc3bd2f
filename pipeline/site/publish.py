"""Gather what a publication consists of: the site and its pinned notebooks."""

import shutil
from pathlib import Path

from pipeline.book import NOTEBOOKS
from pipeline.derive.notebook import chapter_notebook, keep_references
from pipeline.errors import BookError
from pipeline.git import git
from pipeline.ipynb import as_text
from pipeline.site.state import BUILT_FROM

MARKER = ".course-publication"  # in a publication: it may be replaced


def publish(book, folder):
    """Gather the built site and the notebooks, pinned to this commit.

    The bootstrap cell of each published notebook installs the course from
    the very commit that it was derived from. Returns a line that says what
    was gathered. Raises BookError when the site is missing or shows another
    commit, when the tree differs from the commit, and for a folder that holds
    anything else than an earlier publication.
    """
    if not (book.site / "index.html").exists():
        raise BookError("there is no site yet: run make book")
    if git(book.root, "status", "--porcelain"):
        raise BookError("the tree differs from its commit: commit first")
    commit = git(book.root, "rev-parse", "HEAD")
    built_from = book.site / BUILT_FROM
    if not built_from.exists() or built_from.read_text() != commit:
        raise BookError("the site shows another commit than this: run make book")
    folder = Path(folder).resolve()
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise BookError(f"{folder} holds something else: name a folder of its own")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(book.site, folder)
    for name in (".nojekyll", MARKER):
        (folder / name).touch()
    for chapter in book.chapters:
        for kind in NOTEBOOKS:
            notebook = chapter_notebook(book, chapter, kind, ref=commit)
            keep_references(notebook, book.notebook(kind, chapter.name))
            target = folder / kind / f"{chapter.name}.ipynb"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(as_text(notebook))
    return f"published {len(book.chapters)} chapters of {commit[:12]} in {folder}"
