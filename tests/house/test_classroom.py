"""A class gets no solutions, and no submission harms or grades another."""

import csv
import json
import os
import socket

import nbformat
import pytest

from pipeline.classroom.sandbox.host import STRONG, WEAK, Sandbox
from tests.conftest import FIXTURES, build

SECONDS, MEGABYTES = 3, 400

BLANK = "todo()  # your code here"
# Exercises, all to square x, that one submission answers; each with the body
# of its answer and how its verdict begins. A right one is the first and last.
ANSWERS = {
    "first": ("return x ** 2", "passed"),
    "wrong": ("return x + x", "failed: this doubles x"),
    "blank": (BLANK, "not attempted"),
    "loops": ("while True: pass", "stopped: "),  # by either clock
    "sleeps": ("import time; time.sleep(600)", "stopped: no end after"),
    "exits": ("import os; os._exit(0)", "stopped: it ended before it had answered"),
    "crashes": ("import ctypes; ctypes.string_at(0)",
                "stopped: the process died of SIGSEGV"),
    "takes_memory": ("return [bytearray(2**26) for _ in range(1000)]",
                     f"stopped: more than {MEGABYTES} MB of memory"),
    "prints": ("""import os
    for _ in range(300):
        print('x' * 2**10)
        os.write(1, b'x' * 2**24)
    return x * x""", "passed"),
    "returns_much": ("return 'x' * 2**25", "failed: a number or a tensor is wanted"),
    "sends_much": ("""import os
    while True:
        os.write(3, b'x' * 2**20)""", "stopped: it sent more than 4 MB"),
    "garbles": (r"raise ValueError('\ud800 | <b> \x1b[2J')", "failed: called"),
    "leaves_a_process": ("""import os, time
    if os.fork() == 0:
        time.sleep(600)
    return x * x""", "passed"),
    "kills": ("""import os, signal
    os.kill(os.getppid(), signal.SIGKILL)
    return x * x""", "passed"),
    # It would pass only if something that it must not do were refused.
    "connects": ("""import socket
    try:
        socket.create_connection(('127.0.0.1', PORT), 5)
    except OSError:
        return x * x""", "passed"),
    "overwrites": ("""
    for path in (RECORD, SOLUTION, helpers.exercises.checks.__file__):
        try:
            open(path, 'w').close()
        except OSError:
            continue
        return None
    return x * x""", "passed"),
    "copies": ("""try:
        return open(SOLUTION).read() and x * x
    except OSError:
        from solutions.tiny import square as solved
        return solved(x)""", "failed: called square(2.0)"),
    # It would pass only if the verdict came from the answer's own process.
    "edits_the_checks": ("""
    helpers.exercises.checks.run_checks = helpers.exercises.checks._check = lambda *_: 2
    helpers.exercises.checks.agree = lambda *_, **__: True
    helpers.exercises.tiny.last.exercise.cases = lambda _: iter(())
    return 0""", "failed: called square(2.0), expected 4, got 0"),
    "claims": ("""import json, os
    print('✓ square: 2 checks')
    for fd in range(3, 20):
        try:
            os.write(fd, b'{"passed": true, "value": true}\\n"done"\\n')
        except OSError:
            pass
    os._exit(0)""", "failed: called square(2.0), expected 4, got True"),
    "looks_up": ("""import gc, sys
    frame = sys._getframe()
    while frame := frame.f_back:
        for value in frame.f_locals.values():
            if hasattr(value, 'expected'):
                return value.expected
    for value in gc.get_objects():
        if type(value).__name__ == 'Case' and hasattr(value, 'expected'):
            return value.expected""", "failed: the function returns nothing"),
    "last": ("return math.pow(x, 2)", "passed"),
}
BAD = {
    "malformed": (b'{"cells": [', "not graded: this is no notebook"),
    "list": (b"[1, 2]", "not graded: this is no notebook"),
    "binary": (b"\xff\xfe\x00", "not graded: this cannot be read"),
    "nested": (b"[" * 200_000, "not graded: "),
    "other": (b'{"cells": []}', "not graded: it has none of the exercises"),
}
# What the weaker protection must hold out against as well.
WEAKLY = ("first", "loops", "connects", "overwrites", "edits_the_checks", "last")


