"""Execution: what is fresh stays, what fails is named, nothing is half done."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.conftest import wait_for

COPY = "build/executed/quick/notebooks/tiny.ipynb"


def status(done):
    return {line.split()[0]: line.split()[1] for line in done.stdout.splitlines()
            if line.startswith(("tiny ", "other "))}


def add_chapter(house, old="", new=""):
    """Give the house a second chapter, `other`, without labels or exercises."""
    lines = house.source.read_text().replace("number: 7", "number: 8")
    head, _, rest = lines.partition("The square of a number")
    parameters = rest[rest.index("```{code-cell}"):].split("(sec-square)=")[0]
    parameters = parameters.replace('start("tiny"', 'start("other"')
    text = (head + "Words.\n\n" + parameters + "```{code-cell} ipython3\n"
            "print(1 + 1)\n```\n")
    path = house.root / "book" / "chapters" / "other.md"
    path.write_text(text.replace(old, new))
    house.pipeline("derive")


def test_a_fresh_copy_is_not_run_again_and_a_stale_one_is(house):
    assert status(house.pipeline("run")) == {"tiny": "ran"}
    before = (house.root / COPY).stat().st_mtime_ns
    assert status(house.pipeline("run")) == {"tiny": "fresh"}
    assert (house.root / COPY).stat().st_mtime_ns == before

    (house.root / "helpers" / "exercises" / "unrelated.py").write_text("# new\n")
    house.edit("helpers/sweeps.py", '"""Results', '"""All results')
    house.edit("book/chapters/tiny.md", "numbers of one sign", "equal signs")
    house.pipeline("derive")
    assert status(house.pipeline("run")) == {"tiny": "fresh"}

    house.edit("book/chapters/tiny.md", "return x * x", "return x**2")
    done = house.pipeline("run", check=False)
    assert done.returncode == 1 and "out of step with its source" in done.stderr
    house.pipeline("derive")
    assert status(house.pipeline("run")) == {"tiny": "ran"}
    house.edit("book/chapters/tiny.md", "float(square(size))", "1 + float(square(2))")
    house.pipeline("derive")
    assert status(house.pipeline("run")) == {"tiny": "ran"}
    house.edit("helpers/records.py", '"""Results', '"""All results')
    assert status(house.pipeline("run")) == {"tiny": "ran"}
    house.edit("requirements.lock", "torch==", "# torch==")
    assert status(house.pipeline("run")) == {"tiny": "ran"}


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
    assert "Traceback" not in done.stderr and not (house.root / "build").exists()


def test_other_parameters_have_a_copy_of_their_own(house):
    house.pipeline("run", "-p", "size", "4")
    path = house.root / "build/executed/quick+size=4/notebooks/tiny.ipynb"
    text = json.dumps(nbformat.read(path, 4))
    assert "square of the size = 16.0" in text
    assert not (house.root / COPY).exists()


def test_a_corrupt_copy_is_made_anew(house):
    house.pipeline("run")
    (house.root / COPY).write_text("{ not json")
    assert status(house.pipeline("run")) == {"tiny": "ran"}


@pytest.mark.parametrize("code, says", [
    ("raise SystemExit(0)", "those after it were not run"),
    ("import os; os._exit(9)", "it died: was there enough memory?"),
])
def test_a_notebook_that_ends_early_is_no_success(house, code, says):
    add_chapter(house, "print(1 + 1)\n```", f"{code}\n```\n\n"
                "```{code-cell} ipython3\nprint(2)\n```")
    done = house.pipeline("run", "other", check=False)
    assert done.returncode == 1 and says in done.stdout


def test_a_failing_cell_is_named_and_the_others_still_run(house):
    add_chapter(house, "print(1 + 1)", "print(1 + 1)\nraise ValueError('too bad')")
    done = house.pipeline("run", check=False)
    assert done.returncode == 1
    assert status(done) == {"tiny": "ran", "other": "failed"}
    assert "FAILED other, cell [6] print(1 + 1)\nValueError: too bad" in done.stdout
    failed = house.root / "build/executed/quick/notebooks/other.failed.ipynb"
    assert str(failed.relative_to(house.root)) in done.stdout and failed.exists()
    left = sorted(path.name for path in failed.parent.iterdir())
    assert left == ["other.failed.ipynb", "other.log", "tiny.ipynb", "tiny.log"]

    house.edit("book/chapters/other.md", "raise ValueError('too bad')", "")
    house.pipeline("derive")
    assert status(house.pipeline("run")) == {"tiny": "fresh", "other": "ran"}
    assert not failed.exists()


def test_two_run_at_once_and_each_with_one_thread(house):
    add_chapter(house, "print(1 + 1)",
                "import os, time\nprint(os.environ['OMP_NUM_THREADS'])")
    house.pipeline("run", "--workers", "2")
    book = nbformat.read(house.root / "build/executed/quick/notebooks/other.ipynb", 4)
    (output,) = book.cells[-1].outputs
    assert output.text == "1\n"


def slow_house(house):
    marker = house.root / "marker"
    add_chapter(house, "print(1 + 1)", "\n".join([
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
    wait_for(marker.exists)
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
    copies = house.root / "build/executed/quick/notebooks"
    assert sorted(p.name for p in copies.iterdir()) == ["other.ipynb", "other.log"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_when_the_run_is_stopped_nothing_is_left_behind(house, kill):
    marker = slow_house(house)
    process, kernel = start_run(house, marker)
    process.send_signal(kill)
    assert process.wait(timeout=30) != 0
    wait_for(lambda: not alive(kernel))
    copies = house.root / "build/executed/quick/notebooks"
    assert not (copies / "other.ipynb").exists()


def papermill(house, *words):
    return house.python("-m", "papermill", "--cwd", "notebooks",
                        "notebooks/tiny.ipynb", "out.ipynb", *words, check=False)


def test_the_plain_papermill_command_runs_a_notebook(house):
    done = papermill(house, "-p", "profile", "quick", "-p", "seed", "1")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words, says", [
    (["-p", "profile", "fast"], "the profiles of this chapter are quick and full"),
    (["-p", "sise", "3"], "no parameter sise; it has profile, seed and size"),
    (["-p", "seed", "one"], "seed must be a whole number"),
])
def test_plain_papermill_with_a_wrong_parameter_names_the_known(house, words, says):
    done = papermill(house, *words)
    assert done.returncode == 1 and says in done.stderr


def test_the_books_quick_runs_keep_their_budget():
    from pipeline.chapters import load_all

    from pipeline import executed

    spent = {}
    for chapter in load_all():
        run = executed.fresh(chapter, {**chapter.defaults, "profile": "quick"})
        spent[chapter.name] = run.metadata["course"]["core_seconds"]
        assert run.metadata["course"]["key"]
    assert all(seconds <= 60 for seconds in spent.values()), str(spent)
