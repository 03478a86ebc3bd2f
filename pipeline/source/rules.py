"""The rules for a chapter's cells; a violation is named by file and line."""

import ast
import re

from pipeline.errors import BookError
from pipeline.source.chapter import BEGIN, END
from pipeline.source.code import untraceable_import
from pipeline.source.tags import COMPARED, DEFINE, MEANING

DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
COMPARING = {"record", "verify"}


def refuse_bad_cells(chapter):
    """Raise BookError for the first cell that breaks a rule."""
    if not re.match(r"\s*# \S", chapter.cells[0].source):
        raise BookError(f"{chapter.path.name}: the first cell begins with # Title")
    for cell in chapter.code:
        if broken := _broken_rule(cell):
            raise BookError(f"{chapter.path.name}:{cell.line}: {broken}")


def _broken_rule(cell):
    """Return what is wrong with a code cell, or None."""
    try:
        tree = ast.parse(cell.filled)
    except SyntaxError as error:
        return f"{error.msg} in the cell's line {error.lineno}"
    if unknown := [tag for tag in cell.tags if tag not in MEANING]:
        return f"the tag {unknown[0]} is not one of {', '.join(MEANING)}"
    if BEGIN in cell.blank or END in cell.blank:
        return "a solution marker has no partner"
    for name in cell.exercises:
        if BEGIN not in cell.source:
            return f"{name} has no {BEGIN} … {END}"
    if (COMPARING.intersection(name for name, _ in cell.called)
            and not {COMPARED, DEFINE}.intersection(cell.tags)):
        return f"a cell that records or verifies needs the tag {COMPARED}"
    if untraceable_import(cell.filled):
        return ("write `from helpers import NAME`; other chapters are reached by "
                "solution(\"NAME\")")
    if DEFINE in cell.tags and not all(
            isinstance(node, DEFINITIONS) for node in tree.body):
        return "a cell tagged define holds imports, functions and classes only"
    return None
