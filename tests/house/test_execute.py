"""Execution: what is current stays, what fails is named, nothing is half done."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from helpers.scraps import Scraps
from pipeline.ipynb import read
from tests.conftest import wait_for

COPIES = "build/executed/quick/notebooks"
# A chapter that imports nothing: its kernel is all that it costs.
BARE = """\
---
jupytext:
  text_representation: {{extension: .md, format_name: myst}}
kernelspec: {{display_name: Python 3, language: python, name: python3}}
course:
  number: {number}
---

# Another chapter

```{{code-cell}} ipython3
:tags: [parameters]

profile = "quick"
seed = 0
```

```{{code-cell}} ipython3
{code}
```

```{{code-cell}} ipython3
print("end")
```
"""


def status(done):
    names = ("tiny ", "other ", "third ")
    return {line.split()[0]: line.split()[1] for line in done.stdout.splitlines()
            if line.startswith(names)}


def add_chapter(house, code, name="other", number=8):
    """Give the house another chapter of one cell and a last one."""
    path = house.root / "book" / "chapters" / f"{name}.md"
    path.write_text(BARE.format(number=number, code=code))
    house.pipeline("derive")


def test_a_current_copy_is_not_run_again_and_a_stale_one_is(executed):
    copy = executed.root / COPIES / "tiny.ipynb"
    before = copy.stat().st_mtime_ns
    assert status(executed.pipeline("run")) == {"tiny": "fresh"}
    assert copy.stat().st_mtime_ns == before
    executed.edit("book/chapters/tiny.md", "return x * x", "return x**2")
    done = executed.pipeline("run", check=False)
    assert done.returncode == 1 and "out of step with its source" in done.stderr
    executed.pipeline("derive")
    assert status(executed.pipeline("run")) == {"tiny": "ran"}
    assert copy.stat().st_mtime_ns > before


def test_what_a_run_stored_is_read_back_from_its_copy(executed):
    scraps = Scraps.of(read(executed.root / COPIES / "tiny.ipynb"))
    assert scraps.records["square of the size"]["value"] == 9.0
    (check,) = scraps.verified["tiny-sum"]
    assert check["residual"] < 1e-12 and check["by"] == "arithmetic"
    assert scraps.card["profile"] == "quick" and not scraps.rest_skipped


@pytest.mark.parametrize("words, says", [
    (["nothing"], "there is no chapter 'nothing'; the chapters are tiny"),
    (["--profile", "fast"],
     "there is no profile 'fast'; the profiles are full and quick"),
    (["-p", "sise", "4"],
     "tiny has no parameter sise; it has profile, seed and size"),
    (["-p", "profile", "full"], "chosen by --profile"),
])
def test_an_unknown_name_is_refused_before_anything_runs(house, words, says):
    done = house.pipeline("run", *words, check=False)
    assert done.returncode == 1 and says in done.stderr
    assert not (house.root / "build").exists()


def test_other_parameters_have_a_copy_of_their_own(house):
    house.pipeline("run", "-p", "size", "4")
    path = house.root / "build/executed/quick+size=4/notebooks/tiny.ipynb"
    text = json.dumps(nbformat.read(path, 4))
    assert "square of the size = 16.0" in text
    assert not (house.root / COPIES).exists()


@pytest.mark.parametrize("code, says", [
    ("raise SystemExit(0)", "those after it were not run"),
    ("import os; os._exit(9)", "it died: was there enough memory?"),
])
def test_a_notebook_that_ends_early_is_no_success(house, code, says):
    add_chapter(house, code)
    done = house.pipeline("run", "other", check=False)
    assert done.returncode == 1 and says in done.stdout


def test_a_failing_cell_is_named_and_the_others_still_run(executed):
    add_chapter(executed, "print(1 + 1)\nraise ValueError('too bad')")
    add_chapter(executed, "print(1 + 1)", "third", 9)
    done = executed.pipeline("run", "--workers", "1", check=False)
    assert done.returncode == 1
    assert status(done) == {"tiny": "fresh", "other": "failed", "third": "ran"}
    assert "FAILED other, cell [4] print(1 + 1)\nValueError: too bad" in done.stdout
    failed = executed.root / COPIES / "other.failed.ipynb"
    assert str(failed.relative_to(executed.root)) in done.stdout and failed.exists()
    left = sorted(path.name for path in failed.parent.iterdir())
    assert left == ["other.failed.ipynb", "other.log", "third.ipynb", "third.log",
                    "tiny.ipynb", "tiny.log"]

    executed.edit("book/chapters/other.md", "raise ValueError('too bad')", "")
    executed.pipeline("derive")
    assert status(executed.pipeline("run", "other")) == {"other": "ran"}
    assert not failed.exists()


def test_two_run_at_once_and_each_with_one_thread(house):
    """Each waits for the other's file, so that neither could run alone."""
    meet = """import os, pathlib, time
here, there = (pathlib.Path({folder!r}, name) for name in ({here!r}, {there!r}))
here.touch()
for _ in range(600):
    if there.exists(): break
    time.sleep(0.1)
assert there.exists() and os.environ["OMP_NUM_THREADS"] == "1\""""
    for name, other, number in (("other", "third", 8), ("third", "other", 9)):
        add_chapter(house, meet.format(folder=str(house.root), here=name, there=other),
                    name, number)
    done = house.pipeline("run", "other", "third", "--workers", "2")
    assert status(done) == {"other": "ran", "third": "ran"}


