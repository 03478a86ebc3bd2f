"""Read a submitted notebook without running any of it.

Only the sandbox's guest imports this, inside the sandbox, because some texts
crash Python's parser.
"""

import ast
import json
import symtable
from dataclasses import dataclass

DEFINITIONS = (ast.FunctionDef, ast.ClassDef)


@dataclass
class Statement:
    """One top-level statement of a notebook."""

    code: str
    defines: str | None  # the function or class that it is
    blank: bool  # whether it calls todo()
    binds: set
    uses: set  # the global names in it, those inside of functions too


def statements(notebook):
    """Return the top-level statements of a notebook's text, and its bad cells.

    A bad cell is its code and the SyntaxError that Python finds in it. Raises
    ValueError when the text is not a notebook.
    """
    try:
        cells = json.loads(notebook)["cells"]
        sources = ["".join(cell["source"]) for cell in cells
                   if cell["cell_type"] == "code"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"this is no notebook ({type(error).__name__}: {error})"
                         ) from None
    found, bad = [], []
    for source in sources:
        try:
            found += map(statement, _parse(source).body)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            bad.append((source, f"{type(error).__name__}: {error}"))
    return found, bad


def _parse(source):
    try:
        return ast.parse(source)
    except SyntaxError:  # perhaps only IPython's own lines
        lines = source.splitlines()
        return ast.parse("\n".join(
            "" if line.lstrip()[:1] in ("%", "!", "?") else line for line in lines))


def statement(node):
    defines = node.name if isinstance(node, DEFINITIONS) else None
    if defines:
        node.decorator_list = [d for d in node.decorator_list
                               if getattr(d, "id", None) != "exercise"]
    blank = any(getattr(inner, "id", None) == "todo" for inner in ast.walk(node))
    code = ast.unparse(node)
    table = symtable.symtable(code, "submission", "exec")
    binds = {s.get_name() for s in table.get_symbols()
             if s.is_assigned() or s.is_imported()}
    return Statement(code, defines, blank, binds, _globals(table))


def _globals(table):
    here = {s.get_name() for s in table.get_symbols() if s.is_referenced()
            and (s.is_global() or table.get_type() == "module")}
    return here.union(*map(_globals, table.get_children()))


def answer_of(found, name):
    """Return the index of an exercise's last answer, blank or not, or None."""
    indices = [i for i, s in enumerate(found) if s.defines == name]
    filled = [i for i in indices if not found[i].blank]
    return (filled or indices or [None])[-1]


def states(notebook, exercises):
    """Return the state of each exercise: answered, blank, missing or an error."""
    found, bad = statements(notebook)
    told = {}
    for name in exercises:
        index = answer_of(found, name)
        if index is not None:
            told[name] = "blank" if found[index].blank else "answered"
        else:
            errors = [error for source, error in bad
                      if f"def {name}(" in source or f"class {name}" in source]
            told[name] = errors[0] if errors else "missing"
    return told


def needed(found, name, exercises):
    """Return the statements that an answer depends on, in the notebook's order.

    A name that several statements bind is taken from the last one before
    where it is used; that of another exercise, from its answer.
    """
    chosen, wanted = set(), [answer_of(found, name)]
    while wanted:
        index = wanted.pop()
        if index in chosen:
            continue
        chosen.add(index)
        for used in found[index].uses:
            binders = [i for i, s in enumerate(found) if used in s.binds]
            if used in exercises and answer_of(found, used) is not None:
                wanted.append(answer_of(found, used))
            elif binders:
                wanted.append(max((i for i in binders if i < index),
                                  default=binders[0]))
    return [found[index] for index in sorted(chosen)]
