"""Number what the book numbers, and hold the gate of verified equations."""

import ast
from collections import Counter
from dataclasses import dataclass
from functools import cache

from pipeline.chapters import SourceError, parse
from pipeline.myst import walk

DEFINITION = "def-"


@dataclass
class Label:
    """A labelled thing: its printed name (such as "Exercise 2.1") and kind."""

    name: str
    kind: str
    number: str
    chapter: str
    text: str

    @property
    def is_claim(self):
        return self.kind == "equation" and not self.name.startswith(DEFINITION)


def collect(chapters):
    """Return every label of the book by name, numbered as the site does."""
    labels = {}
    for chapter in chapters:
        counts = {}
        for cell in chapter.cells:
            if cell.kind != "markdown":
                continue
            for kind, name, title in walk(cell.source, chapter.path.name, cell.line):
                if kind == "section":
                    number, text = "", title
                else:
                    counts[kind] = counts.get(kind, 0) + 1
                    number = f"{chapter.number}.{counts[kind]}"
                    text = f"{kind.capitalize()} {number}"
                if name in labels:
                    raise SourceError(
                        f"{chapter.path.name}: the label {name} is already "
                        f"used in {labels[name].chapter}"
                    )
                labels[name] = Label(name, kind, number, chapter.name, text)
    return labels


def verified(chapter):
    """Return the labels that the code of a chapter verifies."""
    return constants_passed(chapter, "verify")


def constants_passed(chapter, function):
    """Return the texts passed first to a function in a chapter's code.

    Raises SourceError for a first argument that is not written out, since
    nobody could then tell from the source what it names.
    """
    found = []
    for cell in chapter.code:
        for called, first in _calls(cell.filled):
            if called == function:
                if not isinstance(first, str):
                    raise SourceError(
                        f"{chapter.path.name}:{cell.line}: {function}() takes a "
                        "name in quotes as its first argument"
                    )
                found.append(first)
    return found


@cache
def _calls(code):
    """Return the names that are called in code, with their first constant or None."""
    return [(node.func.id, getattr(node.args[0], "value", None) if node.args else None)
            for node in ast.walk(parse(code))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]


def refuse_unverified(chapters, labels):
    """Raise SourceError for a claim without a check and an unknown label."""
    for chapter in chapters:
        equations = {label.name: label for label in labels.values()
                     if label.kind == "equation" and label.chapter == chapter.name}
        checked = verified(chapter)
        for name in checked:
            if name not in equations:
                raise SourceError(
                    f"{chapter.path.name}: verify(\"{name}\", …) names no "
                    "equation of this chapter"
                )
        for name, label in equations.items():
            if label.is_claim and name not in checked:
                raise SourceError(
                    f"{chapter.path.name}: nothing verifies the claim {name}, "
                    f"equation ({label.number}). Add a verify() cell, or call it "
                    f"{DEFINITION}… if it is a definition"
                )


def unreached(claims, scraps):
    """Return those of the `verified` claims that an executed run did not reach."""
    reached = Counter(name.removeprefix("verify:").partition("#")[0]
                      for name in scraps if name.startswith("verify:"))
    written = Counter(claims)
    return [name for name in written if reached[name] < written[name]]
