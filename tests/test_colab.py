"""A fresh machine: an empty folder, the notebook alone, the course from git.

The new environment borrows this one's packages, as Colab has torch already,
but neither the course nor its folder; the bootstrap cell must fetch it.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv

import nbformat
import pytest
from pipeline.chapters import ROOT, load_all

PACKAGES = ("helpers", "solutions")


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
    return f"git+file://{folder}"


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """The Python of an environment that has everything but the course."""
    folder = tmp_path_factory.mktemp("machine")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    paths = {"base": str(folder), "platbase": str(folder)}
    site = sysconfig.get_path("purelib", vars=paths)
    # Folders named in a .pth file are searched, but their own .pth files, such
    # as the one that makes the course importable here, are not read.
    with open(os.path.join(site, "borrowed.pth"), "w") as borrowed:
        borrowed.write(sysconfig.get_path("purelib") + "\n")
    subprocess.run([python, "-m", "ipykernel", "install", "--prefix", str(folder),
                    "--name", "colab"], check=True, capture_output=True)
    return python


@pytest.mark.parametrize("name", [chapter.name for chapter in load_all()])
def test_a_notebook_runs_where_only_it_is_there(source, machine, tmp_path, name):
    folder = machine.parents[1]
    environment = {key: value for key, value in os.environ.items()
                   if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    environment |= {"JUPYTER_PATH": str(folder / "share" / "jupyter"),
                    "COURSE_SOURCE": source, "OMP_NUM_THREADS": "1"}
    subprocess.run([machine, "-m", "pip", "uninstall", "-qy", "deep-learning-derived"],
                   check=True, capture_output=True, cwd=tmp_path)
    leak = subprocess.run([machine, "-c", "import helpers"], cwd=tmp_path,
                          env=environment, capture_output=True)
    assert leak.returncode != 0, "the course leaked into the empty machine"

    shutil.copy(ROOT / "notebooks" / f"{name}.ipynb", tmp_path / "chapter.ipynb")
    done = subprocess.run(
        [sys.executable, "-m", "papermill", "--no-progress-bar", "-k", "colab",
         "chapter.ipynb", "out.ipynb"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    cells = nbformat.read(tmp_path / "out.ipynb", 4).cells
    (bootstrap,) = [c for c in cells if "bootstrap" in c.metadata.get("tags", [])]
    assert not any(o.output_type == "error" for o in bootstrap.outputs)
    where = subprocess.run([machine, "-c", "import helpers; print(helpers.__file__)"],
                           cwd=tmp_path, capture_output=True, text=True, check=True)
    assert where.stdout.startswith(str(folder))
