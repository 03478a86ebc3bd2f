"""What follows from the sources: notebooks, solutions, labels and pages."""

import json
from functools import partial

from pipeline.book import NOTEBOOKS
from pipeline.derive import making, pages
from pipeline.derive.module import PACKAGE, is_module, module
from pipeline.derive.notebook import chapter_notebook, is_pristine, keep_references
from pipeline.errors import BookError
from pipeline.ipynb import as_text
from pipeline.source.labels import refuse_unverified


def derive(book, check=False):
    """Write everything that follows from the sources; return what changed.

    With `check`, write nothing. The paths are relative to the book's root. Raises
    BookError for a source that breaks a rule.
    """
    texts = products(book)
    changed = [path for path, text in texts.items()
               if not path.exists() or path.read_text() != text]
    stray = [path for kind in NOTEBOOKS
             for path in sorted((book.root / kind).glob("*.*"))
             if path not in texts and (is_module(path) or is_pristine(path))]
    if not check:
        for path in changed:
            path.parent.mkdir(exist_ok=True)
            _set_aside(book, path)
            path.write_text(texts[path])
        for path in stray:
            path.unlink()
    return [book.relative(path) for path in changed + stray]


def products(book):
    """Return the text of every derived file, by its path."""
    refuse_unverified(book.chapters, book.labels)
    texts = {
        book.root / "solutions" / "__init__.py": PACKAGE,
        book.helpers / "labels.json": label_table(book.labels),
        **pages.texts(book),
    }
    around = _around(book)
    for chapter in book.chapters:
        inputs = [repr(chapter.cells), *around]
        texts[book.module(chapter.name)] = book.memory.recall(
            f"module-{chapter.name}", inputs, partial(module, chapter))
        for kind in NOTEBOOKS:
            path = book.notebook(kind, chapter.name)
            notebook = book.memory.recall(f"{kind}-{chapter.name}", inputs, partial(
                chapter_notebook, book, chapter, kind))
            keep_references(notebook, path)
            texts[path] = as_text(notebook)
    return texts | making.texts(book, texts)


def _around(book):
    """Return what a chapter's derived files depend on besides its own cells."""
    titles = [chapter.title for chapter in book.chapters]
    return [repr(book.labels), repr(titles), repr(book.config["repository"]),
            book.bibliography.path.read_text()]


def refuse_out_of_step(book):
    """Raise BookError when a derived file is not what the sources give today."""
    changed = derive(book, check=True)
    if changed:
        raise BookError(
            f"{changed[0]} is out of step with its source: run "
            "python -m pipeline derive"
        )


def label_table(labels):
    """Return the JSON table of equation labels and numbers for `verify`."""
    numbers = {name: label.number for name, label in labels.items()
               if label.kind == "equation"}
    return json.dumps(numbers, indent=1) + "\n"


def _set_aside(book, path):
    """Rename a notebook that a person has edited, so that it is not overwritten."""
    if path.suffix == ".ipynb" and path.exists() and not is_pristine(path):
        number = 1
        while (aside := path.with_name(f"{path.stem}.yours-{number}.ipynb")).exists():
            number += 1
        path.rename(aside)
        print(f"your edited {path.name} is kept as {book.relative(aside)}")
