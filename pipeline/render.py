"""The Sphinx extension that renders executed copies under written prose.

`jupyter-book build .` sees notebooks/*.ipynb. When Sphinx reads one, it gets
the chapter's MyST with the outputs of the executed copy instead, and a build
without a fresh copy stops.
"""

import json
import os
import re
from html import escape
from pathlib import Path

import nbformat
from docutils.nodes import Text, literal_block, make_id
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from sphinx.errors import ExtensionError
from sphinx_external_toc.collectors import TocTreeCollectorWithStyles

from pipeline import executed
from pipeline import labels as labelling
from pipeline.chapters import SourceError, config, load_all
from pipeline.derive import undecorated
from pipeline.freshness import commit
from pipeline.myst import blocks, directive
from pipeline.publish import BUILT_FROM

FOLDED = ("parameters", "hide-input")
FOLDER = "notebooks/"
FIRST_PAGE, COVERS = "book/intro", "<!-- covers -->"
FIGURE = re.compile(r'<figure class="course-figure (?P<classes>[^"]*)">.*?'
                    r"(?P<image><img(?![^>]*\shidden)[^>]*>)", re.S)


def setup(app):
    app.add_config_value("course_profile", os.environ.get("COURSE_PROFILE", "quick"),
                         "env")
    app.add_config_value("published_branch", "gh-pages", "html")
    app.connect("builder-inited", refuse_stale_copies)
    app.connect("builder-inited", keep_chapter_numbers)
    app.connect("source-read", read_executed, priority=1)
    app.connect("doctree-resolved", keep_signs_with_errors)
    app.connect("html-page-context", finish_page, priority=900)
    app.connect("build-finished", note_commit)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def refuse_stale_copies(app):
    """Stop a build whose numbers would not be those of today's sources."""
    try:
        for chapter in load_all():
            executed.fresh(chapter, _parameters(app, chapter))
    except SourceError as error:
        raise ExtensionError(str(error)) from None


def read_executed(app, docname, source):
    """Give Sphinx the page of a chapter in place of its plain notebook.

    The first page gets a figure of each chapter.
    """
    if docname == FIRST_PAGE:
        source[0] = source[0].replace(COVERS, _covers(app))
    if not docname.startswith(FOLDER):
        return
    chapters = {chapter.name: chapter for chapter in load_all()}
    chapter = chapters[docname.removeprefix(FOLDER)]
    copy = executed.path_of(chapter, _parameters(app, chapter))
    run = executed.read(copy)
    labels = labelling.collect(chapters.values())
    source[0] = nbformat.writes(page(chapter, run, labels))
    for path in (chapter.path, copy):
        app.env.note_dependency(str(path))
    checks = {name: data for name, data in executed.scraps(run).items()
              if name.startswith("verify:") and "#" not in name}
    app.env.metadata[docname]["verified"] = json.dumps(checks)


def page(chapter, run, labels):
    """Return the notebook of a page: rich prose and executed outputs."""
    outputs = {cell.id: cell for cell in run.cells}
    cells = []
    for cell in chapter.cells:
        if cell.kind == "markdown":
            cells.append(new_markdown_cell(_fold_solutions(cell, chapter, labels)))
            continue
        tags = ["hide-input"] if set(FOLDED) & set(cell.tags) else []
        tags += ["hide-output"] if "hide-output" in cell.tags else []
        done = outputs[cell.id]
        shown = [] if cell.is_exercise else done.outputs
        if tags and not shown and cells and _is_folded_and_silent(cells[-1]):
            cells[-1].source += f"\n\n{cell.blank}"
            continue
        cells.append(new_code_cell(cell.blank, metadata={"tags": tags}, outputs=shown,
                                   execution_count=done.execution_count))
        if cell.is_exercise:
            cells.append(new_markdown_cell(_solution(cell)))
    cells[0].source = re.sub(
        r"^(# .+)$", lambda m: f"{m[1]}\n\n{_byline(chapter, run)}",
        cells[0].source, count=1, flags=re.M,
    )
    return new_notebook(cells=cells, metadata={
        "kernelspec": {"display_name": "Python 3", "language": "python",
                       "name": "python3"},
        "language_info": {"name": "python"},
    })


