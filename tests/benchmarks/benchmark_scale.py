"""What the pipeline and a dask cluster cost beside bare papermill.

    python -m tests.benchmarks.benchmark_scale

Each way executes the same trivial notebook 10, 50 and 200 times: bare papermill
in one loop and in two side by side, `sweep` with its two processes, and `sweep`
on a scheduler with two workers, which are there before. A way's time is from its
command to its end. Core seconds are those of all its processes. What the rest of
the machine took meanwhile is told, since it slows every way. The figures go to
book/results/scale.json, from which `derive` writes the table of the page.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

import psutil

from pipeline.derive.measurements import scale
from tests.conftest import BOOK, FIXTURES, build
from tests.whole.test_scale import CHAPTER, Cluster

KEPT = BOOK.results / "scale.json"
COUNTS = (10, 50, 200)
BARE = """
import sys
import papermill

for seed in range(*map(int, sys.argv[1:])):
    papermill.execute_notebook(
        "notebooks/trivial.ipynb", f"bare/{seed}.ipynb", kernel_name="python3",
        parameters={"profile": "quick", "seed": seed}, cwd="notebooks",
        progress_bar=False)
"""


def bare(house, number, loops):
    """Return the commands that execute `number` notebooks in some loops."""
    (house.root / "bare").mkdir(exist_ok=True)
    return [[sys.executable, "-c", BARE, str(i), str(number), str(loops)]
            for i in range(loops)]


def sweep(number, *options):
    seeds = map(str, range(number))
    return [[sys.executable, "-m", "pipeline", "sweep", "trivial", "-p", "seed",
             *seeds, *options]]


def spent(process):
    """Return the core seconds of a process and of the children it waited for."""
    return sum(psutil.Process(process).cpu_times()[:4])


def busy():
    """Return the core seconds that the whole machine has worked."""
    times = psutil.cpu_times()
    return times.user + times.system + times.nice


def measure(house, commands, others=()):
    """Run commands side by side; return what they took.

    `others` are processes that work for them and were there before.
    """
    shutil.rmtree(house.root / "build", ignore_errors=True)
    counted = [os.getpid(), *(process.pid for process in others)]
    before, machine, begun = sum(map(spent, counted)), busy(), perf_counter()
    running = [subprocess.Popen(command, cwd=house.root, env=house.environment,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
               for command in commands]
    codes = [process.wait() for process in running]
    seconds = perf_counter() - begun
    if any(codes):
        raise SystemExit(f"{commands[0]} failed")
    cores = sum(map(spent, counted)) - before
    rest = max(0.0, busy() - machine - cores) / seconds
    return {"seconds": round(seconds, 2), "core_seconds": round(cores, 2),
            "rest": round(rest, 2)}


def main(counts):
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        chapter = folder / "trivial.md"
        head, _, _ = CHAPTER.partition("import os")
        chapter.write_text(head.replace("# A nap", "# Trivial") + "print(seed)\n```\n")
        house = build(folder / "house", chapter, FIXTURES / "tiny_exercises.py")
        house.environment["OMP_NUM_THREADS"] = "1"
        cluster = Cluster(folder, house.root)
        try:
            cluster.worker(house.root)
            cluster.worker(house.root)
            for number in counts:
                for way, *measured in (
                    ("one loop", bare(house, number, 1)),
                    ("two loops", bare(house, number, 2)),
                    ("local", sweep(number)),
                    ("cluster", sweep(number, "--scheduler", cluster.address),
                     cluster.processes),
                ):
                    rows.append({"way": way, "notebooks": number,
                                 **measure(house, *measured)})
                    print(rows[-1], flush=True)
        finally:
            cluster.stop()
    return {"cores": os.cpu_count(), "Python": platform.python_version(),
            **{name: version(name) for name in ("papermill", "distributed")},
            "rows": rows}


if __name__ == "__main__":
    found = main([int(word) for word in sys.argv[1:]] or COUNTS)
    if len(sys.argv) == 1:
        KEPT.write_text(json.dumps(found, indent=1) + "\n")
    print(scale(found))
