"""The commands of the pipeline: each is told of, and says in a line what is wrong."""

import re
import subprocess
import sys

import pytest

from pipeline.commands import COMMANDS, main, parser
from tests.conftest import BOOK, ROOT


def test_the_help_lists_every_command():
    listed = parser().format_help()
    assert len(COMMANDS) == len({command.name for command in COMMANDS})
    for command in COMMANDS:
        assert re.search(rf"^ +{command.name} +{command.help.split()[0]}", listed, re.M)


def test_every_command_that_the_documents_name_is_one():
    known = {command.name for command in COMMANDS}
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "Makefile",
                 *(ROOT / "book").glob("*.md")):
        named = set(re.findall(r"-m pipeline ([a-z]+)", path.read_text()))
        assert named <= known, path.name


def test_every_command_is_told_of_in_the_documents():
    text = "".join(path.read_text() for path in (
        ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "Makefile",
        *(ROOT / "book").glob("*.md")))
    for command in COMMANDS:
        assert re.search(rf"(pipeline|`){command.name}\b|pipeline {command.name}\b",
                         text), command.name


def test_what_a_person_must_mend_ends_in_one_line_and_no_traceback(house):
    """In a process of its own, as a person starts it."""
    done = house.python("-m", "pipeline", "run", "nothing", check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: there is no chapter 'nothing'; the chapters are tiny\n")


@pytest.mark.parametrize("words", [
    [], ["nothing"], ["new"], ["run", "--workers", "two"], ["sweep", "tiny"]])
def test_words_that_make_no_command_are_refused(words, capsys):
    with pytest.raises(SystemExit) as stop:
        main(words, BOOK)
    assert stop.value.code == 2
    assert "usage: python -m pipeline" in capsys.readouterr().err


def test_importing_the_commands_imports_no_slow_package():
    """So that a command starts at once; each imports what it needs."""
    code = ("import sys, pipeline.commands\n"
            "slow = {'torch', 'matplotlib', 'papermill', 'sphinx', 'distributed'}\n"
            "print(*sorted(slow & sys.modules.keys()))")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True,
                          text=True, check=True)
    assert done.stdout == "\n"


def test_the_assets_that_the_chapters_name_are_fetched(house):
    house.edit(house.source, "a, b = torch", 'print(asset("old_faithful").name)\n'
               "a, b = torch")
    house.edit(house.source, "import exercise, explore", "import asset, exercise")
    done = house.pipeline("assets")
    assert "old_faithful" in done.stdout and "mnist" not in done.stdout
    done = house.pipeline("assets", "--profile", "fast", check=False)
    assert done.returncode == 1 and "the profiles are full and quick" in done.stderr
