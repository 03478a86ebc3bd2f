"""Grade submitted notebooks: a table of the exercises that each has passed.

Otter-grader and nbgrader need their own tests and metadata in every notebook,
and decide in the kernel that runs the submission's code. The checks here can be
called by name, and decide outside of that kernel; hence this module.

This process never runs or even parses any of a submission's code. A sandbox
calls the answers with the arguments of the checks and sends back plain values;
`pipeline.classroom.judge` compares them with the expected ones.
"""

import csv
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from helpers import progress
from pipeline.classroom.judge import Judge
from pipeline.classroom.sandbox.host import Sandbox
from pipeline.classroom.sandbox.limits import MEGABYTES, SECONDS
from pipeline.errors import BookError
from pipeline.tables import table

LARGEST = 16 * 2**20  # bytes of a submission
LONGEST_CELL = 300
OTHERS = {"blank": "not attempted", "missing": "not in the notebook"}


@dataclass
class Row:
    """One submission: a verdict for each exercise, or a note why it has none."""

    name: str
    verdicts: dict
    note: str = ""

    @property
    def passed(self):
        """How many exercises."""
        return sum(verdict == "passed" for verdict in self.verdicts.values())


def grade(book, name, folder, seconds=SECONDS, megabytes=MEGABYTES, workers=2,
          to=None):
    """Grade every notebook in `folder` as a submission for the chapter `name`.

    An exercise may take `seconds` of computing and `megabytes` of memory.
    Writes NAME.md and NAME.csv into `to`, by default build/grades; returns
    the text of the first. Raises BookError when there is nothing to grade,
    and when the chapter's own solutions do not pass under these limits.
    """
    chapter = book.chapter(name)
    folder, to = Path(folder), Path(to or book.build / "grades")
    names = sorted(path.relative_to(folder) for path in folder.rglob("*.ipynb"))
    names = [path for path in names if not any(p.startswith(".") for p in path.parts)]
    if not names:
        raise BookError(f"there are no notebooks in {folder}")
    texts = {str(path): _text(folder / path) for path in names}
    judge = Judge(chapter)
    with Sandbox(book.root, seconds, megabytes, [folder]) as sandbox:
        own = judged("", _text(book.notebook("solutions", name)), judge, sandbox)
        if own.passed < len(judge.exercises):
            raise BookError(
                f"the solutions of {name} do not pass under these limits, so no "
                f"submission was graded: {own.note or own.verdicts}")
        with ThreadPoolExecutor(max(1, workers)) as pool:
            rows = list(progress(
                pool.map(lambda item: judged(*item, judge, sandbox), texts.items()),
                "graded", len(texts)))
    to.mkdir(parents=True, exist_ok=True)
    text = _markdown(chapter, judge.exercises, rows, sandbox)
    (to / f"{name}.md").write_text(text, encoding="utf-8")
    _write_csv(to / f"{name}.csv", judge.exercises, rows)
    return text


def judged(name, text, judge, sandbox):
    """Return the row of a submission's text, or of what kept it from being read.

    Never raises: what goes wrong with one submission stays in its row.
    """
    try:
        if isinstance(text, Exception):
            raise text
        return Row(name, _verdicts(text, judge, sandbox))
    except Exception as error:
        plain = isinstance(error, ValueError)
        note = str(error) if plain else f"{type(error).__name__}: {error}"
        return Row(name, {}, f"not graded: {note}")


def _text(path):
    """Return a submission's text, or the error that prevents reading it."""
    try:
        if path.is_symlink() or not path.is_file():
            return ValueError("this is no file")
        if path.stat().st_size > LARGEST:
            return ValueError(f"this is larger than {LARGEST // 2**20} MB")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return ValueError(f"this cannot be read ({error})")


def _verdicts(text, judge, sandbox):
    replies, cut = sandbox.ask(list(judge.exercises), do="read", notebook=text)
    if not replies:
        raise ValueError(f"reading it ended Python ({cut or 'it crashed'})")
    if "problem" in replies[0]:
        raise ValueError(replies[0]["problem"])
    states = replies[0]["states"]
    if set(states.values()) == {"missing"}:
        raise ValueError(f"it has none of the exercises of {judge.name}")
    answered = [name for name, state in states.items() if state == "answered"]
    # The solution of an exercise is sent only where the submission has no answer.
    solved = [code for name, code in judge.sources.items() if name not in answered]
    replies, cut = sandbox.ask(
        answered, do="call", notebook=text, chapter=judge.name, setup=judge.setup,
        modules=judge.modules, solved=solved) if answered else ([], None)
    replies = {reply["exercise"]: reply for reply in replies}
    megabytes = sandbox.limits.megabytes
    return {name: judge.verdict(name, replies.get(name), cut, megabytes)
            if name in answered else OTHERS.get(state, f"failed: {state}")
            for name, state in states.items()}


def _table(exercises, rows):
    yield ["submission", "passed", *exercises, "note"]
    for row in rows:
        yield [*map(_plain, [
            row.name, f"{row.passed} of {len(exercises)}",
            *(row.verdicts.get(name, "") for name in exercises), row.note])]


def _plain(text):
    """Return a text on one line, without control characters."""
    line = " ".join(text.split())[:LONGEST_CELL]
    return "".join(sign if sign.isprintable() else "?" for sign in line)


def _markdown(chapter, exercises, rows, sandbox):
    head, *body = [[_cell(text) for text in line] for line in _table(exercises, rows)]
    return "\n".join([
        f"# {chapter.title}: exercises passed", "", *table(head, body), "",
        f"Each exercise had {sandbox.limits.seconds} s of computing and "
        f"{sandbox.limits.megabytes} MB of memory. Protection: {sandbox.says}.", ""])


def _cell(text):
    for sign, written in ("&", "&amp;"), ("<", "&lt;"), ("\\", "\\\\"), ("|", "\\|"):
        text = text.replace(sign, written)
    return text


def _write_csv(path, exercises, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        for line in _table(exercises, rows):
            # A text that begins so would be a formula to a spreadsheet.
            csv.writer(file).writerow(
                [f"'{text}" if text[:1] in tuple("=+-@") else text for text in line])
