"""Execute notebooks on the workers of a dask cluster, and fetch the results."""

import hashlib
import logging
import platform
import shutil
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from distributed import (
    CancelledError,
    Client,
    KilledWorker,
    LocalCluster,
    Status,
    as_completed,
    get_worker,
)

from pipeline.book import here
from pipeline.errors import BookError
from pipeline.hashing import sha
from pipeline.run.local import Processes, perform
from pipeline.run.plan import Failure, Result

PATIENCE = 5  # seconds that a scheduler has to answer
# What a notebook imports, and what executes it.
CODE = ("helpers/**/*.py", "helpers/**/*.json", "helpers/**/*.toml",
        "pipeline/**/*.py", "solutions/*.py")


def run_there(book, tasks, scheduler, workers):
    """Yield the position and the Result of each packed task, as it ends.

    `scheduler` is an address, or "local" for a cluster of `workers` processes
    on this machine. A task whose worker dies goes to another one. Raises
    BookError for a scheduler that does not answer, before anything runs for
    a worker with another course, and when the scheduler is lost.
    """
    # Its log repeats, with tracebacks, what the messages here say in a line.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    course = fingerprint(book)
    with _client(scheduler, workers) as client:
        _refuse_another_course(client, course)
        futures = {client.submit(_perform, task, course, pure=False): position
                   for position, task in enumerate(tasks)}
        for future in as_completed(list(futures)):
            result = _result(future, scheduler)
            # Otherwise a result that arrived is computed again if a worker dies.
            future.release()
            position = futures.pop(future)
            tasks[position].log.write_text(result.log)
            yield position, result


def fingerprint(book=None):
    """Return what must be equal on this machine and on a worker, by name.

    On a worker it is that of the worker's own checkout.
    """
    book = book or here()
    files = sorted(path for pattern in CODE for path in book.root.glob(pattern))
    code = hashlib.sha256()
    for path in files:
        code.update(f"{book.relative(path)}\0".encode() + path.read_bytes())
    return {"Python": ".".join(platform.python_version_tuple()[:2]),
            book.lock.name: sha(book.lock.read_bytes())[:12],
            "code": code.hexdigest()[:12]}


@contextmanager
def _client(scheduler, workers):
    if scheduler == "local":
        with LocalCluster(n_workers=workers, threads_per_worker=1,
                          dashboard_address=None) as cluster, Client(cluster) as client:
            yield client
        return
    try:
        client = Client(scheduler, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise BookError(
            f"no dask scheduler answers at {scheduler}: start one, or give the "
            "address that it printed, as tcp://HOST:PORT"
        ) from error
    with client:
        yield client


def _refuse_another_course(client, course):
    """Raise BookError for a scheduler or worker whose course differs."""
    try:
        found = {client.scheduler.address: client.run_on_scheduler(fingerprint)}
    except Exception as error:
        found = {client.scheduler.address: error}
    found |= client.run(fingerprint, on_error="return")
    for address, theirs in found.items():
        if isinstance(theirs, Exception):
            raise BookError(
                f"what runs at {address} cannot import the course ({theirs}): start "
                "it as .venv/bin/python -m dask … in the folder of a checkout"
            )
        _refuse_difference(address, theirs, course)
    if len(found) == 1:
        print("no worker is connected yet; the notebooks wait for the first")


def _refuse_difference(address, theirs, ours):
    different = ", ".join(f"{name} {theirs[name]} and not {ours[name]}"
                          for name in ours if theirs[name] != ours[name])
    if different:
        raise BookError(
            f"what runs at {address} has another course: {different}. Bring its "
            "checkout to this one's commit, run make env there, and start it again"
        )


def _result(future, scheduler):
    try:
        return future.result()
    except KilledWorker as error:
        return _lost(f"{error.allowed_failures + 1} workers died while they ran it")
    except CancelledError as error:
        raise BookError(
            f"the scheduler at {scheduler} is gone. Finished notebooks are kept: "
            "run the same command again to continue"
        ) from error
    except Exception as error:
        return _lost(f"{type(error).__name__}: {error}")


def _lost(message):
    return Result(error=Failure("the worker", message), log=message)


def _perform(task, course):
    """Perform a task on a worker, in a folder that is removed with the worker's."""
    worker, book = get_worker(), here()
    # A worker that joined late has not been checked yet.
    _refuse_difference(worker.address, fingerprint(book), course)
    folder = Path(tempfile.mkdtemp(dir=worker.local_directory))
    processes, ended = Processes(), threading.Event()
    threading.Thread(
        target=_stop_when_forgotten, daemon=True,
        args=(worker, worker.get_current_task(), processes, ended),
    ).start()
    try:
        result = perform(book.root, task, processes, folder / "log", folder)
        return replace(result, log=(folder / "log").read_text())
    finally:
        ended.set()
        shutil.rmtree(folder)


def _stop_when_forgotten(worker, name, processes, ended):
    """Kill a task's process when its run, or its scheduler, is gone.

    Without that a worker would first wait for the end of the notebook.
    """
    while not ended.wait(1):
        task = worker.state.tasks.get(name)
        if (task is None or task.state in ("cancelled", "released")
                or worker.status in (Status.closing, Status.closed, Status.failed)):
            processes.stop()
            return
