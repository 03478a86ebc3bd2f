"""Execute the notebooks that are not current, and report how each ended."""

import os
import signal
import sys
from contextlib import closing

from helpers.files import write_whole
from pipeline.derive import refuse_out_of_step
from pipeline.run.copies import about
from pipeline.run.local import run_here
from pipeline.run.plan import Outcome, packed, plan


def run(book, wanted=(), profile="quick", parameters=None, workers=2, scheduler=None):
    """Execute what is not current; print a summary; return the exit code.

    Raises BookError, before anything runs, for an unknown chapter, profile
    or parameter, and for a scheduler that cannot be used.
    """
    refuse_out_of_step(book)
    tasks = plan(book, wanted, profile, parameters or {})
    outcomes = execute_all(book, tasks, workers, scheduler)
    return int(any(outcome.status == "failed" for outcome in outcomes))


def execute_all(book, tasks, workers=2, scheduler=None):
    """Execute tasks, print how each ended and a summary; return the outcomes.

    They run on this machine, or on the cluster of a dask `scheduler`. Each copy is
    written as soon as it arrives, so a run that is stopped loses only the
    notebooks that it was executing.
    """
    outcomes = [None] * len(tasks)

    def tell(position, outcome):
        outcomes[position] = outcome
        done = sum(outcome is not None for outcome in outcomes)
        print(f"{outcome.status:>7}  {tasks[position].name}  [{done}/{len(tasks)}]",
              flush=True)

    for position, task in enumerate(tasks):
        if task.is_current:
            tell(position, _unchanged(task))
    waiting = [position for position, outcome in enumerate(outcomes) if not outcome]
    ready = packed(book, [tasks[position] for position in waiting])
    previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with closing(_results(book, ready, workers, scheduler)) as results:
            for i, result in results:
                tell(waiting[i], _stored(tasks[waiting[i]], result))
    finally:
        signal.signal(signal.SIGTERM, previous)
    _summarize(book, tasks, outcomes)
    return outcomes


def _results(book, tasks, workers, scheduler):
    """Return an iterator over the position and the result of each task."""
    for task in tasks:
        task.log.parent.mkdir(parents=True, exist_ok=True)
    if scheduler is None or not tasks:
        return run_here(book.root, tasks, workers)
    from pipeline.run.cluster import run_there

    return run_there(book, tasks, scheduler, workers)


def _unchanged(task):
    run = about(task.target)
    return Outcome("fresh", task.target, run["seconds"], run["megabytes"])


def _stored(task, result):
    """Write a result's notebook whole or not at all; return the outcome."""
    path = task.failed if result.error else task.target
    if result.notebook is None:
        path = task.log
    else:
        with write_whole(path) as part:
            part.write_bytes(result.notebook)
    if path == task.target:
        task.failed.unlink(missing_ok=True)
    return Outcome("failed" if result.error else "ran", path, result.seconds,
                   result.megabytes, result.error)


def _summarize(book, tasks, outcomes):
    width = max([len(task.name) for task in tasks], default=7)
    print(f"\n{'chapter':<{width}}  status  seconds  peak MB  copy")
    for task, outcome in zip(tasks, outcomes, strict=True):
        print(f"{task.name:<{width}}  {outcome.status:<6}  {outcome.seconds:>7.1f}  "
              f"{outcome.megabytes:>7.0f}  {os.path.relpath(outcome.path, book.root)}")
    for task, outcome in zip(tasks, outcomes, strict=True):
        if outcome.error:
            print(f"\nFAILED {task.name}, cell {outcome.error.cell}\n"
                  f"{outcome.error.message}")
