"""A cluster: nothing is lost, nothing counts twice, and what is wrong is said."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest

from tests.conftest import FIXTURES, build, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

CHAPTER = """\
---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
course:
  number: 7
---

# A nap

```{code-cell} ipython3
:tags: [parameters]

profile = "quick"
seed = 0
```

```{code-cell} ipython3
import os, pathlib, time
begun = pathlib.Path(BEGUN)
(begun / f"{seed} {os.getpid()}").touch()
time.sleep(SECONDS)
print("seed", seed)
if seed == 99: raise ValueError("too bad")
```
"""


@pytest.fixture
def nap(tmp_path):
    """A house whose only chapter naps, and tells in a folder that it began."""
    begun = tmp_path / "begun"
    begun.mkdir()
    chapter = tmp_path / "nap.md"
    chapter.write_text(CHAPTER.replace("BEGUN", repr(str(begun)))
                       .replace("SECONDS", "1"))
    house = build(tmp_path / "house", chapter, FIXTURES / "tiny_exercises.py")
    house.begun = begun
    return house


def seeds_begun(house):
    return sorted(int(path.name.split()[0]) for path in house.begun.iterdir())


class Cluster:
    """A scheduler and workers, each a process started as the page says."""

    def __init__(self, folder, root, **environment):
        with socket.socket() as door:
            door.bind(("127.0.0.1", 0))
            port = door.getsockname()[1]
        self.address, self.folder = f"tcp://127.0.0.1:{port}", folder
        self.processes, self.environment = [], environment
        self.scheduler = self._start(
            root, "scheduler", "--host", "127.0.0.1", "--port", str(port),
            "--no-dashboard")

    def worker(self, root):
        return self._start(root, "worker", self.address, "--nthreads", "1",
                           "--no-nanny", "--no-dashboard", "--local-directory",
                           str(self.folder / "scratch"))

    def _start(self, root, *words):
        with open(self.folder / f"{len(self.processes)}.log", "w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *words], cwd=root, stdout=log,
                stderr=log, env={**os.environ, "PYTHONPATH": "", **self.environment})
        self.processes.append(process)
        return process

    def stop(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()


@contextmanager
def running(folder, root, **environment):
    folder.mkdir()
    cluster = Cluster(folder, root, **environment)
    try:
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def cluster(nap, tmp_path):
    with running(tmp_path / "cluster", nap.root) as cluster:
        yield cluster


@pytest.fixture
def frail(nap, tmp_path):
    """A cluster that gives a task up when one worker died of it."""
    with running(tmp_path / "cluster", nap.root,
                 DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0") as cluster:
        yield cluster


def registered(cluster):
    """Wait until the first worker is known to the scheduler."""
    wait_for(lambda: "Registered" in (cluster.folder / "1.log").read_text())


def alive(house):
    """Return the processes that work for a house's notebooks now."""
    names = {path.name.split()[1] for path in house.begun.iterdir()}
    return [name for name in names
            if (about := Path(f"/proc/{name}/stat")).exists()
            and about.read_text().rsplit(")", 1)[1].split()[0] != "Z"]


def sweep(house, cluster, *seeds, **options):
    return house.pipeline("sweep", "nap", "-p", "seed", *map(str, seeds),
                          "--scheduler", cluster.address, **options)


def start(house, cluster, *seeds):
    """Begin a sweep in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", "sweep", "nap", "-p", "seed",
         *map(str, seeds), "--scheduler", cluster.address], cwd=house.root,
        env=house.environment, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)


def copies(house):
    """Return what each executed copy printed, by the seed in its place's name."""
    found = {}
    for path in (house.root / "build" / "executed").rglob("nap.ipynb"):
        book = nbformat.read(path, 4)
        folder = path.parts[-3]
        seed = int(folder.partition("seed=")[2] or 0)
        found[seed] = book.cells[-1].outputs[0].text
    return found


def test_a_killed_worker_loses_nothing_and_no_result_counts_twice(nap, cluster):
    first, _ = cluster.worker(nap.root), cluster.worker(nap.root)
    seeds = range(6)
    run = start(nap, cluster, *seeds)
    wait_for(lambda: len(copies(nap)) >= 1 and len(alive(nap)) == 2)
    first.send_signal(signal.SIGKILL)
    out, _ = run.communicate(timeout=60)
    assert run.returncode == 0, out
    assert copies(nap) == {seed: f"seed {seed}\n" for seed in seeds}
    for seed in seeds:
        assert out.count(f"    ran  nap seed={seed}  [") == 1
    assert "[6/6]" in out and "[7/" not in out
    # What the killed worker was at was begun again, and at most one thing more.
    assert set(seeds_begun(nap)) == set(seeds) and 7 <= len(seeds_begun(nap)) <= 8
    wait_for(lambda: not alive(nap))
    left = {path.name for path in (nap.root / "build").rglob("*") if path.is_file()}
    assert left == {"nap.ipynb", "nap.log", "nap-quick.json"}

    again = sweep(nap, cluster, *seeds)
    assert again.stdout.count("  fresh  nap seed=") == 6
    assert len(seeds_begun(nap)) <= 8


