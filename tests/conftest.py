"""Books of their own for tests that edit, break or execute things.

tests/fast runs in process and executes no notebook, tests/house edits a small book in
a temporary folder, and tests/whole looks at the book itself, as `make book` left it.
"""

import contextlib
import io
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.book import Book, here
from pipeline.commands import main
from pipeline.derive import derive

BOOK = here()
ROOT = BOOK.root
FIXTURES = Path(__file__).parent / "fixtures"
CODE = ("pyproject.toml", "conftest.py", "_config.yml", "requirements.lock")


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """No address can be reached, nothing is cached, and no retry waits."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))

    def refuse(*_, **__):
        raise OSError("the tests have no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)


def wait_for(condition, seconds=40):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.05)


class House:
    """A copy of the code with its chapters, in a folder that a test may ruin."""

    def __init__(self, root):
        self.root = root
        self.environment = {**os.environ, "PYTHONPATH": str(root)}

    @property
    def book(self):
        """The book as it is now."""
        return Book(self.root)

    @property
    def source(self):
        (path,) = self.book.sources.glob("*.md")
        return path

    def edit(self, path, old, new):
        path = self.root / path
        text = path.read_text()
        assert old in text, f"{old!r} is not in {path.name}"
        path.write_text(text.replace(old, new))

    def pipeline(self, *words, check=True):
        """Run a command of the pipeline in this folder, in this process."""
        out, errors = io.StringIO(), io.StringIO()
        with (contextlib.chdir(self.root), contextlib.redirect_stdout(out),
              contextlib.redirect_stderr(errors)):
            code = main(list(words), self.book)
        done = SimpleNamespace(returncode=code, stdout=out.getvalue(),
                               stderr=errors.getvalue())
        assert not (check and code), done.stdout + done.stderr
        return done

    def python(self, *words, check=True, timeout=240):
        """Run Python in this folder, in a process of its own."""
        done = subprocess.run(
            [sys.executable, *words], cwd=self.root, env=self.environment,
            capture_output=True, text=True, timeout=timeout,
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done


def build(root, chapter, exercises, references=FIXTURES / "references.bib"):
    """Make a house of one chapter source and the module of its exercises."""
    for name in ("helpers", "pipeline"):
        shutil.copytree(ROOT / name, root / name,
                        ignore=shutil.ignore_patterns("__pycache__"))
    for other in BOOK.chapters:
        (root / "helpers" / "exercises" / f"{other.name}.py").unlink()
    for name in CODE:
        shutil.copy(ROOT / name, root)
    (root / "book" / "chapters").mkdir(parents=True)
    shutil.copy(references, root / "book" / "references.bib")
    shutil.copy(chapter, root / "book" / "chapters")
    target = root / "helpers" / "exercises" / f"{chapter.stem}.py"
    shutil.copy(exercises, target)
    house = House(root)
    derive(house.book)
    return house


def copied(root, house):
    """Copy a house with all that was made in it."""
    shutil.copytree(house.root, root, dirs_exist_ok=True)
    return House(root)


@pytest.fixture(scope="session")
def tiny_house(tmp_path_factory):
    """The house whose only chapter is the tiny one; for copying alone."""
    return build(tmp_path_factory.mktemp("tiny"), FIXTURES / "tiny.md",
                 FIXTURES / "tiny_exercises.py")


@pytest.fixture(scope="session")
def executed_house(tmp_path_factory, tiny_house):
    """The same with its quick run and its references; for copying alone."""
    house = copied(tmp_path_factory.mktemp("executed"), tiny_house)
    house.pipeline("run")
    house.pipeline("references")
    return house


@pytest.fixture
def house(tmp_path, tiny_house):
    """A house of the test's own whose only chapter is the tiny one."""
    return copied(tmp_path, tiny_house)


@pytest.fixture
def executed(tmp_path, executed_house):
    """A house of the test's own whose tiny chapter was run, with its references."""
    return copied(tmp_path, executed_house)


@pytest.fixture
def whole_house(tmp_path):
    """A house that is a copy of this tree, without what was built in it."""
    listed = subprocess.run(["git", "ls-files", "-zco", "--exclude-standard"], cwd=ROOT,
                            capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    return House(tmp_path)


@pytest.fixture
def session():
    """A started run, as a chapter has it; its seed is 0."""
    from helpers import start

    return start("comparing_distributions", profile="quick", seed=0)