def submission(notebook, bodies):
    """Return a notebook's text with answers, and with imports of its own."""
    book = nbformat.reads(notebook, 4)
    for cell in book.cells:
        for name, body in bodies.items():
            if f"def {name}(" in cell.source:
                cell.source = cell.source.replace(BLANK, body)
    book.cells.insert(1, nbformat.v4.new_code_cell(
        "%matplotlib inline\nimport math\nimport helpers, helpers.exercises.checks"))
    return nbformat.writes(book)


def many(text, begins, ends):
    """Repeat the part of a text that defines `square`, once for each answer."""
    at = text.index(begins)
    to = text.index(ends, at) + len(ends)
    return text[:at] + "\n".join(
        text[at:to].replace("def square(", f"def {name}(") for name in ANSWERS
    ) + text[to:]


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A house whose tiny chapter has many exercises, with a copy for a class."""
    drafts = tmp_path_factory.mktemp("drafts")
    source = (FIXTURES / "tiny.md").read_text()
    source = many(source, "```{code-cell} ipython3\n@exercise", "```\n")
    (drafts / "tiny.md").write_text(source.replace("square(a + b)", "first(a + b)")
                                    .replace("square(size)", "first(size)"))
    (drafts / "tiny_exercises.py").write_text(
        many((FIXTURES / "tiny_exercises.py").read_text(), "@checks", "        )\n"))
    house = build(tmp_path_factory.mktemp("house"), drafts / "tiny.md",
                  drafts / "tiny_exercises.py", FIXTURES / "references.bib")
    house.pipeline("class", "copies/tiny", "--seed", "5")
    house.copy = house.root / "copies" / "tiny"
    house.blank = (house.copy / "notebooks" / "tiny.ipynb").read_text()
    house.handed_in = house.root / "build" / "handed in"
    house.handed_in.mkdir(parents=True)
    return house


def hand_in(house, name, bodies):
    (house.handed_in / f"{name}.ipynb").write_text(submission(house.blank, bodies))


def grades(house):
    """Grade what was handed in; return the rows by name and the report."""
    house.python("-m", "pipeline", "grade", "tiny", str(house.handed_in), "--seconds",
                 str(SECONDS), "--megabytes", str(MEGABYTES))
    to = house.root / "build" / "grades"
    with open(to / "tiny.csv", newline="", encoding="utf-8") as file:
        rows = {row["submission"].removesuffix(".ipynb"): row
                for row in csv.DictReader(file)}
    return rows, (to / "tiny.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def bodies(house):
    """The answers, which know a port that listens and the files of the house."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        places = {"PORT": str(server.getsockname()[1]),
                  "RECORD": repr(str(house.root / "build" / "grades" / "tiny.csv")),
                  "SOLUTION": repr(str(house.root / "solutions" / "tiny.py"))}
        found = {name: body for name, (body, _) in ANSWERS.items()}
        for word, place in places.items():
            found = {name: body.replace(word, place) for name, body in found.items()}
        yield found


@pytest.fixture(scope="module")
def graded(house, bodies):
    with Sandbox(house.root, SECONDS, MEGABYTES) as sandbox:
        if not sandbox.limits.namespaces:
            pytest.skip("this machine lets nobody make namespaces")
    solution = (house.root / "solutions" / "tiny.py").read_text()
    hand_in(house, "hostile", bodies)
    hand_in(house, "honest", dict.fromkeys(ANSWERS, "return x * x"))
    hand_in(house, "untouched", {})
    for name, (content, _) in BAD.items():
        (house.handed_in / f"{name}.ipynb").write_bytes(content)
    rows, report = grades(house)
    assert (house.root / "solutions" / "tiny.py").read_text() == solution
    assert sorted(rows) == sorted(["hostile", "honest", "untouched", *BAD])
    return rows, report


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_gets_its_own_verdict_whatever_it_does(graded, name):
    assert graded[0]["hostile"][name].startswith(ANSWERS[name][1])


