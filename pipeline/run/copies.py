"""Executed copies: where they lie, and whether they are current."""

import json
from urllib.parse import quote

from pipeline.errors import BookError
from pipeline.ipynb import read
from pipeline.run.key import key


def path_of(book, chapter, parameters):
    """Return where the executed copy for these parameters belongs.

    The default parameters of a profile have a folder of the profile's name;
    any other value is written into the folder's name.
    """
    variant = [str(parameters["profile"])]
    variant += [f"{name}={quote(repr(value), safe='')}"
                for name, value in sorted(parameters.items())
                if name != "profile" and repr(value) != repr(chapter.defaults[name])]
    return book.executed("+".join(variant), chapter.name)


def all_of(book, profile):
    """Return the paths of the copies with a profile's default parameters."""
    folder = book.executed(profile, "any").parent
    return [path for path in folder.glob("*.ipynb")
            if not path.stem.endswith(".failed")]


def about(path):
    """Return what an executed copy says of its run, {} without a complete one."""
    try:
        return json.loads(path.read_bytes())["metadata"]["course"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def key_of(path):
    """Return the key of an executed copy, or None without a complete one."""
    return about(path).get("key")


def current(book, chapter, profile):
    """Return the executed copy that a page of this profile shows.

    Raises BookError where it is missing, or stale: made from other ingredients
    than today's.
    """
    refuse_stale(book, [chapter], profile)
    return read(path_of(book, chapter, chapter.parameters(profile)))


def refuse_stale(book, chapters, profile):
    """Raise BookError for the first chapter whose executed copy is not current."""
    for chapter in chapters:
        parameters = chapter.parameters(profile)
        path = path_of(book, chapter, parameters)
        if key_of(path) != key(book, chapter, parameters):
            state = "stale" if path.exists() else "missing"
            raise BookError(
                f"the executed copy of {chapter.name} is {state}: run "
                f"python -m pipeline run {chapter.name} --profile {profile}"
            )


class Copies:
    """The executed copies that the site of a profile shows, read when asked for."""

    def __init__(self, book, profile):
        self.book, self.profile = book, profile
        self._read = {}

    def path(self, chapter):
        """Return where a chapter's copy lies."""
        return path_of(self.book, chapter, chapter.parameters(self.profile))

    def of(self, name):
        """Return the copy of the chapter with this name, for reading only."""
        if name not in self._read:
            self._read[name] = read(self.path(self.book.chapter(name)))
        return self._read[name]
