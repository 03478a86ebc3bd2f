"""The page "How the course is made" says what the code says."""

import ast
import doctest
import re
import xml.etree.ElementTree as ET
from importlib import import_module

import pytest

from helpers import HOME
from pipeline.book import here
from pipeline.derive import products
from pipeline.derive.making import chapter_drawing, texts
from pipeline.errors import BookError

BOOK = here()
PAGE = BOOK.root / "book" / "making.md"
SVG = "{http://www.w3.org/2000/svg}"
# A path of the tree, or one with the name of something that the file defines.
NAMED = re.compile(r"`((?:[\w.-]+/)*[\w.-]+\.(?:py|md|toml|yml|css))(?::([\w.]+))?`"
                   r"|`((?:[\w.-]+/)+)`")


@pytest.fixture(scope="module")
def derived():
    return products(BOOK)


def defined(path):
    """Return the names that a module defines, those of methods with their class."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign):
            yield from (getattr(target, "id", "") for target in node.targets)
        elif hasattr(node, "name"):
            yield node.name
            yield from (f"{node.name}.{inner.name}" for inner in node.body
                        if hasattr(inner, "name"))


def test_the_page_names_files_and_functions_that_there_are():
    name = BOOK.chapters[0].name
    found = [match.groups() for match in NAMED.finditer(PAGE.read_text())]
    assert len(found) > 30
    for file, attribute, folder in found:
        path = BOOK.root / (file or folder).replace("NAME", name)
        if path.relative_to(BOOK.root).parts[0] not in ("build", "_build"):
            assert path.exists(), file or folder
        if attribute:
            assert attribute in defined(path), f"{file}:{attribute}"


def test_the_drawing_shows_every_derived_file_of_a_chapter(derived):
    drawing = ET.fromstring(chapter_drawing(BOOK, derived))
    shown = {text.text for text in drawing.iter(f"{SVG}text")}
    name = BOOK.chapters[0].name
    for path in derived:
        if path.stem == name:
            assert str(BOOK.relative(path)).replace(name, "NAME") in shown
    assert "book/chapters/NAME.md" in shown
    assert drawing.find(f"{SVG}title").text and drawing.find(f"{SVG}desc").text


def test_a_derived_file_that_the_drawing_lacks_is_refused(derived):
    more = [*derived, BOOK.root / "solutions" / f"{BOOK.chapters[0].name}.txt"]
    with pytest.raises(BookError, match="solutions/NAME.txt is derived and not drawn"):
        chapter_drawing(BOOK, more)


def test_every_module_has_a_row_and_every_course_name_an_entry(derived):
    parts = {path.stem: text for path, text in texts(BOOK, derived).items()}
    for module in ("pipeline/run/key.py", "pipeline/commands.py", "helpers/run.py"):
        package, *rest = module.removesuffix(".py").split("/")
        assert f"| `{'.'.join(rest)}` |" in parts[package]
    for name in ("start", "verify", "record", "exercise", "asset", "CourseError"):
        assert f":: helpers.{name}\n" in parts["api"]


@pytest.mark.parametrize("home", sorted(
    {home for name, home in HOME.items() if "." not in home or name == "asset"}))
def test_the_examples_of_the_docstrings_give_what_they_show(home):
    assert doctest.testmod(import_module(f"helpers.{home}")).failed == 0
