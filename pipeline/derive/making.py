"""What the page "How the course is made" includes: a drawing, tables and the API.

Its prose is book/making.md. All that can be read from the code is written here,
from the paths that derive returns, from docstrings and from the lists of tags,
directives and roles.
"""

import ast
from html import escape

from helpers import HOME
from pipeline.derive.drawing import Box, drawing
from pipeline.errors import BookError
from pipeline.layers import place
from pipeline.source import tags
from pipeline.source.myst import DIRECTIVES, ROLES
from pipeline.tables import table

RETURNED = {"start": "Run", "kept_sweep": "Sweep"}  # classes that authors meet
SOURCE = "", "the only file of a chapter's text that a person edits"
# What is derived of each chapter, in the order of the drawing.
DERIVED = {
    "solutions/NAME.py": (
        "derive", "the functions and classes of its cells tagged define, as a module"),
    "notebooks/NAME.ipynb": ("derive", "exercises blank; this is what Colab opens"),
    "solutions/NAME.ipynb": (
        "derive", "exercises filled in; the command references adds outputs, with "
                  "which nbval compares its own run"),
}
COPY = "run", "papermill executes the blank notebook in a process of its own"
KEPT = "results", "the records of a full run, for the page of results"
PAGE = "book", "the prose of the source with the outputs of the executed copy"
CAPTION = (
    "One source, and what each command makes of it. Notice that the page at the bottom "
    "has two parents: its words come from the source, its numbers from an executed "
    "copy, and the notebooks that are committed never reach it.")


def texts(book, derived):
    """Return the text of each part that the page includes, by its path.

    `derived` holds every other derived file. A book without the page has none.
    """
    folder = book.root / "book" / "making"
    if not folder.with_suffix(".md").exists():
        return {}
    parts = {
        "drawing": _figure(book, derived),
        "helpers": _rooms(book, "helpers"),
        "pipeline": _rooms(book, "pipeline"),
        "tests": _tests(book),
        "tags": _tags(),
        "myst": _myst(),
        "api": _api(book),
    }
    return {folder / f"{name}.md": text + "\n" for name, text in parts.items()}


def _figure(book, derived):
    """Return the drawing of one chapter's files, as HTML in a directive."""
    svg = chapter_drawing(book, derived)
    return "\n".join([
        "```{raw} html", f'<figure class="course-figure diagram">{svg}',
        f"<figcaption>{escape(CAPTION)}</figcaption></figure>", "```"])


def chapter_drawing(book, derived):
    """Return the SVG of a source and what follows from it.

    Raises BookError for a derived file of a chapter that DERIVED does not know,
    and for one in DERIVED that is not derived.
    """
    chapter = book.chapters[0]

    def path(place):
        return str(book.relative(place)).replace(chapter.name, "NAME")

    found = {path(each) for each in derived if each.stem == chapter.name}
    if unknown := found ^ DERIVED.keys():
        raise BookError(f"pipeline/derive/making.py: {min(unknown)} is derived and "
                        "not drawn, or drawn and not derived")
    module, blank, filled = (Box(name, *about) for name, about in DERIVED.items())
    boxes = [
        Box(path(chapter.path), *SOURCE), module, blank,
        Box(path(book.executed("quick", chapter.name)), *COPY), filled,
        Box(path(book.results / f"{chapter.name}.json"), *KEPT),
        Box(path(book.page(f"notebooks/{chapter.name}")), *PAGE),
    ]
    return drawing("making", "What follows from the source of one chapter", boxes,
                   trunk=(1, 2, 4, 6), down=(3, 4), right=((3, 5), (3, 6)))


def _rooms(book, package):
    """Return the table of a package's modules, in the order of imports.

    The row of a room stands before its first module.
    """
    chapters = {chapter.name for chapter in book.chapters}
    modules = {".".join(path.relative_to(book.root).with_suffix("").parts): path
               for path in (book.root / package).rglob("*.py")
               if path.parent.name != "scaffold" and path.stem not in chapters}
    rows, rooms = [], set()
    for module in sorted(modules, key=lambda module: (place(module), module)):
        room, _, name = module.rpartition(".")
        if room not in rooms and room != package:
            rooms.add(room)
            says = _sentence(modules[f"{room}.__init__"])
            rows.append((f"**`{room}`**", f"**{says}**"))
        if name != "__init__":
            rows.append((f"`{module.removeprefix(f'{package}.')}`",
                         _sentence(modules[module])))
    return "\n".join(table(("module", "what it is"), rows))


def _tests(book):
    """Return the table of the folders of tests that say what they hold."""
    rows = [(f"`tests/{path.parent.name}`", _sentence(path))
            for path in sorted((book.root / "tests").glob("*/__init__.py"))
            if path.read_text()]
    return "\n".join(table(("folder", "what it is"), rows))


def _sentence(path):
    """Return the first sentence of a module's docstring.

    Raises BookError for a module that has none.
    """
    says = ast.get_docstring(ast.parse(path.read_text()))
    if not says:
        raise BookError(f"{path.name} in {path.parent.name} has no docstring")
    return " ".join(says.split("\n\n")[0].split()).replace("|", "\\|")


def _tags():
    rows = [(f"`{tag}`", says) for tag, says in tags.MEANING.items()]
    rows += [(f"`{tag}`", f"{says}; `derive` writes this cell")
             for tag, says in tags.DERIVED.items()]
    return "\n".join(table(("tag", "what it means"), rows))


def _myst():
    """Return the tables of directives, those of one meaning in a row, and roles."""
    meanings = {}
    for name, says in DIRECTIVES.items():
        meanings.setdefault(says, []).append(f"`{{{name}}}`")
    directives = [(", ".join(names), says) for says, names in meanings.items()]
    roles = [(f"`{{{name}}}`", says) for name, says in ROLES.items()]
    return "\n".join([*table(("directive", "what it means"), directives), "",
                      *table(("role", "what it means"), roles)])


def _api(book):
    """Return the course's names for authors, which Sphinx fills from docstrings."""
    homes = {}
    for name, home in HOME.items():
        if "." not in home or name == "asset":
            homes.setdefault(home, []).append(name)
    lines = []
    for home, names in homes.items():
        path = book.helpers.joinpath(*home.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        kinds = {node.name: node for node in ast.parse(path.read_text()).body
                 if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        lines += [f"**`helpers.{home}`**: {_sentence(path)}", "", "```{eval-rst}"]
        for name in names:
            kind = "function" if isinstance(kinds[name], ast.FunctionDef) else "class"
            lines.append(f".. auto{kind}:: helpers.{name}")
            if returned := RETURNED.get(name):
                lines += [f".. autoclass:: helpers.{home}.{returned}()", "   :members:"]
        lines += ["```", ""]
    return "\n".join(lines).rstrip()
