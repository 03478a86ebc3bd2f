"""The Sphinx extension that renders executed copies under written prose.

Sphinx sees notebooks/*.ipynb. When it reads one, it gets the chapter's MyST with
the outputs of the executed copy instead, and a build without a current copy stops.
"""

from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError

from helpers.scraps import Scraps
from pipeline.book import Book
from pipeline.errors import BookError
from pipeline.git import head
from pipeline.run.copies import Copies, refuse_stale
from pipeline.site.numbers import ChapterNumbers
from pipeline.site.page import cover, page
from pipeline.site.state import BUILT_FROM
from pipeline.site.transforms import VERIFIED, KeepErrorsWithValues, MarkVerified

FOLDER = "notebooks/"
FIRST_PAGE, COVERS = "book/intro", "<!-- covers -->"


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("course_profile", "quick", "env")
    app.add_config_value("published_branch", "gh-pages", "html")
    app.connect("env-get-outdated", read_book)
    app.connect("source-read", read_executed, priority=1)
    app.setup_extension("sphinx_external_toc")  # counts chapters before ours does
    app.add_env_collector(ChapterNumbers)
    app.add_post_transform(MarkVerified)
    app.add_post_transform(KeepErrorsWithValues)
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("html-page-context", open_published, priority=900)
    app.connect("build-finished", note_commit)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def read_book(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str],
              removed: set[str]) -> list[str]:
    """Stop a build whose numbers would not be those of today's sources.

    An app that was given a book whose copies are known to be current keeps it.
    """
    if not hasattr(app, "book"):
        book = Book(app.srcdir)
        try:
            refuse_stale(book, book.chapters, app.config.course_profile)
        except BookError as error:
            raise ExtensionError(str(error)) from None
        give_book(app, book)
    return []


def give_book(app: Sphinx, book: Book) -> None:
    """Let the app show this book and its executed copies."""
    app.book, app.copies = book, Copies(book, app.config.course_profile)


def read_executed(app: Sphinx, docname: str, source: list[str]) -> None:
    """Give Sphinx the page of a chapter in place of its plain notebook.

    The first page gets a figure of each chapter.
    """
    if docname == FIRST_PAGE:
        source[0] = source[0].replace(COVERS, _covers(app))
    if not docname.startswith(FOLDER):
        return
    chapter = app.book.chapter(docname.removeprefix(FOLDER))
    run = app.copies.of(chapter.name)
    source[0] = nbformat.writes(page(app.book, chapter, run))
    app.env.note_dependency(str(chapter.path))
    app.env.note_dependency(str(app.copies.path(chapter)))
    app.env.metadata[docname][VERIFIED] = {
        label: checks[0] for label, checks in Scraps.of(run).verified.items()}


def _covers(app: Sphinx) -> str:
    links = []
    for chapter in app.book.chapters:
        app.env.note_dependency(str(app.copies.path(chapter)))
        links.append(cover(chapter, app.copies.of(chapter.name)))
    return "\n".join(["```{raw} html", '<div class="covers">', *links, "</div>",
                      "```"])


def drop_thebe(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any],
               doctree: nodes.document | None) -> None:
    """Leave out the scripts of thebe, which Jupyter Book adds and nobody uses."""
    context["script_files"] = [
        script for script in context["script_files"]
        if "thebe" not in str(getattr(script, "filename", script)).lower()
        and "THEBE" not in getattr(script, "attributes", {}).get("body", "")
    ]


def open_published(app: Sphinx, pagename: str, templatename: str,
                   context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Point the Colab button at the branch that holds pinned notebooks."""
    branch = app.book.config["repository"]["branch"]
    for group in context.get("header_buttons", []):
        for button in group.get("buttons", []):
            if "colab" in button.get("url", ""):
                button["url"] = button["url"].replace(
                    f"/blob/{branch}/{FOLDER}",
                    f"/blob/{app.config.published_branch}/{FOLDER}")


def note_commit(app: Sphinx, exception: Exception | None) -> None:
    """Leave in the site which commit it shows, for publish to compare."""
    if exception is None:
        (Path(app.outdir) / BUILT_FROM).write_text(head(app.book.root))
