"""A submission is read without running it, and a class is given no answer."""

import ast
import json
import sys
from types import ModuleType

import pytest

from helpers import CourseError
from pipeline.classroom.copy import given, reached
from pipeline.classroom.sandbox.submission import needed, statements, states
from tests.conftest import BOOK

CELLS = ["from helpers import exercise, todo", "%pip list\nimport math",
         "EPS = 1e-3\nunused = slow()",
         "@exercise\ndef first(x):\n    todo()",
         "def twice(x):\n    unused = 2\n    return unused * x",
         "@exercise\ndef second(x):\n    return first(twice(x)) + EPS",
         "def second(x):\n    todo()", "def third(x) return x", "first = 3"]
NOTEBOOK = json.dumps({"cells": [{"cell_type": "code", "source": [code]}
                                 for code in CELLS]})


def test_a_submission_is_read_without_running_it():
    told = states(NOTEBOOK, ["first", "second", "third", "fourth"])
    assert told.pop("third").startswith("SyntaxError")
    assert told == {"first": "blank", "second": "answered", "fourth": "missing"}


def test_an_answer_brings_what_it_leads_to_and_no_more():
    found, _ = statements(NOTEBOOK)
    code = "\n".join(s.code for s in needed(found, "second", ["first", "second"]))
    names = {"first": lambda x: x * 10}
    for node in ast.parse(code).body:
        if node.__class__ is not ast.FunctionDef or node.name != "first":
            exec(ast.unparse(node), names)
    assert names["second"](3) == 60.001
    assert "slow" not in code and "math" not in code and "@" not in code
    assert code.count("def first") == code.count("def second") == 1


@pytest.mark.parametrize("chapter", reached(BOOK.chapters, BOOK.chapters),
                         ids=lambda c: c.name)
def test_what_a_chapter_reaches_of_another_is_given_without_its_exercises(chapter):
    module = ModuleType(chapter.name)
    exec(given(chapter), vars(module))
    for name in chapter.exercises:
        with pytest.raises(CourseError, match=f"{name} is still blank"):
            getattr(module, name)
    users = [user for user in BOOK.chapters if reached([user], [chapter])]
    trees = [ast.parse(cell.filled) for user in users for cell in user.code]
    bound = {node.targets[0].id for tree in trees for node in ast.walk(tree)
             if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
             and ast.unparse(node.value) in (f"solution('{chapter.name}')",)}
    wanted = {node.attr for tree in trees for node in ast.walk(tree)
              if isinstance(node, ast.Attribute)
              and getattr(node.value, "id", None) in bound}
    assert wanted
    seen = set()
    while wanted:
        name = wanted.pop()
        seen.add(name)
        code = getattr(getattr(module, name), "__code__", None)
        if code is not None:
            assert not set(code.co_names) & set(chapter.exercises), name
            wanted |= {n for n in code.co_names if hasattr(module, n)} - seen
    assert sys.modules.get("solutions") is not module
