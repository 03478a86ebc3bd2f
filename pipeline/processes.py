"""Execute notebooks, each in a process of its own that leaves nothing behind."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from pipeline.chapters import ROOT, SourceError

# A notebook that runs this many seconds is stopped: ten budgets of quick,
# three of full. Any other profile runs as long as it likes.
LIMITS = {"quick": 600, "full": 3600}
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Processes:
    """The workers that run now; once stopped, no other starts."""

    def __init__(self):
        self._lock = threading.Lock()
        self._running = set()
        self.stopped = False

    def start(self, command, **options):
        with self._lock:
            if self.stopped:
                raise SourceError("the run was stopped")
            process = subprocess.Popen(command, start_new_session=True, **options)
            self._running.add(process)
            return process

    def ended(self, process):
        with self._lock:
            self._running.discard(process)

    def stop(self):
        with self._lock:
            self.stopped = True
            for process in self._running:
                kill(process)


def kill(process):
    """End a worker and its whole process group; its kernel follows."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def run_here(tasks, workers):
    """Yield the position and the result of each task, as it ends."""
    processes = Processes()
    with ThreadPoolExecutor(max(1, workers)) as pool:
        futures = {pool.submit(perform, task, processes, task["log"]): position
                   for position, task in enumerate(tasks)}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            processes.stop()
            raise


def perform(task, processes, log, folder=None):
    """Execute a task's notebook; return its result.

    A result has the executed `notebook` as bytes, its `seconds`, `megabytes`
    and `core_seconds`, and the `error` that stopped it, or None. What the run
    says goes to the file `log`, what it writes to a temporary folder inside
    `folder`. A process that a signal kills is started once more; a cell that
    fails is not.
    """
    for _ in range(2):
        code, result = _attempt(task, processes, log, folder)
        if code >= 0 or processes.stopped:
            break
    return result if code == 0 else lost("the process", _ending(task, code, log))


def lost(where, message):
    """Return the result of a task that brought no notebook back."""
    return {"notebook": None, "seconds": 0, "megabytes": 0, "core_seconds": 0,
            "error": {"cell": where, "message": message}}


def _attempt(task, processes, log, folder):
    """Run the worker once; return its exit code and its result, if any."""
    environment = {
        **os.environ, **dict.fromkeys(THREADS, "1"), **task["environment"],
        "MPLBACKEND": "agg", "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(
            filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    }
    order = {name: task[name] for name in ("parameters", "claims", "key")}
    folder = Path(tempfile.mkdtemp(dir=folder))
    try:
        (folder / "notebook.ipynb").write_text(task["notebook"])
        with open(log, "w") as said:
            process = processes.start(
                [sys.executable, "-m", "pipeline.worker"], cwd=ROOT, text=True,
                stdin=subprocess.PIPE, stdout=said, stderr=said, env=environment,
            )
            process.stdin.write(json.dumps({**order, "folder": str(folder)}) + "\n")
            process.stdin.flush()
            try:
                process.wait(LIMITS.get(task["profile"]))
            except subprocess.TimeoutExpired:
                kill(process)
                process.wait()
                return 124, None
            finally:
                processes.ended(process)
                process.stdin.close()
        outcome = folder / "outcome.json"
        if not outcome.exists():
            return process.returncode, None
        notebook = (folder / "executed.ipynb").read_bytes()
        return 0, {**json.loads(outcome.read_text()), "notebook": notebook}
    finally:
        shutil.rmtree(folder)


def _ending(task, code, log):
    if code == 124:
        return f"stopped after {LIMITS[task['profile']]} s, the limit of this profile"
    if code < 0:
        return f"killed twice by {signal.Signals(-code).name}"
    lines = Path(log).read_text().strip().splitlines()
    return lines[-1] if lines else "no output"
