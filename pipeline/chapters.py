"""Read the chapter sources: front matter, cells, tags, line numbers."""

import ast
import hashlib
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml
from jupytext.myst import myst_to_notebook

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "book" / "chapters"

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
SOLUTION = re.compile(
    rf"^(?P<indent>[ \t]*){BEGIN}\n(?P<code>.*?)^[ \t]*{END}\n?", re.S | re.M
)
COMPARED = "nbval-check-output"


class SourceError(Exception):
    """A chapter source, or what was made from it, that needs a person."""


@dataclass
class Cell:
    """One cell of a source; `line` is where it begins, from 1."""

    kind: str
    source: str
    line: int
    tags: list
    id: str

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
        return self.kind == "code" and bool(exercise_names(self.source))


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
        return ("quick", "full") + ((self.extra_profile,) if self.extra_profile else ())

    @property
    def exercises(self):
        return [name for cell in self.code for name in exercise_names(cell.source)]


def load(path):
    """Read one source. Raises SourceError naming the chapter and the line."""
    return _read(path, path.read_text())


@cache
def _read(path, text):
    """Return the chapter of a source; nobody changes it afterwards."""
    front, start = _front_matter(path, text)
    about = front.get("course", {})
    if not isinstance(about.get("number"), int):
        raise SourceError(f"{path.name}: the front matter needs course: number:")
    try:
        notebook = myst_to_notebook(text, add_source_map=True)
    except Exception as error:
        raise SourceError(f"{path.name}: {error}") from error
    lines = notebook.metadata.get("source_map", [])
    seen, cells = {}, []
    for cell, line in zip(notebook.cells, lines, strict=True):
        tags = list(cell.metadata.get("tags", []))
        if cell.cell_type == "code" and exercise_names(cell.source):
            tags = ["define", *[tag for tag in tags if tag != "define"]]
        digest = hashlib.sha256(
            "\n".join([cell.cell_type, *tags, cell.source]).encode()
        ).hexdigest()[:8]
        seen[digest] = seen.get(digest, 0) + 1
        unique = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
        cells.append(Cell(cell.cell_type, cell.source, line + 1, tags, unique))
    chapter = Chapter(
        path.stem, about["number"], path, cells, about.get("extra_profile"),
        about.get("cover", 1),
    )
    chapter.defaults = _defaults(chapter)
    _refuse_bad_cells(chapter)
    return chapter


def load_all():
    """Read every source, in the order of the chapters' numbers."""
    chapters = sorted(map(load, SOURCES.glob("*.md")), key=lambda c: c.number)
    numbers = [chapter.number for chapter in chapters]
    if len(set(numbers)) < len(numbers):
        raise SourceError("two chapters have the same number")
    return chapters


def choose(wanted):
    """Return the chapters of these names, or all when none is named."""
    chapters = {chapter.name: chapter for chapter in load_all()}
    unknown = [name for name in wanted if name not in chapters]
    if unknown:
        raise SourceError(
            f"there is no chapter {unknown[0]!r}; the chapters are "
            f"{', '.join(chapters)}"
        )
    return [chapters[name] for name in wanted or chapters]


def exercise_names(code):
    """Return the functions and classes that @exercise decorates in a cell."""
    if "@exercise" not in code:
        return []
    return [
        node.name
        for node in parse(code).body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        and any(isinstance(d, ast.Name) and d.id == "exercise"
                for d in node.decorator_list)
    ]


def parse(code):
    """Parse a cell's code; an empty tree where it is no plain Python."""
    try:
        return ast.parse(code)
    except SyntaxError:
        return ast.Module([], [])


def config():
    """Return _config.yml."""
    return yaml.safe_load((ROOT / "_config.yml").read_text())


def _front_matter(path, text):
    found = re.match(r"---\n(.*?)\n---\n", text, re.S)
    if not found:
        raise SourceError(f"{path.name}: there is no front matter")
    return yaml.safe_load(found[1]), found[0].count("\n")


def _defaults(chapter):
    """Read the names and values of the parameters cell."""
    cells = [cell for cell in chapter.code if "parameters" in cell.tags]
    if len(cells) != 1:
        raise SourceError(f"{chapter.path.name}: one parameters cell is needed")
    values = {}
    for node in parse(cells[0].source).body:
        try:
            values[node.targets[0].id] = ast.literal_eval(node.value)
        except (AttributeError, ValueError):
            raise SourceError(
                f"{chapter.path.name}:{cells[0].line}: a parameters cell holds "
                "assignments of constants only"
            ) from None
    return values


def _refuse_bad_cells(chapter):
    if not re.match(r"\s*# \S", chapter.cells[0].source):
        raise SourceError(f"{chapter.path.name}: the first cell begins with # Title")
    for cell in chapter.code:
        where = f"{chapter.path.name}:{cell.line}"
        try:
            tree = ast.parse(cell.filled)
        except SyntaxError as error:
            raise SourceError(f"{where}: {error.msg} in the cell's line "
                              f"{error.lineno}") from error
        if BEGIN in cell.blank or END in cell.blank:
            raise SourceError(f"{where}: a solution marker has no partner")
        for name in exercise_names(cell.source):
            if BEGIN not in cell.source:
                raise SourceError(f"{where}: {name} has no {BEGIN} … {END}")
        calls = {getattr(node.func, "id", "") for node in ast.walk(tree)
                 if isinstance(node, ast.Call)}
        if calls & {"record", "verify"} and not {COMPARED, "define"} & set(cell.tags):
            raise SourceError(
                f"{where}: a cell that records or verifies needs the tag {COMPARED}"
            )
        _refuse_imports(tree, where)
        if "define" in cell.tags:
            for node in tree.body:
                if not isinstance(node, (ast.Import, ast.ImportFrom,
                                         ast.FunctionDef, ast.ClassDef)):
                    raise SourceError(
                        f"{where}: a cell tagged define holds imports, "
                        "functions and classes only"
                    )


def _refuse_imports(tree, where):
    """Refuse the imports that freshness and the gates could not follow."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            roots = {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            roots = {(node.module or "").split(".")[0]}
            plain = node.module == "helpers" and not any(
                alias.asname or alias.name == "*" for alias in node.names
            )
            if plain:
                continue
        else:
            continue
        if roots & {"helpers", "solutions", "pipeline"}:
            raise SourceError(
                f"{where}: write `from helpers import NAME`; other chapters are "
                "reached by solution(\"NAME\")"
            )
