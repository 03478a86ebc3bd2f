"""One chapter source: front matter, cells, tags and line numbers."""

import ast
import hashlib
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

from helpers.run import PROFILES
from pipeline.errors import BookError
from pipeline.source.code import calls, exercise_names, helper_imports, parse
from pipeline.source.myst import walk
from pipeline.source.tags import DEFINE, PARAMETERS

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
SOLUTION = re.compile(
    rf"^(?P<indent>[ \t]*){BEGIN}\n(?P<code>.*?)^[ \t]*{END}\n?", re.S | re.M
)


@dataclass
class Cell:
    """One cell of a source; `line` is where it begins, from 1.

    Of code it has the functions that are `called`, each with its first argument if
    that is a text, the `exercises` that it defines and its `imports` of helpers;
    of prose what it has `labelled`: kind, label and title of each.
    """

    kind: str
    source: str
    line: int
    tags: list
    id: str
    called: list = ()
    exercises: list = ()
    imports: list = ()
    labelled: list = ()

    @property
    def filled(self):
        """The code with its solution, without the markers."""
        return SOLUTION.sub(lambda m: m["code"], self.source).rstrip("\n")

    @property
    def blank(self):
        """The code with todo() in place of each solution."""
        return SOLUTION.sub(
            lambda m: f"{m['indent']}todo()  # your code here\n", self.source
        ).rstrip("\n")

    @property
    def is_exercise(self):
        return bool(self.exercises)


@dataclass
class Chapter:
    """One chapter: its number, its title and its cells in order."""

    name: str
    number: int
    path: Path
    cells: list
    extra_profile: str | None = None
    cover: int = 1  # which of its figures stands for it on the first page
    defaults: dict = field(default_factory=dict)

    @property
    def title(self):
        return re.search(r"^# (.+)$", self.cells[0].source, re.M)[1]

    @property
    def code(self):
        return [cell for cell in self.cells if cell.kind == "code"]

    @property
    def profiles(self):
        return PROFILES + ((self.extra_profile,) if self.extra_profile else ())

    @property
    def exercises(self):
        return [name for cell in self.code for name in cell.exercises]

    def parameters(self, profile):
        """Return the parameters of a run of this profile, all others as they are."""
        return {**self.defaults, "profile": profile}

    def passed_to(self, function):
        """Return the texts passed first to a function in the chapter's code.

        Raises BookError for a first argument that is not a literal text, since
        the source must show what it names.
        """
        found = []
        for cell in self.code:
            for called, first in cell.called:
                if called == function:
                    if not isinstance(first, str):
                        raise BookError(
                            f"{self.path.name}:{cell.line}: {function}() takes a "
                            "name in quotes as its first argument"
                        )
                    found.append(first)
        return found


def load(path):
    """Read one source. Raises BookError naming the chapter and the line."""
    return parsed(path, path.read_text())


@cache
def parsed(path, text):
    """Return the chapter of a source; it is cached, so do not change it."""
    from jupytext.myst import myst_to_notebook

    front, _ = _front_matter(path, text)
    about = front.get("course", {})
    if not isinstance(about.get("number"), int):
        raise BookError(f"{path.name}: the front matter needs course: number:")
    try:
        notebook = myst_to_notebook(text, add_source_map=True)
    except Exception as error:
        raise BookError(f"{path.name}: {error}") from error
    lines = notebook.metadata.get("source_map", [])
    seen, cells = {}, []
    for cell, line in zip(notebook.cells, lines, strict=True):
        tags = list(cell.metadata.get("tags", []))
        if cell.cell_type == "code" and exercise_names(cell.source):
            tags = [DEFINE, *[tag for tag in tags if tag != DEFINE]]
        digest = hashlib.sha256(
            "\n".join([cell.cell_type, *tags, cell.source]).encode()
        ).hexdigest()[:8]
        seen[digest] = seen.get(digest, 0) + 1
        unique = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
        cells.append(_cell(path, cell.cell_type, cell.source, line + 1, tags, unique))
    chapter = Chapter(
        path.stem, about["number"], path, cells, about.get("extra_profile"),
        about.get("cover", 1),
    )
    chapter.defaults = _defaults(chapter)
    return chapter


def _cell(path, kind, source, line, tags, name):
    cell = Cell(kind, source, line, tags, name)
    if kind == "code":
        cell.called = calls(cell.filled)
        cell.exercises = exercise_names(source)
        cell.imports = helper_imports(cell.filled)
    else:
        cell.labelled = list(walk(source, path.name, line))
    return cell


def _front_matter(path, text):
    found = re.match(r"---\n(.*?)\n---\n", text, re.S)
    if not found:
        raise BookError(f"{path.name}: there is no front matter")
    try:
        return yaml.safe_load(found[1]) or {}, found[0].count("\n")
    except yaml.YAMLError as error:
        raise BookError(f"{path.name}: the front matter is no YAML: {error}") from error


def _defaults(chapter):
    """Read the names and values of the parameters cell."""
    cells = [cell for cell in chapter.code if PARAMETERS in cell.tags]
    if len(cells) != 1:
        raise BookError(f"{chapter.path.name}: one parameters cell is needed")
    values = {}
    for node in parse(cells[0].source).body:
        try:
            values[node.targets[0].id] = ast.literal_eval(node.value)
        except (AttributeError, ValueError):
            raise BookError(
                f"{chapter.path.name}:{cells[0].line}: a parameters cell holds "
                "assignments of constants only"
            ) from None
    return values
