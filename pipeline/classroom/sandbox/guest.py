"""What runs inside the sandbox: read a submission, and call its answers.

It is started there from a copy, next to an unmodified copy of `helpers`, with a
JSON request on standard input. It reports what the answers return, never
whether that is right: the expected values are dropped before any of the
submission's code is run, and `pipeline.classroom.judge` compares outside.
"""

import ast
import importlib
import json
import os
import random
import sys
from contextlib import suppress
from itertools import chain
from types import ModuleType

from pipeline.classroom.sandbox.limits import (
    LONGEST_VALUE,
    MEGABYTE,
    Limits,
    drain,
    ending,
    kill,
)
from pipeline.classroom.sandbox.submission import (
    needed,
    statement,
    statements,
    states,
)

LONGEST_RESULT = 4 * MEGABYTE  # of the values of one exercise
LONGEST_TEXT = 300


def read(request, limits):
    """Yield one reply: the state of each exercise, or the problem."""
    limits.apply()
    try:
        yield {"states": states(request["notebook"], request["exercises"])}
    except ValueError as error:
        yield {"problem": str(error)}


def call(request, limits):
    """Yield a reply for each exercise, called in a process of its own."""
    found, _ = statements(request["notebook"])
    found += [statement(ast.parse(code).body[0]) for code in request["solved"]]
    exercises = _questions(request["chapter"])
    for module in request["modules"]:  # once, and not in every fork
        with suppress(Exception):
            importlib.import_module(module)
    exec("import torch\n" + "\n".join(request["setup"]), {})
    for name in request["exercises"]:
        code = needed(found, name, exercises)
        yield {"exercise": name, **_apart(code, exercises[name], limits)}


def _questions(chapter):
    """Return a chapter's exercises, whose cases drop the expected values."""
    import torch

    import helpers.exercises.checks

    class Question:
        def __init__(self, shown, run, expected=None, mistakes=(), **tolerances):
            self.run = run

    torch.set_num_threads(1)
    helpers.exercises.checks.Case = Question  # before the chapter's checks import it
    sys.modules["solutions"] = None
    importlib.import_module(f"helpers.exercises.{chapter}")
    return helpers.exercises.checks.of_chapter(chapter)


def _apart(code, exercise, limits):
    """Run one exercise in a forked process; return its values and how it ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _answer(writing, code, exercise, limits)
        finally:
            os._exit(1)
    os.close(writing)
    status = []

    def ended():
        if not status and (waited := os.wait4(child, os.WNOHANG))[0]:
            status.append(waited)
        return bool(status)

    data, cut = drain(reading, limits.patience, LONGEST_RESULT, ended)
    kill(child, limits.namespaces)
    if not status:
        os.waitpid(child, 0)
    os.close(reading)
    return {"lines": data.decode(errors="replace").splitlines(),
            "ended": cut or ending(*status[0][1:], limits.seconds)}


def _answer(fd, code, exercise, limits):
    """Write the values of an exercise to `fd`, line by line, and exit."""
    os.setpgid(0, 0)
    os.dup2(fd, 3)
    os.closerange(4, 1024)
    limits.apply()
    with os.fdopen(3, "w") as out:
        for value in chain(_values(code, exercise), ["done"]):
            line = json.dumps(value)
            if len(line) > LONGEST_VALUE:
                line = json.dumps({"value": {
                    "kind": "so much", "text": f"{len(line)} characters"}})
            print(line, file=out, flush=True)
    os._exit(0)


def _values(code, exercise):
    """Define what an answer needs, and yield the values that it gives."""
    import numpy
    import torch

    random.seed(0), numpy.random.seed(0), torch.manual_seed(0)
    module = sys.modules["submission"] = ModuleType("submission")
    for part in code:
        try:
            exec(compile(part.code, "submission", "exec"), vars(module))
        except BaseException as error:
            if part.defines == exercise.name:
                yield _raised(error)
                return
    yield from given(exercise, getattr(module, exercise.name))


def given(exercise, answer):
    """Yield what each case of an exercise returns or raises, to be sent."""
    try:
        for case in exercise.cases(answer):
            try:
                yield {"value": _portable(case.run())}
            except BaseException as error:
                yield _raised(error)
    except Exception as error:
        yield _raised(error)


def _raised(error):
    try:
        says = str(error)[:LONGEST_TEXT]
    except BaseException:
        says = ""
    return {"raised": [kind.__name__ for kind in type(error).__mro__], "says": says}


def _portable(value):
    """Return a value as JSON, which `pipeline.classroom.judge` reads back."""
    from helpers.values import as_array

    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, (tuple, list)):
        return [_portable(element) for element in value]
    try:
        array = as_array(value)
        return {"shape": list(array.shape), "data": array.ravel().tolist()}
    except TypeError:
        return {"kind": type(value).__name__, "text": repr(value)[:LONGEST_TEXT]}


def main():
    """Answer the request on standard input; discard the submission's output."""
    out = os.fdopen(os.dup(1), "w")
    request = json.load(sys.stdin)
    limits = Limits(**request["limits"])
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    for reply in {"read": read, "call": call}[request["do"]](request, limits):
        print(json.dumps(reply), file=out, flush=True)


if __name__ == "__main__":
    main()
