"""Execute the notebooks that are not fresh, and tell how each of them ended."""

import ast
import json
import os
import signal
import sys
from contextlib import closing
from pathlib import Path

from helpers.errors import names
from pipeline import executed
from pipeline.chapters import ROOT, SourceError, choose
from pipeline.derive import refuse_out_of_step
from pipeline.freshness import commit, key, lock_hash
from pipeline.labels import verified
from pipeline.processes import run_here


def run(names_wanted, profile, parameters, workers=2, scheduler=None):
    """Execute what is not fresh; print a summary; return the exit code.

    Raises SourceError, before anything runs, for an unknown chapter, profile
    or parameter, and for a scheduler that cannot be used.
    """
    refuse_out_of_step()
    tasks = plan(names_wanted, profile, parameters)
    outcomes = execute_all(tasks, workers, scheduler)
    return int(any(outcome["status"] == "failed" for outcome in outcomes))


def execute_all(tasks, workers=2, scheduler=None):
    """Execute tasks, print how each ended and a summary; return the outcomes.

    They run on this machine, or on the cluster of a dask `scheduler`. Each is
    written as soon as it ends, so that a run which is stopped loses only what
    it was at.
    """
    outcomes = [None] * len(tasks)

    def tell(position, outcome):
        outcomes[position] = outcome
        done = sum(outcome is not None for outcome in outcomes)
        print(f"{outcome['status']:>7}  {tasks[position]['name']}  "
              f"[{done}/{len(tasks)}]", flush=True)

    for position, task in enumerate(tasks):
        if task["fresh"]:
            tell(position, _unchanged(task))
    waiting = [position for position, outcome in enumerate(outcomes) if not outcome]
    packed = _packed([tasks[position] for position in waiting])
    previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with closing(_results(packed, workers, scheduler)) as results:
            for i, result in results:
                tell(waiting[i], _stored(tasks[waiting[i]], result))
    finally:
        signal.signal(signal.SIGTERM, previous)
    _summarise(tasks, outcomes)
    return outcomes


def _results(tasks, workers, scheduler):
    """Return an iterator over the position and the result of each task."""
    if scheduler is None or not tasks:
        return run_here(tasks, workers)
    from pipeline.cluster import run_there

    return run_there(tasks, scheduler, workers)


def plan(names_wanted, profile, parameters):
    """Return one task for each notebook wanted."""
    return [task_of(chapter, profile, parameters)
            for chapter in choose_for(names_wanted, profile)]


def choose_for(names_wanted, profile):
    """Return the chapters named, or all that have the profile.

    Raises SourceError for an unknown name and an unknown profile.
    """
    chapters = choose(names_wanted)
    wanted = chapters if names_wanted else [
        chapter for chapter in chapters if profile in chapter.profiles
    ]
    profiles = sorted({p for chapter in chapters for p in chapter.profiles})
    if not wanted or any(profile not in chapter.profiles for chapter in wanted):
        raise SourceError(
            f"there is no profile {profile!r}; the profiles are {names(profiles)}"
        )
    return wanted


def task_of(chapter, profile, parameters, used=None):
    """Return the task that runs a chapter with `parameters`, given as text.

    `used` are the chapter's ingredients where the caller has them. Raises
    SourceError for a parameter that the chapter does not have.
    """
    if "profile" in parameters:
        raise SourceError("the profile is chosen by --profile, not by -p")
    unknown = sorted(set(parameters) - set(chapter.defaults))
    if unknown:
        raise SourceError(
            f"{chapter.name} has no parameter {names(unknown)}; it has "
            f"{names(chapter.defaults)}"
        )
    values = {name: _value(text) for name, text in parameters.items()}
    values = {**chapter.defaults, **values, "profile": profile}
    target = executed.path_of(chapter, values)
    today = key(chapter, values, used)
    chosen = [f"{name}={values[name]}" for name in parameters]
    return {
        "name": " ".join([chapter.name, *chosen]),
        "source": str(ROOT / "notebooks" / f"{chapter.name}.ipynb"),
        "target": str(target),
        "log": str(target.with_suffix(".log")),
        "parameters": values,
        "profile": profile,
        "claims": verified(chapter),
        "key": today,
        "fresh": executed.key_of(target) == today,
    }


def _packed(tasks):
    """Return tasks with all that a worker on any machine must know."""
    made_by = {"COURSE_COMMIT": commit(), "COURSE_LOCK": lock_hash()[:12]}
    for task in tasks:
        Path(task["log"]).parent.mkdir(parents=True, exist_ok=True)
    return [{**task, "notebook": Path(task["source"]).read_text(),
             "environment": made_by} for task in tasks]


def _unchanged(task):
    about = executed.read(task["target"]).metadata["course"]
    return {**about, "status": "fresh", "path": task["target"], "error": None}


def _stored(task, result):
    """Write a result's notebook whole or not at all; return the outcome.

    One in which a cell failed is kept as *.failed.ipynb.
    """
    notebook = result.pop("notebook")
    target = Path(task["target"])
    failed = target.with_name(f"{target.stem}.failed.ipynb")
    path = failed if result["error"] else target
    if notebook is None:
        path = Path(task["log"])
    else:
        part = target.with_name(f"{target.stem}.{os.getpid()}.part.ipynb")
        part.write_bytes(notebook)
        os.replace(part, path)
    if path == target:
        failed.unlink(missing_ok=True)
    status = "failed" if result["error"] else "ran"
    return {**result, "status": status, "path": str(path)}


def _summarise(tasks, outcomes):
    width = max([len(task["name"]) for task in tasks], default=7)
    print(f"\n{'chapter':<{width}}  status  seconds  peak MB  copy")
    for task, outcome in zip(tasks, outcomes, strict=True):
        path = os.path.relpath(outcome["path"], ROOT)
        print(f"{task['name']:<{width}}  {outcome['status']:<6}  "
              f"{outcome['seconds']:>7.1f}  {outcome['megabytes']:>7.0f}  {path}")
    for task, outcome in zip(tasks, outcomes, strict=True):
        if outcome["error"]:
            print(f"\nFAILED {task['name']}, cell {outcome['error']['cell']}\n"
                  f"{outcome['error']['message']}")


def _value(text):
    """Read a parameter's value as Python writes it; else it is a text."""
    try:
        value = ast.literal_eval(text)
        json.dumps(value)
        return value
    except (ValueError, SyntaxError, TypeError):
        return text