def test_a_failing_cell_is_named_and_run_once(nap, cluster):
    cluster.worker(nap.root)
    done = sweep(nap, cluster, 99, 1, check=False)
    assert done.returncode == 1
    assert "FAILED nap seed=99, cell [4] import os, pathlib, time\n" in done.stdout
    assert "ValueError: too bad" in done.stdout
    assert seeds_begun(nap) == [1, 99] and copies(nap) == {1: "seed 1\n"}
    (failed,) = (nap.root / "build").rglob("nap.failed.ipynb")
    assert "too bad" in failed.read_text()


def test_a_worker_with_another_course_is_refused(nap, cluster, tmp_path):
    cluster.worker(nap.root)
    registered(cluster)
    # The worker reads its own checkout: let the client's be another one.
    other = tmp_path / "other"
    subprocess.run(["cp", "-r", nap.root, other], check=True)
    nap.root, nap.environment = other, {**nap.environment, "PYTHONPATH": str(other)}
    nap.edit("requirements.lock", "torch==", "# torch==")
    done = sweep(nap, cluster, 1, check=False)
    assert done.returncode == 1
    assert "has another course: requirements.lock" in done.stderr
    assert "run make env there" in done.stderr and not seeds_begun(nap)


def test_a_worker_outside_the_course_is_refused(nap, cluster, tmp_path):
    cluster.worker(tmp_path)
    registered(cluster)
    done = sweep(nap, cluster, 1, check=False)
    assert done.returncode == 1 and "cannot import the course" in done.stderr
    assert not seeds_begun(nap)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nowhere"])
def test_a_scheduler_that_does_not_answer_is_said_soon(nap, address):
    begun = time.monotonic()
    done = nap.pipeline("run", "--scheduler", address, check=False)
    assert done.returncode == 1
    assert f"no dask scheduler answers at {address}" in done.stderr
    assert time.monotonic() - begun < 15


@pytest.mark.parametrize("what", ["the run", "the scheduler"])
def test_what_was_done_is_kept_when_something_is_stopped(nap, cluster, what):
    cluster.worker(nap.root)
    nap.edit("book/chapters/nap.md", "time.sleep(1)", "time.sleep(60 * (seed == 1))")
    nap.pipeline("derive")
    run = start(nap, cluster, 0, 1)
    wait_for(lambda: copies(nap) and alive(nap) and seeds_begun(nap) == [0, 1])
    (run if what == "the run" else cluster.scheduler).terminate()
    out, _ = run.communicate(timeout=30)
    assert run.returncode != 0 and copies(nap) == {0: "seed 0\n"}
    if what == "the scheduler":
        assert "is gone" in out and "Traceback" not in out
    wait_for(lambda: not alive(nap))


def test_a_cluster_on_this_machine_needs_no_scheduler(nap):
    done = nap.python("-m", "pipeline", "run", "--scheduler", "local", "--workers", "1")
    assert "    ran  nap  [1/1]" in done.stdout and copies(nap) == {0: "seed 0\n"}


def test_a_task_that_no_worker_survives_is_a_failed_one(nap, frail):
    worker = frail.worker(nap.root)
    nap.edit("book/chapters/nap.md", "time.sleep(1)", "time.sleep(60)")
    nap.pipeline("derive")
    run = start(nap, frail, 1)
    wait_for(lambda: seeds_begun(nap))
    worker.kill()
    out, _ = run.communicate(timeout=60)
    assert run.returncode == 1
    assert "FAILED nap seed=1, cell the worker\n1 workers died while they ran" in out
    assert copies(nap) == {}


def test_what_stops_a_worker_from_running_a_task_is_said(nap, cluster):
    cluster.worker(nap.root)
    registered(cluster)
    shutil.rmtree(cluster.folder / "scratch")
    done = sweep(nap, cluster, 1, check=False)
    assert done.returncode == 1
    assert "FAILED nap seed=1, cell the worker\nFileNotFoundError: " in done.stdout
