"""Read a notebook file, make one of cells, and write it as text."""

import nbformat
from nbformat import NotebookNode

from pipeline.errors import BookError


def read(path):
    """Read a notebook. Raises BookError for a file that is not one."""
    try:
        return nbformat.read(path, 4)
    except Exception as error:
        raise BookError(f"{path} is not a notebook ({error}); delete it") from error


def as_text(notebook):
    """Return a notebook as its file has it: indented, one newline at the end."""
    return nbformat.writes(notebook, indent=1).rstrip("\n") + "\n"


def new_notebook(cells, **metadata):
    """Return a notebook for the book's kernel."""
    return nbformat.v4.new_notebook(cells=cells, metadata={
        "kernelspec": {"display_name": "Python 3", "language": "python",
                       "name": "python3"},
        "language_info": {"name": "python"},
        **metadata,
    })


def markdown_cell(source, name):
    """Return a cell of prose with the id `name`."""
    return NotebookNode(id=name, cell_type="markdown", metadata=NotebookNode(),
                        source=source)


def code_cell(source, name, tags=(), outputs=(), execution_count=None):
    """Return a cell of code with the id `name`."""
    metadata = NotebookNode({"tags": list(tags)} if tags else {})
    return NotebookNode(id=name, cell_type="code", metadata=metadata, source=source,
                        execution_count=execution_count, outputs=list(outputs))
