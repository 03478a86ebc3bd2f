"""Write a copy of chosen chapters for a class: no solutions, a seed of its own."""

import re
import secrets
import shutil
from pathlib import Path

from helpers.files import write_whole
from pipeline.derive import refuse_out_of_step
from pipeline.errors import BookError
from pipeline.ipynb import as_text, read
from pipeline.source.code import undecorated
from pipeline.source.tags import BOOTSTRAP, DEFINE, PARAMETERS, tags_of

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


def copy_for_class(book, folder, wanted=(), seed=None):
    """Write the chapters `wanted`, or all, into the new folder `folder`.

    Each notebook gets `seed`, a whole number from 0 on, or else a fresh one.
    Returns a line that says what was written. Raises BookError for an
    unknown chapter, a seed that cannot be and a folder that is not empty.
    """
    folder = Path(folder).resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BookError(f"{folder} is there already: name a folder that is not")
    if seed is None:
        seed = secrets.randbelow(SEEDS)
    if seed < 0:
        raise BookError(f"a seed is a whole number from 0 on, not {seed}")
    chapters = book.choose(wanted)
    refuse_out_of_step(book)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with write_whole(folder) as part:
        part.mkdir()
        _write(book, part, chapters, seed)
    return f"wrote {_count(chapters)} with the seed {seed} to {folder}"


def _write(book, folder, chapters, seed):
    chosen = {chapter.name for chapter in chapters}
    others = [f"{other.name}.py" for other in book.chapters if other.name not in chosen]
    shutil.copytree(book.helpers, folder / "helpers",
                    ignore=lambda at, names: {"__pycache__"} | (
                        set(others) if Path(at).name == "exercises" else set()))
    (folder / "notebooks").mkdir()
    for chapter in chapters:
        path = book.notebook("notebooks", chapter.name)
        text = as_text(_seeded(read(path), seed))
        (folder / "notebooks" / path.name).write_text(text)
    for chapter in reached(chapters, book.chapters):
        path = folder / "solutions" / f"{chapter.name}.py"
        path.parent.mkdir(exist_ok=True)
        (path.parent / "__init__.py").write_text(PACKAGE)
        path.write_text(given(chapter) if chapter.name in chosen else
                        book.module(chapter.name).read_text())
    for name in FILES:
        if (book.root / name).exists():
            shutil.copy(book.root / name, folder)
    listed = "\n".join(f"- {chapter.number}. *{chapter.title}*: "
                       f"`notebooks/{chapter.name}.ipynb`" for chapter in chapters)
    (folder / "README.md").write_text(README.format(
        count=_count(chapters), seed=seed, chapters=listed))


def reached(chapters, every):
    """Return those of `every` whose solved code the chapters reach by solution(…)."""
    names = {name for chapter in chapters for name in chapter.passed_to("solution")}
    return [chapter for chapter in every if chapter.name in names]


def given(chapter):
    """Return the module of what a chapter defines outside of its exercises."""
    cells = [undecorated(cell.filled) for cell in chapter.code
             if DEFINE in cell.tags and not cell.is_exercise]
    return GIVEN.format(name=chapter.name, code="\n\n\n".join(cells),
                        exercises=tuple(chapter.exercises))


def _seeded(notebook, seed):
    """Set the seed, and drop the cell that would install the solutions too."""
    notebook.cells = [cell for cell in notebook.cells
                      if BOOTSTRAP not in tags_of(cell)]
    for cell in notebook.cells:
        if PARAMETERS in tags_of(cell):
            cell.source = re.sub(r"^seed = .*$", f"seed = {seed}", cell.source,
                                 flags=re.M)
    notebook.metadata.pop("course", None)
    return notebook


def _count(chapters):
    return f"{len(chapters)} chapter{'s' if len(chapters) > 1 else ''}"
