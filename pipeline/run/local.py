"""Execute notebooks on this machine, each in a process of its own."""

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

from pipeline.errors import BookError
from pipeline.run.plan import Failure, Result

# A notebook that runs this many seconds is stopped: ten budgets of quick,
# three of full. Any other profile has no limit.
LIMITS = {"quick": 600, "full": 3600}
TIMED_OUT = 124
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Processes:
    """The worker processes that are running; after `stop`, no other starts."""

    def __init__(self):
        self._lock = threading.Lock()
        self._running = set()
        self.stopped = False

    def start(self, command, **options):
        with self._lock:
            if self.stopped:
                raise BookError("the run was stopped")
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


def run_here(root, tasks, workers):
    """Yield the position and the result of each task, as it ends."""
    processes = Processes()
    with ThreadPoolExecutor(max(1, workers)) as pool:
        futures = {pool.submit(perform, root, task, processes, task.log): position
                   for position, task in enumerate(tasks)}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            processes.stop()
            raise


def perform(root, task, processes, log, folder=None):
    """Execute a packed task with the course in the folder `root`; return its Result.

    What the run prints goes to the file `log`, what it writes to a temporary
    folder inside `folder`. A process that a signal kills is retried once; a cell
    that fails is not.
    """
    for _ in range(2):
        code, result = _start_worker(root, task, processes, log, folder)
        if code >= 0 or processes.stopped:
            break
    if code == 0:
        return result
    return Result(error=Failure("the process", _ending(task, code, log)))


def _start_worker(root, task, processes, log, folder):
    """Run a worker process once; return its exit code and its Result, if any."""
    environment = {
        **os.environ, **dict.fromkeys(THREADS, "1"), **task.environment,
        "MPLBACKEND": "agg", "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(
            filter(None, [str(root), os.environ.get("PYTHONPATH")])),
    }
    folder = Path(tempfile.mkdtemp(dir=folder))
    order = {"folder": str(folder), "cwd": str(root / "notebooks"), "key": task.key,
             "parameters": task.parameters, "claims": task.claims}
    try:
        (folder / "notebook.ipynb").write_text(task.notebook)
        with open(log, "w") as printed:
            process = processes.start(
                [sys.executable, "-m", "pipeline.run.worker"], cwd=root, text=True,
                stdin=subprocess.PIPE, stdout=printed, stderr=printed, env=environment,
            )
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            try:
                process.wait(LIMITS.get(task.profile))
            except subprocess.TimeoutExpired:
                kill(process)
                process.wait()
                return TIMED_OUT, None
            finally:
                processes.ended(process)
                process.stdin.close()
        report = folder / "report.json"
        if not report.exists():
            return process.returncode, None
        found = json.loads(report.read_text())
        error = Failure(**found.pop("error")) if found["error"] else None
        notebook = (folder / "executed.ipynb").read_bytes()
        return 0, Result(**{**found, "notebook": notebook, "error": error})
    finally:
        shutil.rmtree(folder)


def _ending(task, code, log):
    if code == TIMED_OUT:
        return f"stopped after {LIMITS[task.profile]} s, the limit of this profile"
    if code < 0:
        return f"killed twice by {signal.Signals(-code).name}"
    lines = Path(log).read_text().strip().splitlines()
    return lines[-1] if lines else "no output"
