"""The key of an executed notebook: it changes with anything that the run used."""

import json

from pipeline.hashing import sha
from pipeline.source.tags import DEFINE


def key(book, chapter, parameters, used=None):
    """Return the content key of a chapter executed with `parameters`.

    It covers these and the chapter's ingredients, `used` where they are known;
    with the default parameters, which a page has, also the kept sweeps that it
    shows. A run of such a sweep stops before they are shown.
    """
    parts = {"parameters": parameters, **(used or ingredients(book, chapter))}
    if parameters == chapter.parameters(parameters["profile"]):
        shown = [book.kept / f"{name}.json" for name in chapter.passed_to("kept_sweep")]
        parts["kept"] = {path.name: sha(path.read_bytes())
                         for path in shown if path.exists()}
    return sha(json.dumps(parts, sort_keys=True).encode())


def ingredients(book, chapter):
    """Return what a chapter's executed copies depend on besides the parameters:

    its code with the solutions, the chapters that it reaches by solution(), the
    helpers that these import, the numbers of their equations, the assets and the
    lock.
    """
    reached = _reached(book, chapter)
    return {
        "lock": sha(book.lock.read_bytes()),
        "code": {
            other.name: [[cell.id, cell.tags, cell.blank, cell.filled]
                         for cell in other.code
                         if other.name == chapter.name or DEFINE in cell.tags]
            for other in reached
        },
        "labels": {name: label.number for name, label in book.labels.items()
                   if label.chapter == chapter.name and label.kind == "equation"},
        "helpers": {str(book.relative(path)): sha(path.read_bytes())
                    for path in helper_files(book, reached)},
        "assets": {name: book.assets.get(name) for other in reached
                   for name in other.passed_to("asset")},
    }


def helper_files(book, chapters):
    """Return the files of helpers that the code of `chapters` imports."""
    modules, found = book.helper_modules, set()
    waiting = ["helpers", *(f"helpers.exercises.{chapter.name}" for chapter in chapters
                            if chapter.exercises),
               *(name for chapter in chapters for cell in chapter.code
                 for name in cell.imports)]
    while waiting:
        name = waiting.pop()
        if name in modules and name not in found:
            found.add(name)
            waiting.append(name.rpartition(".")[0])
            if name != "helpers":  # its table names every module
                waiting += modules[name].imports
    return sorted(modules[name].path for name in found)


def _reached(book, chapter):
    """Return the chapter and those that it reaches by solution(…)."""
    known = {other.name: other for other in book.chapters}
    found, waiting = {}, [chapter.name]
    while waiting:
        name = waiting.pop()
        if name in known and name not in found:
            found[name] = known[name]
            waiting += known[name].passed_to("solution")
    return list(found.values())