def cover(chapter, run):
    """Return the link to a chapter that shows one of its figures, if it has any.

    Raises SourceError for one that has fewer than its front matter says.
    """
    html = [output.data["text/html"] for cell in run.cells
            for output in cell.get("outputs", [])
            if "text/html" in output.get("data", {})]
    figures = [found for text in html for found in FIGURE.finditer(text)]
    figures = figures or [{"classes": "", "image": ""}]
    if not 1 <= chapter.cover <= len(figures):
        raise SourceError(f"{chapter.path.name}: the front matter asks for figure "
                          f"{chapter.cover} as its cover, of {len(figures)}")
    figure = figures[chapter.cover - 1]
    kind = "picture" if "picture" in figure["classes"] else "plot"
    return (f'<a class="cover" href="../{FOLDER}{chapter.name}.html">'
            f'<figure class="course-figure {kind}">{figure["image"]}'
            f"<figcaption>{chapter.number} {escape(chapter.title)}</figcaption>"
            "</figure></a>")


def _covers(app):
    links = []
    for chapter in load_all():
        copy = executed.path_of(chapter, _parameters(app, chapter))
        app.env.note_dependency(str(copy))
        links.append(cover(chapter, executed.read(copy)))
    return "\n".join(["```{raw} html", '<div class="covers">', *links, "</div>",
                      "```"])


def keep_signs_with_errors(app, doctree, docname):
    """Let no line break between a ± and its error, in prose or in tables."""
    for text in list(doctree.findall(Text)):
        if " ± " in text and not isinstance(text.parent, literal_block):
            text.parent.replace(text, Text(text.replace(" ± ", " ±\xa0")))


def _is_folded_and_silent(cell):
    return bool(cell.metadata.get("tags")) and not cell.get("outputs")


def finish_page(app, pagename, templatename, context, doctree):
    """Mark verified equations, mend buttons, and drop scripts nobody uses."""
    context["script_files"] = [
        script for script in context.get("script_files", [])
        if "thebe" not in str(getattr(script, "filename", script) or "").lower()
        and "THEBE" not in getattr(script, "attributes", {}).get("body", "")
    ]
    repository = config()["repository"]
    _open_published(context.get("header_buttons", []),
                    f"/blob/{repository['branch']}/{FOLDER}",
                    f"/blob/{app.config.published_branch}/{FOLDER}")
    checks = json.loads(app.env.metadata.get(pagename, {}).get("verified", "{}"))
    for name, check in checks.items():
        label = name.removeprefix("verify:")
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
        (Path(app.outdir) / BUILT_FROM).write_text(commit(short=False))


def keep_chapter_numbers(app):
    """Number each chapter as its source says, also while others are missing."""
    plain = TocTreeCollectorWithStyles.assign_section_numbers
    if getattr(plain, "keeps_numbers", False):
        return
    numbers = {FOLDER + chapter.name: chapter.number for chapter in load_all()}

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


def _parameters(app, chapter):
    return {**chapter.defaults, "profile": app.config.course_profile}


def _byline(chapter, run):
    """Say what made the page's numbers, and where the solutions are."""
    card = executed.scraps(run).get("run-card", {})
    repository = config()["repository"]
    solutions = (f"{repository['url']}/blob/{repository['branch']}/solutions/"
                 f"{chapter.name}.ipynb")
    return (
        f"```{{div}} byline\nEvery number on this page was printed by a run of "
        f"profile **{card.get('profile', 'unknown')}**, described in the run card "
        f"at its end. [Solution notebook]({solutions})\n```"
    )


def _fold_solutions(cell, chapter, labels):
    """Render the answer to a written exercise as a folded block."""
    lines = cell.source.splitlines()
    for kind, begin, end, token in reversed(
        list(blocks(cell.source, chapter.path.name, cell.line))
    ):
        if kind == "directive":
            name, title, _, body = directive(token)
            if name == "solution":
                lines[begin:end] = _dropdown(
                    f"Solution to {labels[title].text}", body
                ).splitlines()
    return "\n".join(lines)


def _solution(cell):
    return _dropdown("Solution", f"```python\n{undecorated(cell.filled)}\n```")


def _dropdown(title, body):
    fence = "`" * (1 + max(map(len, re.findall(r"`{3,}", body)), default=2))
    return f"{fence}{{dropdown}} {title}\n:class-container: solution\n\n{body}\n{fence}"


def _open_published(buttons, branch, published):
    """Point the Colab button at the branch that holds pinned notebooks."""
    for button in buttons:
        if isinstance(button, dict):
            if "colab" in str(button.get("url", "")):
                button["url"] = button["url"].replace(branch, published)
            _open_published(button.get("buttons", []), branch, published)

