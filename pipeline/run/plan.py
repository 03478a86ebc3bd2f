"""The tasks of a run, and their results."""

import ast
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

from helpers.errors import names
from pipeline.errors import BookError
from pipeline.git import commit
from pipeline.hashing import sha
from pipeline.run.copies import key_of, path_of
from pipeline.run.key import key


@dataclass(frozen=True)
class Task:
    """One notebook to execute, its parameters, and the path of its copy.

    `claims` are the labels that it verifies. A packed task also has the text of
    the notebook and the `environment` of its process, so that it can be sent to
    another machine.
    """

    name: str
    source: Path
    target: Path
    parameters: dict
    claims: list
    key: str
    notebook: str = ""
    environment: dict = field(default_factory=dict)

    @property
    def profile(self):
        return self.parameters["profile"]

    @property
    def log(self):
        return self.target.with_suffix(".log")

    @property
    def failed(self):
        """Where a copy goes in which a cell failed."""
        return self.target.with_name(f"{self.target.stem}.failed.ipynb")

    @property
    def is_current(self):
        return key_of(self.target) == self.key


@dataclass(frozen=True)
class Failure:
    """What stopped a run: the cell, by its number and first line, and the error."""

    cell: str
    message: str


@dataclass(frozen=True)
class Result:
    """The result of a task: the notebook as bytes, or None if it was lost.

    Time is in seconds, memory in megabytes at its peak, `core_seconds` are those
    of the kernel. `log` is what a worker on another machine printed.
    """

    notebook: bytes | None = None
    seconds: float = 0
    megabytes: float = 0
    core_seconds: float = 0
    error: Failure | None = None
    log: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a task ended: "fresh", "ran" or "failed"; its copy or log is at `path`."""

    status: str
    path: Path
    seconds: float
    megabytes: float
    error: Failure | None = None


def plan(book, wanted, profile, parameters):
    """Return a task for each chapter named, or for all that have the profile.

    Raises BookError for an unknown chapter, profile or parameter.
    """
    return [task_of(book, chapter, profile, parameters)
            for chapter in book.choose(wanted, profile)]


def task_of(book, chapter, profile, parameters, used=None):
    """Return the task that runs a chapter with `parameters`, given as text.

    `used` are the chapter's ingredients where the caller has them. Raises
    BookError for a parameter that the chapter does not have.
    """
    if "profile" in parameters:
        raise BookError("the profile is chosen by --profile, not by -p")
    unknown = sorted(set(parameters) - set(chapter.defaults))
    if unknown:
        raise BookError(
            f"{chapter.name} has no parameter {names(unknown)}; it has "
            f"{names(chapter.defaults)}"
        )
    chosen = {name: _value(text) for name, text in parameters.items()}
    values = {**chapter.parameters(profile), **chosen}
    return Task(
        name=" ".join([chapter.name, *(f"{name}={value}"
                                       for name, value in chosen.items())]),
        source=book.notebook("notebooks", chapter.name),
        target=path_of(book, chapter, values),
        parameters=values,
        claims=chapter.passed_to("verify"),
        key=key(book, chapter, values, used),
    )


def packed(book, tasks):
    """Return the tasks with everything that a worker on any machine needs."""
    made_by = {"COURSE_COMMIT": commit(book.root),
               "COURSE_LOCK": sha(book.lock.read_bytes())[:12]} if tasks else {}
    return [replace(task, notebook=task.source.read_text(), environment=made_by)
            for task in tasks]


def _value(text):
    """Return a parameter's value as a Python literal, or else as text."""
    try:
        value = ast.literal_eval(text)
        json.dumps(value)
        return value
    except (ValueError, SyntaxError, TypeError):
        return text
