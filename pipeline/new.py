"""Begin a chapter: write a small, true one that passes every gate.

Its author replaces it piece by piece. The templates in scaffold/ are plain
text, in which NAME stands for the
chapter's name, LABEL for the same as it begins labels, TITLE for its title
and NUMBER for its number.
"""

import keyword
import re
import tempfile
from pathlib import Path

import yaml

import helpers.exercises
from pipeline.errors import BookError
from pipeline.source.chapter import load
from pipeline.source.labels import collect, refuse_unverified
from pipeline.source.rules import refuse_bad_cells

TEMPLATES = Path(__file__).parent / "scaffold"
TARGETS = {
    "chapter.md": "book/chapters/{}.md",
    "exercises.py": "helpers/exercises/{}.py",
    "mutants.py": "tests/mutants/{}.py",
}
PLACEHOLDER = re.compile(r"\b(NAME|LABEL|TITLE|NUMBER)\b")
WORDS = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
LONGEST = 30  # the line with start("NAME", …) stays within its 79 columns


def new(book, name, number=None):
    """Write the sources of a chapter and its line in _toc.yml, or nothing.

    Without a `number` it gets the one after the last chapter's. Returns the paths
    written. Raises BookError for a name or a number that cannot be used.
    """
    taken = {chapter.number: chapter.name for chapter in book.chapters}
    _refuse_name(name, taken.values())
    if number is None:
        number = 1 + max(taken, default=0)
    if number < 1:
        raise BookError(f"a chapter's number is 1 or more, not {number}")
    if number in taken:
        raise BookError(f"chapter {number} is {taken[number]}")

    words = {"NAME": name, "LABEL": name.replace("_", "-"), "NUMBER": str(number),
             "TITLE": name.replace("_", " ").capitalize()}
    texts = {
        book.root / target.format(name): PLACEHOLDER.sub(
            lambda m: words[m[0]], (TEMPLATES / template).read_text())
        for template, target in TARGETS.items()
    }
    for path in texts:
        if path.exists():
            raise BookError(f"{book.relative(path)} is there already")
    source, *_ = texts.values()
    _refuse_underivable(name, source, book.chapters)
    contents = book.root / "_toc.yml"
    texts[contents] = _with_chapter(contents.read_text(), name, number, taken)
    _write_all(texts)
    return [book.relative(path) for path in texts]


def _refuse_name(name, others):
    if not WORDS.fullmatch(name):
        raise BookError(
            f"{name!r} cannot name a chapter: write lower-case words of letters "
            "and digits, joined by single underscores, as in policy_gradient"
        )
    if len(name) > LONGEST:
        raise BookError(f"{name} is longer than {LONGEST} characters")
    if name in others:
        raise BookError(f"there is a chapter {name} already")
    # The chapter's module would hide the package's own name.
    if keyword.iskeyword(name) or hasattr(helpers.exercises, name):
        raise BookError(f"{name} is a reserved word")


def _refuse_underivable(name, source, chapters):
    """Raise BookError where the book with this chapter breaks a rule."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.md"
        path.write_text(source)
        chapter = load(path)
    refuse_bad_cells(chapter)
    refuse_unverified([chapter], collect([*chapters, chapter]))


def _with_chapter(text, name, number, taken):
    """Return the contents with the chapter before the first of a higher number.

    If there is none, it goes after the last chapter.
    """
    parts = [part for part in yaml.safe_load(text)["parts"] if part.get("numbered")]
    files = [page["file"] for part in parts for page in part["chapters"]]
    later = [f"notebooks/{taken[n]}" for n in sorted(taken) if n > number]
    follower = next((file for file in later if file in files), None)
    neighbour = follower or files[-1]
    (line,) = re.findall(rf"^ *- file: {neighbour}\n", text, re.M)
    added = line.replace(neighbour, f"notebooks/{name}")
    return text.replace(line, added + line if follower else line + added)


def _write_all(texts):
    """Write every text, or leave everything as it was."""
    before = {path: path.read_text() if path.exists() else None for path in texts}
    try:
        for path, text in texts.items():
            path.write_text(text)
    except BaseException as error:
        for path, text in before.items():
            if text is not None:
                path.write_text(text)
            elif path.is_file():
                path.unlink()
        if isinstance(error, OSError):
            raise BookError(f"nothing was written: {error}") from error
        raise
