"""The two notebooks of a chapter: plain Markdown, exercises blank or filled in."""

import hashlib

import nbformat

from pipeline.derive.colab import bootstrap
from pipeline.derive.markdown import Lowering
from pipeline.ipynb import code_cell, markdown_cell, new_notebook, read
from pipeline.source.tags import COMPARED, PARAMETERS, tags_of

REFERENCES = "references"  # the id of the cell that lists the works cited


def chapter_notebook(book, chapter, kind, ref=None):
    """Make the notebook of one kind; `ref` pins what its bootstrap cell installs."""
    filled = kind == "solutions"
    lower = Lowering(book, with_solutions=filled)
    cells = []
    for cell in chapter.cells:
        if cell.kind == "markdown":
            text = lower(cell.source, chapter.path.name, cell.line)
            if not cells and filled:
                text = text.replace("# ", "# Solutions: ", 1)
            cells.append(markdown_cell(text, cell.id))
            continue
        code = cell.filled if filled else cell.blank
        cells.append(code_cell(code, cell.id, cell.tags))
        if PARAMETERS in cell.tags:
            cells.append(bootstrap(book, ref))
    if lower.cited:
        listing = book.bibliography.listing(lower.cited)
        cells.append(markdown_cell(f"## References\n\n{listing}", REFERENCES))
    return new_notebook(cells, course={"derived": _stamp(cells)})


def keep_references(notebook, path):
    """Carry over the stored outputs of compared cells that are unchanged."""
    if not path.exists():
        return
    outputs = {cell.id: cell for cell in read(path).cells
               if COMPARED in tags_of(cell)}
    for cell in notebook.cells:
        old = outputs.get(cell.id)
        if old is not None and old.cell_type == "code" and old.source == cell.source:
            cell.outputs, cell.execution_count = old.outputs, old.execution_count


def is_pristine(path):
    """Return whether a file is a derived notebook that has not been edited since."""
    if path.suffix != ".ipynb":
        return False
    try:
        notebook = nbformat.read(path, 4)
    except Exception:  # any that nbformat raises for a file that is not a notebook
        return False
    return notebook.metadata.get("course", {}).get("derived") == _stamp(notebook.cells)


def _stamp(cells):
    """Return a hash of the cells' texts, which an edit changes."""
    texts = "\n".join(f"{cell.cell_type} {cell.source}" for cell in cells)
    return hashlib.sha256(texts.encode()).hexdigest()[:16]
