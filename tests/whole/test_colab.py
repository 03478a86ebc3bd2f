"""A fresh machine: an empty folder, the notebook alone, the course from git.

The new environment borrows this one's packages, as Colab has torch already,
but neither the course nor its folder; the bootstrap cell must fetch it. Each
notebook is followed as far as its run begins, and the quickest to its end.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import nbformat
import pytest

from pipeline.source.tags import BOOTSTRAP, tags_of
from tests.conftest import BOOK, ROOT

PACKAGES = ("helpers", "solutions")
QUICKEST = "likelihood"
# What pip is spared where only the course itself is of interest: its packages are
# there, and a package of this commit need not be built for each notebook.
QUICKLY = {"PIP_NO_DEPS": "1", "PIP_NO_COMPILE": "1", "PIP_NO_BUILD_ISOLATION": "0",
           "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
NAMES = [chapter.name for chapter in BOOK.chapters]
TO_START = """
import json, sys
names, cells = {}, json.load(open(sys.argv[1]))["cells"]
for cell in cells:
    if cell["cell_type"] == "code" and "run" not in names:
        exec("".join(cell["source"]), names)
import helpers
print(names["run"].chapter, names["run"].profile, helpers.__file__)
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A git repository that holds what this tree would commit."""
    folder = tmp_path_factory.mktemp("remote")
    for name in (*PACKAGES, "pyproject.toml", "README.md"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-C", str(folder)]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run([*git, *words], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True,
                            capture_output=True, text=True).stdout.strip()
    return f"git+file://{folder}@{commit}"


class Machine:
    """An environment that has everything but the course, and where it lies."""

    def __init__(self, folder):
        venv.create(folder, with_pip=True)
        self.folder, self.python = folder, folder / "bin" / "python"
        paths = {"base": str(folder), "platbase": str(folder)}
        self.site = Path(sysconfig.get_path("purelib", vars=paths))
        # Folders named in a .pth file are searched, but their own .pth files, such
        # as the one that makes the course importable here, are not read.
        (self.site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def forget(self):
        """Remove the course again."""
        for pattern in (*PACKAGES, "deep_learning_derived*"):
            for path in self.site.glob(pattern):
                shutil.rmtree(path)

    def run(self, source, cwd, *words, **more):
        """Run a command in a folder, the course to be fetched from a source."""
        environment = {key: value for key, value in os.environ.items()
                       if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
        environment |= {"JUPYTER_PATH": str(self.folder / "share" / "jupyter"),
                        "COURSE_SOURCE": source, "OMP_NUM_THREADS": "1",
                        "MPLBACKEND": "agg", **more}
        return subprocess.run(words, cwd=cwd, env=environment, capture_output=True,
                              text=True, timeout=600)


@pytest.fixture(scope="module")
def fresh_machine(tmp_path_factory):
    return Machine(tmp_path_factory.mktemp("machine"))


@pytest.fixture
def machine(fresh_machine, source, tmp_path):
    """The machine without the course, whatever was fetched before."""
    fresh_machine.forget()
    leak = fresh_machine.run(source, tmp_path, fresh_machine.python, "-c",
                             "import helpers")
    assert leak.returncode != 0, "the course leaked into the empty machine"
    return fresh_machine


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_starts_where_only_it_is_there(source, machine, tmp_path, name):
    shutil.copy(BOOK.notebook("notebooks", name), tmp_path / "chapter.ipynb")
    done = machine.run(source, tmp_path, machine.python, "-c", TO_START,
                       "chapter.ipynb", **QUICKLY)
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"{name} quick {machine.site}" in done.stdout


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=() if name == QUICKEST else pytest.mark.weekly)
    for name in NAMES])
def test_a_notebook_runs_to_its_end_there(source, machine, tmp_path, name):
    kernel = machine.run(source, tmp_path, machine.python, "-m", "ipykernel", "install",
                         "--prefix", str(machine.folder), "--name", "colab")
    assert kernel.returncode == 0, kernel.stderr
    shutil.copy(BOOK.notebook("notebooks", name), tmp_path / "chapter.ipynb")
    done = machine.run(source, tmp_path, sys.executable, "-m", "papermill",
                       "--no-progress-bar", "-k", "colab", "chapter.ipynb", "out.ipynb")
    assert done.returncode == 0, done.stderr[-2000:]
    cells = nbformat.read(tmp_path / "out.ipynb", 4).cells
    (bootstrap,) = [cell for cell in cells if BOOTSTRAP in tags_of(cell)]
    assert not any(o.output_type == "error" for o in bootstrap.outputs)
    assert (machine.site / "helpers" / "run.py").exists()
