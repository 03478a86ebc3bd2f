"""The Sphinx extension that renders executed copies under written prose.

Sphinx sees notebooks/*.ipynb. When it reads one, it gets the chapter's MyST with
the outputs of the executed copy instead, and a build without a current copy stops.
"""

import json
import os
import re
from html import escape
from pathlib import Path

import nbformat
from docutils.nodes import Text, literal_block, make_id
from sphinx.errors import ExtensionError
from sphinx_external_toc.collectors import TocTreeCollectorWithStyles

from helpers.scraps import Scraps
from pipeline.book import Book
from pipeline.errors import BookError
from pipeline.git import head
from pipeline.run.copies import current, path_of
from pipeline.site.page import cover, page
from pipeline.site.publish import BUILT_FROM

FOLDER = "notebooks/"
FIRST_PAGE, COVERS = "book/intro", "<!-- covers -->"


def setup(app):
    app.add_config_value("course_profile", os.environ.get("COURSE_PROFILE", "quick"),
                         "env")
    app.add_config_value("published_branch", "gh-pages", "html")
    app.connect("builder-inited", read_book)
    app.connect("builder-inited", keep_chapter_numbers)
    app.connect("source-read", read_executed, priority=1)
    app.connect("doctree-resolved", keep_signs_with_errors)
    app.connect("html-page-context", finish_page, priority=900)
    app.connect("build-finished", note_commit)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def read_book(app):
    """Stop a build whose numbers would not be those of today's sources."""
    app.book = Book(app.srcdir)
    try:
        app.copies = {chapter.name: current(app.book, chapter,
                                            app.config.course_profile)
                      for chapter in app.book.chapters}
    except BookError as error:
        raise ExtensionError(str(error)) from None


def read_executed(app, docname, source):
    """Give Sphinx the page of a chapter in place of its plain notebook.

    The first page gets a figure of each chapter.
    """
    if docname == FIRST_PAGE:
        source[0] = source[0].replace(COVERS, _covers(app))
    if not docname.startswith(FOLDER):
        return
    chapter = app.book.chapter(docname.removeprefix(FOLDER))
    run = app.copies[chapter.name]
    source[0] = nbformat.writes(page(app.book, chapter, run))
    app.env.note_dependency(str(chapter.path))
    app.env.note_dependency(str(_place(app, chapter)))
    checks = {label: checks[0] for label, checks in Scraps.of(run).verified.items()}
    app.env.metadata[docname]["verified"] = json.dumps(checks)


def _covers(app):
    links = []
    for chapter in app.book.chapters:
        app.env.note_dependency(str(_place(app, chapter)))
        links.append(cover(chapter, app.copies[chapter.name]))
    return "\n".join(["```{raw} html", '<div class="covers">', *links, "</div>",
                      "```"])


def _place(app, chapter):
    return path_of(app.book, chapter, chapter.parameters(app.config.course_profile))


def keep_signs_with_errors(app, doctree, docname):
    """Let no line break between a ± and its error, in prose or in tables."""
    for text in list(doctree.findall(Text)):
        if " ± " in text and not isinstance(text.parent, literal_block):
            text.parent.replace(text, Text(text.replace(" ± ", " ±\xa0")))


def finish_page(app, pagename, templatename, context, doctree):
    """Mark verified equations, mend buttons, and drop scripts nobody uses."""
    context["script_files"] = [
        script for script in context.get("script_files", [])
        if "thebe" not in str(getattr(script, "filename", script) or "").lower()
        and "THEBE" not in getattr(script, "attributes", {}).get("body", "")
    ]
    repository = app.book.config["repository"]
    _open_published(context.get("header_buttons", []),
                    f"/blob/{repository['branch']}/{FOLDER}",
                    f"/blob/{app.config.published_branch}/{FOLDER}")
    checks = json.loads(app.env.metadata.get(pagename, {}).get("verified", "{}"))
    for label, check in checks.items():
        says = (f"verified in this page by {check['by']}: off by "
                f"{check['residual']:.1e}, allowed {check['allowed']:.1e}")
        mark = (f'<span class="verified" role="img" title="{escape(says)}" '
                f'aria-label="{escape(says)}">✓</span>')
        context["body"], found = re.subn(
            rf'(id="{make_id(f"equation-{label}")}">\s*<span class="eqno">)',
            rf"\g<1>{mark}", context["body"],
        )
        if not found:
            raise ExtensionError(f"{pagename} shows no equation {label} to mark")


def note_commit(app, exception):
    """Leave in the site which commit it shows, for publish to compare."""
    if exception is None:
        (Path(app.outdir) / BUILT_FROM).write_text(head(app.book.root))


def keep_chapter_numbers(app):
    """Number each chapter as its source says, also while others are missing."""
    plain = TocTreeCollectorWithStyles.assign_section_numbers
    if getattr(plain, "keeps_numbers", False):
        return
    numbers = {FOLDER + chapter.name: chapter.number for chapter in app.book.chapters}

    def assign_section_numbers(self, env):
        rewritten = plain(self, env)
        for docname, number in numbers.items():
            if docname not in env.toc_secnumbers:
                continue
            env.toc_secnumbers[docname] = {
                anchor: found and type(found)((number, *found[1:]))
                for anchor, found in env.toc_secnumbers[docname].items()
            }
            for node in [env.titles[docname], *env.tocs[docname].findall()]:
                if getattr(node, "attributes", {}).get("secnumber"):
                    node["secnumber"] = [number, *node["secnumber"][1:]]
        return rewritten

    assign_section_numbers.keeps_numbers = True
    TocTreeCollectorWithStyles.assign_section_numbers = assign_section_numbers


def _open_published(buttons, branch, published):
    """Point the Colab button at the branch that holds pinned notebooks."""
    for button in buttons:
        if isinstance(button, dict):
            if "colab" in str(button.get("url", "")):
                button["url"] = button["url"].replace(branch, published)
            _open_published(button.get("buttons", []), branch, published)
