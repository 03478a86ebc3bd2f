"""A small house of its own for tests that edit, break or execute things."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FIXTURES = Path(__file__).parent / "fixtures"


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
    def source(self):
        (path,) = (self.root / "book" / "chapters").glob("*.md")
        return path

    def edit(self, path, old, new):
        path = self.root / path
        text = path.read_text()
        assert old in text, f"{old!r} is not in {path.name}"
        path.write_text(text.replace(old, new))

    def python(self, *words, check=True, timeout=240):
        done = subprocess.run(
            [sys.executable, *words], cwd=self.root, env=self.environment,
            capture_output=True, text=True, timeout=timeout,
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    def pipeline(self, *words, **options):
        return self.python("-m", "pipeline", *words, **options)


def build(root, chapter, checks, references):
    for name in ("helpers", "pipeline"):
        shutil.copytree(ROOT / name, root / name,
                        ignore=shutil.ignore_patterns("__pycache__"))
    for path in (root / "helpers" / "exercises").glob("[a-z]*.py"):
        if path.name != "checks.py":
            path.unlink()
    for name in ("pyproject.toml", "conftest.py", "_config.yml", "requirements.lock"):
        shutil.copy(ROOT / name, root)
    (root / "book" / "chapters").mkdir(parents=True)
    shutil.copy(references, root / "book")
    shutil.copy(chapter, root / "book" / "chapters")
    shutil.copy(checks, root / "helpers" / "exercises" / f"{chapter.stem}.py")
    house = House(root)
    house.pipeline("derive")
    return house


@pytest.fixture
def house(tmp_path):
    """A house whose only chapter is the tiny one."""
    return build(tmp_path, FIXTURES / "tiny.md", FIXTURES / "tiny_checks.py",
                 FIXTURES / "references.bib")


@pytest.fixture
def real_house(tmp_path):
    """A house with the book's own second chapter and its references."""
    name = "comparing_distributions"
    house = build(tmp_path, ROOT / "book" / "chapters" / f"{name}.md",
                  ROOT / "helpers" / "exercises" / f"{name}.py",
                  ROOT / "book" / "references.bib")
    shutil.copy(ROOT / "solutions" / f"{name}.ipynb", tmp_path / "solutions")
    return house


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