def test_a_submission_beside_it_gets_what_it_deserves(graded):
    honest, untouched = graded[0]["honest"], graded[0]["untouched"]
    assert {honest[name] for name in ANSWERS} == {"passed"}
    assert honest["passed"] == f"{len(ANSWERS)} of {len(ANSWERS)}"
    assert {untouched[name] for name in ANSWERS} == {"not attempted"}
    assert honest["note"] == untouched["note"] == ""


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_submission_is_told_in_its_row(graded, name):
    row = graded[0][name]
    assert row["note"].startswith(BAD[name][1])
    assert {row[exercise] for exercise in ANSWERS} == {""}


def test_the_report_is_a_table_that_says_what_protected(graded):
    rows, report = graded
    lines = [line for line in report.splitlines() if line.startswith("|")]
    assert len(lines) == len(rows) + 2
    assert all(line.replace("\\|", "").count("|") == len(ANSWERS) + 4
               for line in lines)
    assert "<b>" not in report and "\x1b" not in report
    assert f"{SECONDS} s of computing" in report and STRONG in report


def test_without_namespaces_much_still_holds_and_the_report_warns(house, bodies):
    for path in house.handed_in.iterdir():
        path.unlink()
    hand_in(house, "hostile", {name: bodies[name] for name in WEAKLY})
    before, house.environment = house.environment, {
        **house.environment, "PATH": str(house.root)}  # where no unshare is
    try:
        rows, report = grades(house)
    finally:
        house.environment = before
    assert WEAK in report
    for name in ANSWERS:
        expected = ANSWERS[name][1] if name in WEAKLY else "not attempted"
        assert rows["hostile"][name].startswith(expected), name


def test_nothing_is_judged_when_the_solutions_themselves_do_not_pass(house):
    hand_in(house, "untouched", {})
    house.edit("helpers/exercises/tiny.py", "x * x,", "x * x + 1,")
    try:
        done = house.python("-m", "pipeline", "grade", "tiny", str(house.handed_in),
                            check=False)
    finally:
        house.edit("helpers/exercises/tiny.py", "x * x + 1,", "x * x,")
    assert done.returncode == 1 and "the solutions of tiny do not pass" in done.stderr
    assert "no notebooks in" in house.pipeline("grade", "tiny", "book",
                                               check=False).stderr


def test_a_copy_for_a_class_holds_no_solution(house):
    book = json.loads(house.blank)
    sources = ["".join(cell["source"]) for cell in book["cells"]]
    assert any("seed = 5" in source.splitlines() for source in sources)
    assert any("todo()  # your code here" in source for source in sources)
    assert not any("pip" in source for source in sources)
    assert sorted(os.listdir(house.copy)) == [
        "README.md", "helpers", "notebooks", "pyproject.toml", "requirements.lock"]
    assert sorted(p.name for p in (house.copy / "helpers" / "exercises").iterdir()) == [
        "__init__.py", "checks.py", "tiny.py"]
    assert oct(house.copy.stat().st_mode)[-3:] == "755"
    assert "The seed of these notebooks is 5." in (house.copy / "README.md").read_text()


def test_in_the_copy_a_right_answer_passes_and_a_blank_stops(house):
    exercise = "@exercise\ndef first(x):\n    "
    code = ("import sys; sys.modules['solutions'] = None\n"
            "from helpers import exercise, start, todo\n"
            "start('tiny', profile='quick', seed=5)\n"
            f"{exercise}return x * x\n{exercise}todo()\n")
    copy = type(house)(house.copy)
    done = copy.python("-P", "-c", code, check=False)
    assert done.stdout == "✓ first: 2 checks\n" and done.returncode == 1
    assert "first is still blank" in done.stderr


def test_a_copy_is_refused_where_it_cannot_be(house):
    for words, says in ((("copies/tiny",), "is there already"),
                        (("copies/new", "nothing"), "there is no chapter 'nothing'"),
                        (("copies/new", "--seed", "-1"), "a whole number from 0 on")):
        done = house.pipeline("class", *words, check=False)
        assert done.returncode == 1 and says in done.stderr
    assert os.listdir(house.root / "copies") == ["tiny"]


def test_each_copy_gets_a_seed_of_its_own(house):
    said = {house.pipeline("class", f"copies/{n}").stdout.split(" to ")[0]
            for n in "ab"}
    assert len(said) == 2
