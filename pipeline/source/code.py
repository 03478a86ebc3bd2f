"""Every walk over Python code: what cells define, call, import and assign."""

import ast
from functools import cache

from helpers import HOME

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)
PACKAGES = ("helpers", "solutions", "pipeline")


@cache
def parse(code):
    """Return the tree of a cell's code, for reading only.

    It is empty for code that is not plain Python, as with IPython's magics.
    """
    try:
        return ast.parse(code)
    except SyntaxError:
        return ast.Module([], [])


@cache
def nodes(code):
    """Return all nodes of a cell's code, for reading only."""
    return tuple(ast.walk(parse(code)))


def exercise_names(code):
    """Return the functions and classes that @exercise decorates in a cell."""
    if "@exercise" not in code:
        return []
    return [node.name for node in parse(code).body
            if any(getattr(decorator, "id", None) == "exercise"
                   for decorator in getattr(node, "decorator_list", []))]


def undecorated(code):
    """Return a cell's code without the decorator @exercise."""
    lines = code.splitlines()
    for node in reversed(parse(code).body):
        for decorator in reversed(getattr(node, "decorator_list", [])):
            if getattr(decorator, "id", None) == "exercise":
                del lines[decorator.lineno - 1]
    return "\n".join(lines)


@cache
def calls(code):
    """Return the names called in code, each with its first argument if a text."""
    return [(node.func.id, _text(node.args[0]) if node.args else None)
            for node in nodes(code)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]


def _text(node):
    """Return the text that a node is, or None."""
    value = getattr(node, "value", None)
    return value if isinstance(value, str) else None


def calls_method(code, name):
    """Return whether code calls a method of this name, of any object."""
    return any(isinstance(node, ast.Call) and getattr(node.func, "attr", "") == name
               for node in nodes(code))


@cache
def texts_by_name(code):
    """Return the names to which code assigns a constant, with the constant."""
    pairs = []
    for node in nodes(code):
        if isinstance(node, ast.Assign):
            (target,), value = node.targets[:1], node.value
            pairs += (zip(target.elts, value.elts, strict=False)
                      if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
                      else [(target, value)])
    return {target.id: value.value for target, value in pairs
            if isinstance(target, ast.Name) and isinstance(value, ast.Constant)}


def keyword_of(code, function, keyword, known):
    """Yield the first argument of each call of a function, and one keyword's text.

    The text stands in the call, or under a name in the dict `known`; it is None
    where it is found in neither.
    """
    if function not in code:
        return
    for node in nodes(code):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == function:
            value = {word.arg: word.value for word in node.keywords}.get(keyword)
            text = known.get(getattr(value, "id", None), _text(value))
            yield node.args[0].value, text if isinstance(text, str) else None


@cache
def helper_imports(code):
    """Return the modules of helpers that code imports, also inside of functions."""
    modules = []
    if "helpers" not in code:
        return modules
    for node in nodes(code):
        if isinstance(node, ast.Import):
            modules += [a.name for a in node.names if a.name.startswith("helpers")]
        elif isinstance(node, ast.ImportFrom) and node.module == "helpers":
            modules += [f"helpers.{HOME.get(a.name, a.name)}" for a in node.names]
        elif isinstance(node, ast.ImportFrom) and str(node.module).startswith(
            "helpers."
        ):
            modules += [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
    return modules


def untraceable_import(code):
    """Return whether code imports the course in a way that a key cannot trace."""
    if not any(package in code for package in PACKAGES):
        return False
    for node in nodes(code):
        if isinstance(node, ast.Import):
            roots = {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            roots = {(node.module or "").split(".")[0]}
            if node.module == "helpers" and not any(
                alias.asname or alias.name == "*" for alias in node.names
            ):
                continue
        else:
            continue
        if roots.intersection(PACKAGES):
            return True
    return False


def computation(code):
    """Return a text that does not depend on the code's layout and docstrings."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)
