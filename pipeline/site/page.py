"""One page of the site: a chapter's rich prose with the outputs of its copy."""

import re
from html import escape

from helpers.scraps import Scraps
from pipeline.errors import BookError
from pipeline.ipynb import code_cell, markdown_cell, new_notebook
from pipeline.source.code import undecorated
from pipeline.source.myst import blocks, directive
from pipeline.source.tags import FOLDED, HIDE_INPUT, HIDE_OUTPUT

FIGURE = re.compile(r'<figure class="course-figure (?P<classes>[^"]*)">.*?'
                    r"(?P<image><img(?![^>]*\shidden)[^>]*>)", re.S)


def page(book, chapter, run):
    """Return the notebook of a page: rich prose and executed outputs."""
    outputs = {cell.id: cell for cell in run.cells}
    cells = []
    for cell in chapter.cells:
        if cell.kind == "markdown":
            text = _fold_solutions(cell, chapter, book.labels)
            cells.append(markdown_cell(text, cell.id))
            continue
        tags = [HIDE_INPUT] if set(FOLDED) & set(cell.tags) else []
        tags += [HIDE_OUTPUT] if HIDE_OUTPUT in cell.tags else []
        done = outputs[cell.id]
        shown = [] if cell.is_exercise else done.outputs
        if tags and not shown and cells and _is_folded_and_silent(cells[-1]):
            cells[-1].source += f"\n\n{cell.blank}"
            continue
        cells.append(code_cell(cell.blank, cell.id, tags, shown, done.execution_count))
        if cell.is_exercise:
            cells.append(markdown_cell(_solution(cell), f"{cell.id}-solution"))
    cells[0].source = re.sub(
        r"^(# .+)$", lambda m: f"{m[1]}\n\n{_byline(book, chapter, run)}",
        cells[0].source, count=1, flags=re.M,
    )
    return new_notebook(cells)


def cover(chapter, run):
    """Return the link to a chapter that shows one of its figures, if it has any.

    Raises BookError for one that has fewer than its front matter says.
    """
    html = [output.data["text/html"] for cell in run.cells
            for output in cell.get("outputs", [])
            if "text/html" in output.get("data", {})]
    figures = [found for text in html for found in FIGURE.finditer(text)]
    figures = figures or [{"classes": "", "image": ""}]
    if not 1 <= chapter.cover <= len(figures):
        raise BookError(f"{chapter.path.name}: the front matter asks for figure "
                          f"{chapter.cover} as its cover, of {len(figures)}")
    figure = figures[chapter.cover - 1]
    kind = "picture" if "picture" in figure["classes"] else "plot"
    return (f'<a class="cover" href="../notebooks/{chapter.name}.html">'
            f'<figure class="course-figure {kind}">{figure["image"]}'
            f"<figcaption>{chapter.number} {escape(chapter.title)}</figcaption>"
            "</figure></a>")


def _is_folded_and_silent(cell):
    return bool(cell.metadata.get("tags")) and not cell.get("outputs")


def _byline(book, chapter, run):
    """Say what made the page's numbers, and where the solutions are."""
    card = Scraps.of(run).card
    repository = book.config["repository"]
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
