"""Derive notebooks, solution notebooks, modules and the table of labels."""

import ast
import hashlib
import json

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from pipeline import labels as labelling
from pipeline import pages, results
from pipeline.chapters import COMPARED, ROOT, SourceError, config, load_all, parse
from pipeline.myst import Lowering, references

KINDS = ("notebooks", "solutions")
PACKAGE = '"""The solved functions and classes of each chapter, derived."""\n'
HEADER = '"""Derived from book/chapters/{name}.md, whose solutions it holds."""\n'
BOOTSTRAP = '''\
# On a fresh machine such as Colab this installs the course; elsewhere nothing.
try:
    from helpers import start
except ImportError:
    import os
    import subprocess
    import sys

    source = os.environ.get(
        "COURSE_SOURCE",
        "git+{url}@{ref}",
    )
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", source], check=True
    )'''


def derive(check=False):
    """Write everything that follows from the sources; return what changed.

    With `check`, write nothing. Raises SourceError for a source that breaks
    a rule of the house.
    """
    chapters = load_all()
    labels = labelling.collect(chapters)
    labelling.refuse_unverified(chapters, labels)
    products = {
        ROOT / "solutions" / "__init__.py": PACKAGE,
        ROOT / "helpers" / "labels.json": label_table(labels),
        ROOT / "book" / "data.md": pages.data(),
        ROOT / "book" / "equations.md": pages.equations(chapters, labels),
        ROOT / "book" / "results.md": results.page(chapters),
    }
    for path, page in ((pages.SCALE, pages.scale), (pages.SOAK, pages.soak)):
        if path.exists():
            products[path.with_suffix(".md")] = page(json.loads(path.read_text()))
    for chapter in chapters:
        products[ROOT / "solutions" / f"{chapter.name}.py"] = module(chapter)
        for kind in KINDS:
            path = ROOT / kind / f"{chapter.name}.ipynb"
            notebook = chapter_notebook(chapter, kind, chapters, labels)
            keep_references(notebook, path)
            products[path] = written(notebook)
    changed = [path for path, text in products.items()
               if not path.exists() or path.read_text() != text]
    stray = [path for kind in KINDS for path in sorted((ROOT / kind).glob("*.*"))
             if path not in products and _is_derived(path)]
    if not check:
        for path in changed:
            path.parent.mkdir(exist_ok=True)
            _keep_a_persons_work(path)
            path.write_text(products[path])
        for path in stray:
            path.unlink()
    return [path.relative_to(ROOT) for path in changed + stray]


def refuse_out_of_step():
    """Raise SourceError when a derived file is not that of today's source."""
    changed = derive(check=True)
    if changed:
        raise SourceError(
            f"{changed[0]} is out of step with its source: run "
            "python -m pipeline derive"
        )


def chapter_notebook(chapter, kind, chapters, labels, ref=None):
    """Make the plain notebook of one kind; `ref` pins the bootstrap's source."""
    titles = {other.name: other.title for other in chapters}
    lower = Lowering(labels, titles, with_solutions=kind == "solutions")
    cells = []
    for cell in chapter.cells:
        if cell.kind == "markdown":
            text = lower(cell.source, chapter.path.name, cell.line)
            if not cells and kind == "solutions":
                text = text.replace("# ", "# Solutions: ", 1)
            cells.append(new_markdown_cell(text, id=cell.id))
            continue
        code = cell.filled if kind == "solutions" else cell.blank
        cells.append(new_code_cell(code, id=cell.id, metadata={"tags": cell.tags}
                                   if cell.tags else {}))
        if "parameters" in cell.tags:
            cells.append(bootstrap(ref))
    if lower.cited:
        cells.append(new_markdown_cell(
            f"## References\n\n{references(lower.cited)}", id="references"
        ))
    return new_notebook(cells=cells, metadata={
        "kernelspec": {"display_name": "Python 3", "language": "python",
                       "name": "python3"},
        "language_info": {"name": "python"},
        "course": {"derived": _stamp(cells)},
    })


def bootstrap(ref=None):
    """Make the cell that installs the course from where it is published."""
    repository = config()["repository"]
    code = BOOTSTRAP.format(url=repository["url"], ref=ref or repository["branch"])
    return new_code_cell(code, id="bootstrap", metadata={"tags": ["bootstrap"]})


def module(chapter):
    """Return the text of the module that holds a chapter's `define` cells."""
    parts = []
    for cell in chapter.code:
        if "define" in cell.tags:
            parts.append(undecorated(cell.filled))
    return HEADER.format(name=chapter.name) + "\n" + "\n\n\n".join(parts) + "\n"


def label_table(labels):
    """Return the JSON table of equation labels and numbers for `verify`."""
    numbers = {name: label.number for name, label in labels.items()
               if label.kind == "equation"}
    return json.dumps(numbers, indent=1) + "\n"


def keep_references(notebook, path):
    """Carry over the stored outputs of compared cells that are unchanged."""
    if not path.exists():
        return
    try:
        before = nbformat.read(path, 4)
    except Exception as error:
        raise SourceError(
            f"{path.relative_to(ROOT)} is not a notebook ({error}); delete it "
            "and derive again"
        ) from error
    outputs = {cell.id: cell for cell in before.cells
               if COMPARED in cell.metadata.get("tags", [])}
    for cell in notebook.cells:
        old = outputs.get(cell.id)
        if old is not None and old.cell_type == "code" and old.source == cell.source:
            cell.outputs, cell.execution_count = old.outputs, old.execution_count


def written(notebook):
    return nbformat.writes(notebook, indent=1).rstrip("\n") + "\n"


def _stamp(cells):
    """Return a hash of the cells' texts, which a person's edit changes."""
    texts = "\n".join(f"{cell.cell_type} {cell.source}" for cell in cells)
    return hashlib.sha256(texts.encode()).hexdigest()[:16]


def _is_derived(path):
    """Tell whether derive wrote a file and nobody has edited it since."""
    if path.suffix == ".py":
        return path.read_text().startswith(HEADER.split("{")[0])
    if path.suffix != ".ipynb":
        return False
    try:
        notebook = nbformat.read(path, 4)
    except Exception:
        return False
    stamp = notebook.metadata.get("course", {}).get("derived")
    return stamp == _stamp(notebook.cells)


def _keep_a_persons_work(path):
    """Move a notebook that somebody has worked in out of the way."""
    if path.suffix == ".ipynb" and path.exists() and not _is_derived(path):
        number = 1
        while (aside := path.with_name(f"{path.stem}.yours-{number}.ipynb")).exists():
            number += 1
        path.rename(aside)
        print(f"your edited {path.name} is kept as {aside.relative_to(ROOT)}")


def undecorated(code):
    """Drop the decorator @exercise from a cell's code."""
    lines = code.splitlines()
    for node in reversed(parse(code).body):
        for decorator in reversed(getattr(node, "decorator_list", [])):
            if isinstance(decorator, ast.Name) and decorator.id == "exercise":
                del lines[decorator.lineno - 1]
    return "\n".join(lines)
