"""The importable module of a chapter's solutions: its cells tagged `define`."""

from pipeline.source.code import undecorated
from pipeline.source.tags import DEFINE

PACKAGE = '"""The solved functions and classes of each chapter, derived."""\n'
HEADER = '"""Derived from book/chapters/{name}.md, whose solutions it holds."""\n'


def module(chapter):
    """Return the text of the module."""
    parts = [undecorated(cell.filled) for cell in chapter.code if DEFINE in cell.tags]
    return HEADER.format(name=chapter.name) + "\n" + "\n\n\n".join(parts) + "\n"


def is_module(path):
    """Return whether a file is such a module, of any chapter."""
    return (path.suffix == ".py"
            and path.read_text().startswith(HEADER.split("{")[0]))
