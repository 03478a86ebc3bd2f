"""Do the notebooks say the same twice, with two threads, and after a crash?

    make soak

Each chapter's notebook is executed twice with one thread and once with two,
and the numbers that it records are compared within the tolerances that it
states. Then a copy of the course is built by `make book`, which is stopped at
random moments and begun again, and the pages and their numbers are compared
with those of the site that is there. The figures go to book/results/soak.json,
from which `derive` writes the tables of the page on reliability. Of chapters that are
named, only their figures are made anew; --stops 0 stops no build.
"""

import argparse
import json
import os
import platform
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import nbformat

from helpers.scraps import Scraps
from pipeline.book import here
from pipeline.derive.measurements import soak
from pipeline.git import commit
from pipeline.run.local import THREADS, Processes, perform
from pipeline.run.plan import task_of

BOOK = here()
KEPT = BOOK.results / "soak.json"


def run(chapter, threads, folder):
    """Execute a chapter's notebook with some threads; return what it recorded."""
    notebook = nbformat.read(BOOK.notebook("notebooks", chapter.name), 4)
    begin = next(cell for cell in notebook.cells if cell.cell_type == "code"
                 and re.search(r"^run = start\(", cell.source, re.M))
    begin.source += f"\nimport torch\ntorch.set_num_threads({threads})\n"
    task = replace(task_of(BOOK, chapter, "quick", {}),
                   notebook=nbformat.writes(notebook),
                   environment=dict.fromkeys(THREADS, str(threads)))
    result = perform(BOOK.root, task, Processes(), folder / "log")
    if result.error:
        raise SystemExit(f"{chapter.name}: {result.error}")
    return Scraps.of(nbformat.reads(result.notebook.decode(), 4)).records


def compare(one, other):
    """Return how many records two runs have, and what differs how far.

    A number differs by the share of its tolerance that lies between the two,
    and one without a tolerance, or a text, wholly or not at all.
    """
    gaps = {}
    for name in {**one, **other}:
        first, second = one.get(name), other.get(name)
        if first is None or second is None:
            gaps[name] = float("inf")
        else:
            gaps[name] = _gap(first, second)
    worst = max(gaps, key=gaps.get)
    return {"records": len(gaps), "unequal": sum(gap > 0 for gap in gaps.values()),
            "beyond": sorted(name for name, gap in gaps.items() if gap > 1),
            "most": round(gaps[worst], 3), "where": worst}


def _gap(first, second):
    a, b = first["value"], second["value"]
    if first["text"] == second["text"]:
        return 0.0
    if isinstance(a, str) or isinstance(b, str) or not first["tol"]:
        return float("inf")
    return abs(a - b) / first["tol"]


def interrupted(times, dice, folder):
    """Build a copy of the course, stopped `times` times; return what is told.

    The environment of this checkout is used, so that the build is executing or
    rendering when it is stopped.
    """
    copy = folder / "copy"
    ignored = shutil.ignore_patterns(".venv", "build", "_build", ".git")
    shutil.copytree(BOOK.root, copy, ignore=ignored)
    (copy / ".venv").symlink_to(BOOK.root / ".venv")
    stopped = []
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    for left in reversed(range(times + 1)):
        began = time.monotonic()
        with open(folder / "log", "w") as log:
            build = subprocess.Popen(["make", "book"], cwd=copy, stdout=log,
                                     stderr=log, env=environment,
                                     start_new_session=True)
        try:
            build.wait(dice.uniform(5, 90) if left else None)
        except subprocess.TimeoutExpired:
            how = dice.choice([signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
            os.killpg(build.pid, how)
            build.wait()
            stopped.append({"after": round(time.monotonic() - began, 1),
                            "by": how.name})
    if build.returncode:
        raise SystemExit((folder / "log").read_text()[-3000:])
    left_over = [path for path in (copy / "build").rglob("*.part*")]
    site = copy / "_build" / "html"
    return {"stopped": stopped, "left over": len(left_over),
            "same files": files(site) == files(BOOK.site),
            "same words": words(site) == words(BOOK.site)}


def files(site):
    return sorted(str(path.relative_to(site)) for path in site.rglob("*")
                  if path.is_file() and "_images" not in path.parts)


def words(site):
    """Return the words of each page without its numbers, which runs may change."""
    return {page.name: re.sub(r"<[^>]*>|[\d.,+−-]+(e-?\d+)?|\s", "",
                              page.read_text().partition("run card")[0])
            for page in sorted((site / "notebooks").glob("*.html"))}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER")
    parser.add_argument("--stops", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if subprocess.run(["make", "-q", "env"], cwd=BOOK.root).returncode or (
            not BOOK.site.exists()):
        raise SystemExit("there is no site to compare with: run make book")
    found = json.loads(KEPT.read_text()) if KEPT.exists() else {
        "chapters": {}, "interrupted": None}
    found |= {"cores": os.cpu_count(), "Python": platform.python_version()}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for chapter in BOOK.choose(options.chapters):
            first, second, threads = (run(chapter, n, folder) for n in (1, 1, 2))
            found["chapters"][chapter.name] = {
                "commit": commit(BOOK.root), "twice": compare(first, second),
                "threads": compare(first, threads)}
            print(chapter.name, found["chapters"][chapter.name], flush=True)
            save(found)
        if options.stops:
            found["interrupted"] = interrupted(
                options.stops, random.Random(options.seed), folder)
            save(found)
    print(soak(found))


def save(found):
    KEPT.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
