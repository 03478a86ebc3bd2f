"""Executed copies: where they lie, what they recorded, whether they are fresh."""

from urllib.parse import quote

import nbformat

from helpers.scraps import SCRAP
from pipeline.chapters import ROOT, SourceError
from pipeline.freshness import key

EXECUTED = ROOT / "build" / "executed"


def path_of(chapter, parameters):
    """Return where the executed copy for these parameters belongs.

    The default parameters of a profile have a folder of the profile's name;
    any other value is written into the folder's name.
    """
    variant = [str(parameters["profile"])]
    variant += [f"{name}={quote(repr(value), safe='')}"
                for name, value in sorted(parameters.items())
                if name != "profile" and repr(value) != repr(chapter.defaults[name])]
    return EXECUTED / "+".join(variant) / "notebooks" / f"{chapter.name}.ipynb"


def is_fresh(chapter, parameters):
    """Tell whether an executed copy is there and its key is today's."""
    return key_of(path_of(chapter, parameters)) == key(chapter, parameters)


def key_of(path):
    """Return the key of an executed copy, or None where there is no whole one."""
    try:
        return read(path).metadata["course"]["key"]
    except (SourceError, KeyError, TypeError):
        return None


def fresh(chapter, parameters):
    """Return the executed copy. Raises SourceError if missing or stale."""
    path = path_of(chapter, parameters)
    if not is_fresh(chapter, parameters):
        state = "stale" if path.exists() else "missing"
        raise SourceError(
            f"the executed copy of {chapter.name} is {state}: run "
            f"python -m pipeline run {chapter.name} --profile {parameters['profile']}"
        )
    return read(path)


def read(path):
    """Read a notebook. Raises SourceError naming a file that is none."""
    try:
        return nbformat.read(path, 4)
    except Exception as error:
        raise SourceError(f"{path} is not a notebook ({error}); delete it") from error


def scraps(notebook):
    """Return what an executed notebook recorded, by name."""
    found = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            scrap = output.get("data", {}).get(SCRAP)
            if scrap:
                found[scrap["name"]] = scrap["data"]
    return found