def slow_house(house):
    marker = house.root / "marker"
    add_chapter(house, "\n".join([
        "import os, pathlib, time",
        f"marker = pathlib.Path({str(marker)!r})",
        "tries = marker.read_text().split() if marker.exists() else []",
        "marker.write_text(' '.join([*tries, str(os.getpid())]))",
        "time.sleep(0 if len(tries) else 60)",
    ]))
    return marker


def start_run(house, marker):
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "run", "other"], cwd=house.root,
        env=house.environment, stdout=subprocess.PIPE, text=True,
        # a shell's background job ignores SIGINT, and its children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_for(lambda: marker.exists() and marker.read_text())
    return process, int(marker.read_text().split()[0])


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return stat(pid)[0] != "Z"


def stat(pid):
    """Return state, parent and so on of a process."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_killed_worker_takes_its_kernel_along_and_is_retried(house):
    marker = slow_house(house)
    process, kernel = start_run(house, marker)
    worker = int(stat(kernel)[1])
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: not alive(kernel))
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and "ran " in out
    assert len(marker.read_text().split()) == 2
    copies = house.root / COPIES
    assert sorted(p.name for p in copies.iterdir()) == ["other.ipynb", "other.log"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_when_the_run_is_stopped_nothing_is_left_behind(house, kill):
    marker = slow_house(house)
    process, kernel = start_run(house, marker)
    process.send_signal(kill)
    assert process.wait(timeout=30) != 0
    wait_for(lambda: not alive(kernel))
    assert not (house.root / COPIES / "other.ipynb").exists()


def papermill(house, *words):
    return house.python("-m", "papermill", "--cwd", "notebooks",
                        "notebooks/tiny.ipynb", "out.ipynb", *words, check=False)


def test_the_plain_papermill_command_runs_a_notebook(house):
    done = papermill(house, "-p", "profile", "quick", "-p", "seed", "1")
    assert done.returncode == 0, done.stderr


def test_plain_papermill_with_a_wrong_parameter_names_the_known(house):
    done = papermill(house, "-p", "sise", "3")
    assert done.returncode == 1
    assert "no parameter sise; it has profile, seed and size" in done.stderr


@pytest.mark.parametrize("unreached", [
    'if profile == "full":\n    verify("tiny-sum"',
    'if size > 99:\n    verify("tiny-sum", 1.0, 2.0, by="nothing")\n'
    'verify("tiny-sum"',  # one of two; no record of the other stands in for it
])
def test_a_verification_that_a_run_did_not_reach_is_no_success(house, unreached):
    house.edit(house.source, 'verify("tiny-sum"', unreached)
    house.pipeline("derive")
    done = house.pipeline("run", check=False)
    assert done.returncode == 1 and 'did not reach verify("tiny-sum"' in done.stdout
    assert not (house.root / COPIES / "tiny.ipynb").exists()


def test_a_run_that_is_asked_for_one_experiment_skips_the_rest(house):
    cell = "```{code-cell} ipython3\n"
    house.edit(house.source, f"{cell}:tags: [nbval-check-output]",
               f"{cell}run.skip_rest()\n```\n\n{cell}:tags: [nbval-check-output]")
    house.edit(house.source, "a, b = torch", "raise SystemError\na, b = torch")
    house.pipeline("derive")
    assert "ran  tiny" in house.pipeline("run", "tiny").stdout


def test_in_a_notebook_an_error_for_the_reader_is_its_message_alone(house):
    house.edit("notebooks/tiny.ipynb", "todo()  # your code here", "return x + x")
    assert "WrongAnswer: square is not right yet" in papermill(house).stderr
    (error,) = [output for cell in nbformat.read(house.root / "out.ipynb", 4).cells
                for output in cell.get("outputs", []) if output.output_type == "error"]
    assert error.ename == "WrongAnswer"
    assert error.traceback == [f"WrongAnswer: {error.evalue}"]
