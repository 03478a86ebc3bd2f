"""The key of an executed notebook: it is fresh while everything it used is."""

import ast
import hashlib
import json
import subprocess
from functools import cache

import helpers
from helpers.data.assets import manifest
from pipeline import labels as labelling
from pipeline.chapters import ROOT, load_all, parse

LOCK = ROOT / "requirements.lock"
KEPT = ROOT / "helpers" / "kept"


def key(chapter, parameters, used=None):
    """Return the content key of a chapter executed with `parameters`.

    It covers these and the chapter's ingredients, `used` where they are known;
    with the default parameters, which a page has, the kept sweeps that it shows,
    too. A run of such a sweep stops before they are shown.
    """
    parts = {"parameters": parameters, **(used or ingredients(chapter))}
    if {**parameters, "profile": None} == {**chapter.defaults, "profile": None}:
        shown = [KEPT / f"{name}.json"
                 for name in labelling.constants_passed(chapter, "kept_sweep")]
        parts["kept"] = {path.name: _sha(path.read_bytes())
                         for path in shown if path.exists()}
    return _sha(json.dumps(parts, sort_keys=True).encode())


def ingredients(chapter):
    """Return what a chapter's executed copies depend on beside the parameters:

    its code with the solutions, the chapters it reaches by solution(), the
    helpers that these import, the numbers of their equations, the assets and
    the lock.
    """
    chapters = {other.name: other for other in load_all()}
    reached = _reached(chapter, chapters)
    labels = labelling.collect(chapters.values())
    assets = manifest()
    return {
        "lock": lock_hash(),
        "code": {
            other.name: [[cell.id, cell.tags, cell.blank, cell.filled]
                         for cell in other.code
                         if other.name == chapter.name or "define" in cell.tags]
            for other in reached
        },
        "labels": {name: label.number for name, label in labels.items()
                   if label.chapter == chapter.name and label.kind == "equation"},
        "helpers": {str(path.relative_to(ROOT)): _sha(path.read_bytes())
                    for path in helper_files(reached)},
        "assets": {name: assets.get(name) for other in reached
                   for name in labelling.constants_passed(other, "asset")},
    }


def lock_hash():
    return _sha(LOCK.read_bytes())


def commit(short=True):
    """Return the hash of HEAD, marked when the tree differs from it.

    For the short one, which runs are given, results that are kept do not count:
    no run reads them, and so the full runs of several chapters can be kept one
    after the other.
    """
    def git(*words):
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True,
                              text=True).stdout.strip()

    head = git("rev-parse", *(["--short=12"] if short else []), "HEAD") or "none"
    kept = ("results", "results.md") if short else ()
    changes = git("status", "--porcelain", "--", ".",
                  *(f":(exclude)book/{name}" for name in kept))
    return f"{head} with changes" if changes else head


def helper_files(chapters):
    """Return the files of helpers that the code of `chapters` imports."""
    wanted = [ROOT / "helpers" / "__init__.py"]
    for chapter in chapters:
        for cell in chapter.code:
            wanted += _imported(cell.filled)
        if chapter.exercises:
            wanted.append(ROOT / "helpers" / "exercises" / f"{chapter.name}.py")
    found = set()
    while wanted:
        path = wanted.pop()
        if path not in found and path.exists():
            found.add(path)
            if path.parent.name != "helpers" or path.name != "__init__.py":
                wanted += _imported(path.read_text())
    return sorted(found)


def _imported(code):
    """Return the files of the modules of helpers that code imports."""
    found = []
    for module in _modules(code):
        path = ROOT.joinpath(*module.split("."))
        packages = [parent for parent in path.parents if parent.is_relative_to(ROOT)]
        found += [path.with_suffix(".py"), path / "__init__.py",
                  *(parent / "__init__.py" for parent in packages if parent != ROOT)]
    return [path for path in found if path.exists()]


@cache
def _modules(code):
    modules = []
    for node in ast.walk(parse(code)):
        if isinstance(node, ast.Import):
            modules += [a.name for a in node.names if a.name.startswith("helpers")]
        elif isinstance(node, ast.ImportFrom) and node.module == "helpers":
            modules += [f"helpers.{helpers.HOME.get(a.name, a.name)}"
                        for a in node.names]
        elif isinstance(node, ast.ImportFrom) and str(node.module).startswith(
            "helpers."
        ):
            modules += [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
    return modules


def _reached(chapter, chapters):
    """Return the chapter and those that it reaches by solution(…)."""
    found, wanted = {}, [chapter.name]
    while wanted:
        name = wanted.pop()
        if name in chapters and name not in found:
            found[name] = chapters[name]
            wanted += labelling.constants_passed(chapters[name], "solution")
    return list(found.values())


def _sha(data):
    return hashlib.sha256(data).hexdigest()
