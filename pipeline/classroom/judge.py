"""Compare the values that a submission's answers gave with the expected ones."""

import ast
import builtins
import json
import random
import re
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch

from helpers import solution
from helpers.exercises.checks import (
    WrongAnswer,
    forked_random_states,
    of_chapter,
    run_checks,
)
from pipeline.classroom.sandbox.limits import LONGEST_VALUE

SETUP = re.compile(r"^torch\.set_\w+\([\w.]+\)", re.M)


class Stopped(Exception):
    """An answer that did not finish, with the reason."""


@dataclass
class Opaque:
    """A value that is not a number, text or tensor, as its repr."""

    text: str

    def __repr__(self):
        return self.text


class Judge:
    """What a chapter's exercises, or `only` some, expect; computed once.

    `exercises` are those of its checks by name, `sources` their solutions as
    code, `setup` the lines by which its notebook sets torch, and `modules`
    what its checks import on the way.
    """

    def __init__(self, chapter, only=None):
        self.name = chapter.name
        self.exercises = {name: known for name, known in of_chapter(self.name).items()
                          if name in (only or chapter.exercises)}
        self.setup = SETUP.findall("\n".join(cell.filled for cell in chapter.code))
        self.sources = {
            node.name: ast.unparse(node) for cell in chapter.code if cell.is_exercise
            for node in ast.parse(cell.filled).body if hasattr(node, "name")}
        before = set(sys.modules)
        with _settings(self.setup):
            self.cases = {name: self._cases(name) for name in self.exercises}
        self.modules = sorted(set(sys.modules) - before)

    def _cases(self, name):
        answer, cases = getattr(solution(self.name), name), []
        with forked_random_states():
            random.seed(0), np.random.seed(0), torch.manual_seed(0)
            for case in self.exercises[name].cases(answer):
                case.run()  # as in the sandbox: the next case may depend on it
                cases.append(case)
        return cases

    def verdict(self, name, reply, cut, megabytes):
        """Compare the values that an answer gave with those expected.

        `reply` is what the sandbox sent of this exercise, or None when `cut`
        kept it from that. Returns "passed", or "failed: …" or "stopped: …".
        """
        if reply is None:
            return f"stopped: {cut or 'the sandbox ended before it was called'}"
        values = list(_sent(reply["lines"]))
        reason = reply["ended"] or "it ended before it had answered"

        def value(index):
            if index >= len(values) or values[index] == "done":
                raise Stopped(reason)
            return received(values[index])

        cases = [replace(case, run=lambda i=i: value(i))
                 for i, case in enumerate(self.cases[name])]
        try:
            run_checks(replace(self.exercises[name], cases=lambda _: cases), None)
        except WrongAnswer as wrong:
            cause = wrong.__cause__
            if isinstance(cause, MemoryError) or "allocate memory" in str(cause):
                return f"stopped: more than {megabytes} MB of memory"
            if isinstance(cause, Stopped):
                return f"stopped: {cause}"
            return f"failed: {_in_one_line(wrong)}"
        return "passed"


def _sent(lines):
    """Yield the values in the lines, up to the first incomplete one."""
    for line in lines:
        if len(line) > LONGEST_VALUE:
            return
        try:
            yield json.loads(line)
        except (ValueError, RecursionError):
            return


def received(message):
    """Return the value that a sandbox sent, or raise the error that it names."""
    if "raised" in message:
        kind = next((found for name in message["raised"]
                     if isinstance(found := getattr(builtins, str(name), None), type)
                     and issubclass(found, Exception)), Exception)
        name, says = str(message["raised"][0]), str(message["says"])
        raise type(name, (kind,), {"__init__": lambda self, *_: None,
                                   "__str__": lambda self: says})
    return _value(message["value"])


def _value(sent):
    if isinstance(sent, list):
        return tuple(map(_value, sent))
    if not isinstance(sent, dict):
        return sent
    if "data" in sent:
        return torch.tensor(sent["data"], dtype=torch.float64).reshape(sent["shape"])
    return type(str(sent["kind"]), (Opaque,), {})(str(sent["text"]))


def _in_one_line(wrong):
    """Return what a WrongAnswer says, for a cell of the table."""
    found = f"called {wrong.called}, expected {wrong.expected}, got {wrong.got}"
    return f"{wrong.likely} ({found})" if wrong.likely else found


@contextmanager
def _settings(setup):
    """Set torch as the chapter does; restore its defaults on leaving."""
    dtype, gradients = torch.get_default_dtype(), torch.is_grad_enabled()
    try:
        exec("\n".join(setup), {"torch": torch})
        yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(gradients)
