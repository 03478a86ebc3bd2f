"""Write a copy of chosen chapters for a class: no solutions, a seed of its own."""

import os
import re
import secrets
import shutil
import tempfile
from pathlib import Path

import nbformat

from pipeline import labels as labelling
from pipeline.chapters import ROOT, SourceError, choose, load_all
from pipeline.derive import refuse_out_of_step, undecorated, written

FILES = ("pyproject.toml", "requirements.lock", "LICENSE", "LICENSE-text")
SEEDS = 1_000_000
PACKAGE = '"""What the chapters here use of others."""\n'
GIVEN = '''"""What the chapter {name} gives; its exercises are yours to solve."""

from helpers import CourseError

{code}


def __getattr__(name):
    if name in {exercises}:
        raise CourseError(
            f"{{name}} is still blank, and this copy of the course comes without "
            "its solution. Write it and run the notebook on from there"
        )
    raise AttributeError(name)
'''
README = """# Deep Learning, Derived: {count} for a class

{chapters}

The seed of these notebooks is {seed}. You need Python 3.11 or later. Once, in
this folder:

```sh
python3 -m venv .venv
.venv/bin/python -m pip install --requirement requirements.lock
.venv/bin/python -m pip install --no-deps --editable .
```

Open a notebook from `notebooks/` with that Python and run its cells in order.
An exercise is a function or a class marked `@exercise`: put your code in place
of `todo()`, and its cell says whether it is right. A blank one stops, since
this copy has no solutions. `hint("NAME")` gives the next hint.

Hand in the notebook. An exercise is graded by its name, so keep that; an
answer may use what you import and define at the top level of any cell.
"""


def copy_for_class(folder, names=(), seed=None):
    """Write the chapters `names`, or all, into the new folder `folder`.

    Each notebook gets `seed`, a whole number from 0 on, or else a fresh one.
    Returns a line that says what was written. Raises SourceError for an
    unknown chapter, a seed that cannot be and a folder that is not empty.
    """
    folder = Path(folder).resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SourceError(f"{folder} is there already: name a folder that is not")
    if seed is None:
        seed = secrets.randbelow(SEEDS)
    if seed < 0:
        raise SourceError(f"a seed is a whole number from 0 on, not {seed}")
    chapters = choose(names)
    refuse_out_of_step()
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        _write(part, chapters, seed)
        part.chmod(0o755)
        os.replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return f"wrote {_count(chapters)} with the seed {seed} to {folder}"


def _write(folder, chapters, seed):
    chosen = {chapter.name for chapter in chapters}
    book = load_all()
    strange = [f"{other.name}.py" for other in book if other.name not in chosen]
    shutil.copytree(ROOT / "helpers", folder / "helpers",
                    ignore=lambda at, names: {"__pycache__"} | (
                        set(strange) if Path(at).name == "exercises" else set()))
    (folder / "notebooks").mkdir()
    for chapter in chapters:
        name = f"{chapter.name}.ipynb"
        notebook = nbformat.read(ROOT / "notebooks" / name, 4)
        (folder / "notebooks" / name).write_text(written(_seeded(notebook, seed)))
    for chapter in reached(chapters, book):
        path = folder / "solutions" / f"{chapter.name}.py"
        path.parent.mkdir(exist_ok=True)
        (path.parent / "__init__.py").write_text(PACKAGE)
        path.write_text(given(chapter) if chapter.name in chosen else
                        (ROOT / "solutions" / path.name).read_text())
    for name in FILES:
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, folder)
    listed = "\n".join(f"- {chapter.number}. *{chapter.title}*: "
                       f"`notebooks/{chapter.name}.ipynb`" for chapter in chapters)
    (folder / "README.md").write_text(README.format(
        count=_count(chapters), seed=seed, chapters=listed))


def reached(chapters, book):
    """Return those of the `book` whose solved code these reach by solution(…)."""
    names = {name for chapter in chapters
             for name in labelling.constants_passed(chapter, "solution")}
    return [chapter for chapter in book if chapter.name in names]


def given(chapter):
    """Return the module of what a chapter defines outside of its exercises."""
    cells = [undecorated(cell.filled) for cell in chapter.code
             if "define" in cell.tags and not cell.is_exercise]
    return GIVEN.format(name=chapter.name, code="\n\n\n".join(cells),
                        exercises=tuple(chapter.exercises))


def _seeded(notebook, seed):
    """Set the seed, and drop the cell that would install the solutions too."""
    notebook.cells = [cell for cell in notebook.cells
                      if "bootstrap" not in cell.metadata.get("tags", [])]
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = re.sub(r"^seed = .*$", f"seed = {seed}", cell.source,
                                 flags=re.M)
    notebook.metadata.pop("course", None)
    return notebook


def _count(chapters):
    return f"{len(chapters)} chapter{'s' if len(chapters) > 1 else ''}"
