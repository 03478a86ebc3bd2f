"""Executed copies: where they lie, and whether they are current."""

from urllib.parse import quote

from pipeline.errors import BookError
from pipeline.notebooks import read
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


def key_of(path):
    """Return the key of an executed copy, or None without a complete one."""
    try:
        return read(path).metadata["course"]["key"]
    except (BookError, KeyError, TypeError):
        return None


def current(book, chapter, profile):
    """Return the executed copy that a page of this profile shows.

    Raises BookError where it is missing, or stale: made from other ingredients
    than today's.
    """
    parameters = chapter.parameters(profile)
    path = path_of(book, chapter, parameters)
    if key_of(path) != key(book, chapter, parameters):
        state = "stale" if path.exists() else "missing"
        raise BookError(
            f"the executed copy of {chapter.name} is {state}: run "
            f"python -m pipeline run {chapter.name} --profile {profile}"
        )
    return read(path)
