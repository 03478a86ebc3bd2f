"""Begin a chapter: a small true one that passes every gate, to be replaced.

The templates lie in scaffold/ as plain text. In them NAME stands for the
chapter's name, LABEL for the same as it begins labels, TITLE for its title
and NUMBER for its number.
"""

import keyword
import re
import tempfile
from pathlib import Path

import yaml

import helpers.exercises
from pipeline import labels as labelling
from pipeline.chapters import ROOT, SourceError, load, load_all

TEMPLATES = Path(__file__).parent / "scaffold"
TARGETS = {
    "chapter.md": "book/chapters/{}.md",
    "checks.py": "helpers/exercises/{}.py",
    "mutants.py": "tests/mutants/{}.py",
}
PLACEHOLDER = re.compile(r"\b(NAME|LABEL|TITLE|NUMBER)\b")
WORDS = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
LONGEST = 30  # the line with start("NAME", …) stays within its 79 columns
PART = re.compile(r"\|[ |]*\*\*Part \w+\. (?P<caption>.+?)\*\*")
ROW = re.compile(r"\| (?P<number>\d+) \|")


def new(name, number=None):
    """Write the sources of a chapter and its line in _toc.yml, or nothing.

    Without a `number` it gets the first that neither a chapter nor the map in
    book/intro.md has. Returns the paths written. Raises SourceError for a
    name or a number that cannot be used.
    """
    chapters, places = load_all(), _places()
    taken = {chapter.number: chapter.name for chapter in chapters}
    _refuse_name(name, taken.values())
    if number is None:
        number = 1 + max([*taken, *places], default=0)
    if number < 1:
        raise SourceError(f"a chapter's number is 1 or more, not {number}")
    if number in taken:
        raise SourceError(f"chapter {number} is {taken[number]}")

    words = {"NAME": name, "LABEL": name.replace("_", "-"), "NUMBER": str(number),
             "TITLE": name.replace("_", " ").capitalize()}
    texts = {
        ROOT / target.format(name): PLACEHOLDER.sub(
            lambda m: words[m[0]], (TEMPLATES / template).read_text())
        for template, target in TARGETS.items()
    }
    for path in texts:
        if path.exists():
            raise SourceError(f"{path.relative_to(ROOT)} is there already")
    source, *_ = texts.values()
    _refuse_underivable(name, source, chapters)
    texts[ROOT / "_toc.yml"] = _contents(name, number, taken, places.get(number))
    _write_all(texts)
    return [path.relative_to(ROOT) for path in texts]


def _refuse_name(name, others):
    if not WORDS.fullmatch(name):
        raise SourceError(
            f"{name!r} cannot name a chapter: write lower-case words of letters "
            "and digits, joined by single underscores, as in policy_gradient"
        )
    if len(name) > LONGEST:
        raise SourceError(f"{name} is longer than {LONGEST} characters")
    if name in others:
        raise SourceError(f"there is a chapter {name} already")
    # The checks become an attribute of their package and would hide its own.
    if keyword.iskeyword(name) or hasattr(helpers.exercises, name):
        raise SourceError(f"{name} is a reserved word")


def _refuse_underivable(name, source, chapters):
    """Raise SourceError where the book with this chapter breaks a rule."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.md"
        path.write_text(source)
        book = [*chapters, load(path)]
    labelling.refuse_unverified(book, labelling.collect(book))


def _places():
    """Return the numbers on the map of the course, each with its part."""
    places, caption = {}, None
    for line in (ROOT / "book" / "intro.md").read_text().splitlines():
        if part := PART.match(line):
            caption = part["caption"]
        elif row := ROW.match(line):
            places[int(row["number"])] = caption
    return places


def _contents(name, number, taken, caption):
    """Return _toc.yml with the chapter in its part, in the numbers' order.

    A number that is not on the map goes to the last numbered part.
    """
    text = (ROOT / "_toc.yml").read_text()
    parts = [part for part in yaml.safe_load(text)["parts"] if part.get("numbered")]
    part = next((p for p in parts if p["caption"] == caption), parts[-1])
    files = [chapter["file"] for chapter in part["chapters"]]
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
            raise SourceError(f"nothing was written: {error}") from error
        raise
