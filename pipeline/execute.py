"""Execute chapter notebooks, two at a time, each in a process of its own."""

import ast
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from helpers.errors import names
from pipeline import executed
from pipeline.chapters import ROOT, SourceError, choose
from pipeline.derive import refuse_out_of_step
from pipeline.freshness import commit, key, lock_hash

# A notebook that runs this many seconds is stopped: ten budgets of quick,
# three of full. Any other profile runs as long as it likes.
LIMITS = {"quick": 600, "full": 3600}
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def run(names_wanted, profile, parameters, workers=2):
    """Execute what is not fresh; print a summary; return the exit code.

    Raises SourceError, before anything runs, for an unknown chapter, profile
    or parameter.
    """
    refuse_out_of_step()
    tasks = plan(names_wanted, profile, parameters)
    outcomes = execute_all(tasks, workers)
    return int(any(outcome["status"] == "failed" for outcome in outcomes))


def execute_all(tasks, workers):
    """Execute tasks, print how each ended and a summary; return the outcomes."""
    processes = Processes()

    def work(task):
        outcome = _execute(task, processes)
        print(f"{outcome['status']:>7}  {task['name']}\n", end="", flush=True)
        return outcome

    previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with ThreadPoolExecutor(max(1, workers)) as pool:
            try:
                outcomes = list(pool.map(work, tasks))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                processes.stop()
                raise
    finally:
        signal.signal(signal.SIGTERM, previous)
    _summarise(tasks, outcomes)
    return outcomes


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


def task_of(chapter, profile, parameters):
    """Return the task that runs a chapter with `parameters`, given as text.

    Raises SourceError for a parameter that the chapter does not have.
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
    chosen = [f"{name}={values[name]}" for name in parameters]
    return {
        "name": " ".join([chapter.name, *chosen]),
        "source": str(chapter.path),
        "notebook": str(ROOT / "notebooks" / f"{chapter.name}.ipynb"),
        "target": str(target),
        "parameters": values,
        "profile": profile,
        "key": key(chapter, values),
        "fresh": executed.is_fresh(chapter, values),
    }


def _execute(task, processes):
    if task["fresh"]:
        about = executed.read(task["target"]).metadata["course"]
        return {**about, "status": "fresh", "path": task["target"], "error": None}
    for _ in range(2):
        code, outcome = _attempt(task, processes)
        if code >= 0 or processes.stopped:
            break
    if code == 0:
        status = "failed" if outcome["error"] else "ran"
        return {**outcome, "status": status}
    log = Path(task["target"]).with_suffix(".log")
    lines = log.read_text().strip().splitlines() or ["no output"]
    return {"status": "failed", "seconds": 0, "megabytes": 0, "path": str(log),
            "error": {"cell": "the process", "message": _ending(task, code, lines)}}


def _attempt(task, processes):
    """Run the worker once; return its exit code and its outcome, if any."""
    target = Path(task["target"])
    target.parent.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ, **dict.fromkeys(THREADS, "1"),
        "MPLBACKEND": "agg", "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(
            filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "COURSE_COMMIT": commit(), "COURSE_LOCK": lock_hash()[:12],
    }
    process, folder = None, Path(tempfile.mkdtemp())
    answer = folder / "outcome.json"
    try:
        with open(target.with_suffix(".log"), "w") as log:
            process = processes.start(
                [sys.executable, "-m", "pipeline.worker"], cwd=ROOT, text=True,
                stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment,
            )
            process.stdin.write(json.dumps({**task, "outcome": str(answer)}) + "\n")
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
        outcome = json.loads(answer.read_text()) if answer.exists() else None
        return (process.returncode if outcome is None else 0), outcome
    finally:
        shutil.rmtree(folder)
        if process is not None:
            part = target.with_name(f"{target.stem}.{process.pid}.part.ipynb")
            part.unlink(missing_ok=True)


def _ending(task, code, lines):
    if code == 124:
        return f"stopped after {LIMITS[task['profile']]} s, the limit of this profile"
    if code < 0:
        return f"killed twice by {signal.Signals(-code).name}"
    return lines[-1]


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
