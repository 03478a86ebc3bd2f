"""Every command that the documents tell a person to type is a true one."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from pipeline.commands import parser
from tests.conftest import BOOK, ROOT

BIN = Path(sys.executable).parent
DOCUMENTS = ("CONTRIBUTING.md", "README.md", "book/how_to.md", "book/scale.md")
KNOWN = BOOK.chapters[0].name  # stands for NAME where a chapter must be there


def commands(text):
    """Return the lines of the blocks marked sh, continued ones joined."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", text, re.S | re.M)
    joined = "".join(blocks).replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines()]


def words(command):
    """Split a command, with the Python that runs this in place of .venv's."""
    first, *others = shlex.split(command)
    return [str(BIN / first.removeprefix(".venv/bin/")), *others]


@pytest.mark.parametrize("command", [
    command for name in DOCUMENTS for command in commands((ROOT / name).read_text())])
def test_a_documented_command_is_one_that_there_is(command):
    first, *others = shlex.split(command.replace("NAME", KNOWN))
    if others[:2] == ["-m", "pipeline"]:
        parser().parse_args(others[2:])
    elif others[:1] == ["-m"] and others[1].startswith("tests."):
        assert (ROOT / f"{others[1].replace('.', '/')}.py").exists()
    elif others[:2] == ["-m", "pytest"]:
        paths = [word for word in others[2:] if "/" in word or word == "solutions"]
        assert paths and all((ROOT / path).exists() for path in paths)
    elif first == "make":
        assert re.search(rf"^{others[0]}:", (ROOT / "Makefile").read_text(), re.M)
    elif first.startswith(".venv/bin/"):
        assert (BIN / Path(first).name).exists()
    else:
        assert first in ("git", "rm")


def test_contributing_names_files_that_there_are():
    text = re.sub(r"```.*?```", "", (ROOT / "CONTRIBUTING.md").read_text(), flags=re.S)
    named = re.findall(r"`([\w./]+(?:/|\.(?:md|py|toml|yml|yaml|bib)))`", text)
    assert len(named) > 10
    for name in named:
        if not name.startswith("build/"):
            assert (ROOT / name.replace("NAME", KNOWN)).exists(), name
