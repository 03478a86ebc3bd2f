"""One address: everything that depends on it follows it, and pins a commit."""

import subprocess

import nbformat

from pipeline.book import NOTEBOOKS
from tests.conftest import BOOK, ROOT

URL = "https://example.net/somebody/their-course"


def test_setting_the_address_rewrites_what_depends_on_it(house):
    old = BOOK.config["repository"]["url"]
    done = house.pipeline("repository", f"{URL}.git", "--branch", "trunk")
    assert "_config.yml" in done.stdout and "notebooks/tiny.ipynb" in done.stdout
    assert f"git+{URL}@trunk" in (house.root / "notebooks/tiny.ipynb").read_text()
    left = [path for path in house.root.rglob("*") if path.is_file()
            and path.suffix in (".yml", ".ipynb", ".md", ".toml", ".py", ".json")
            and old in path.read_text()]
    assert left == []
    assert house.pipeline("derive", "--check").stdout == ""


def test_an_address_of_another_form_changes_nothing(house):
    before = (house.root / "_config.yml").read_text()
    for url in ("http://example.net/a/b", "https://example.net/a", "a/b"):
        done = house.pipeline("repository", url, check=False)
        assert done.returncode == 1 and "https://HOST/OWNER/NAME" in done.stderr
    assert (house.root / "_config.yml").read_text() == before


def test_the_address_stands_in_one_place():
    """In the tree, only _config.yml and what derive wrote from it hold it."""
    url = BOOK.config["repository"]["url"]
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True,
                           text=True, check=True).stdout.split("\n")
    holders = {name for name in files if name and (ROOT / name).is_file()
               and url.encode() in (ROOT / name).read_bytes()}
    derived = {name for name in files if name.startswith(NOTEBOOKS)}
    assert "_config.yml" in holders
    assert holders - derived == {"_config.yml"}


def git(house, *words):
    return subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words],
                          cwd=house.root, check=True, capture_output=True,
                          text=True).stdout.strip()


def test_published_notebooks_install_the_commit_they_came_from(house):
    done = house.pipeline("publish", "out", check=False)
    assert done.returncode == 1 and "run make book" in done.stderr
    (house.root / "_build" / "html").mkdir(parents=True)
    (house.root / "_build" / "html" / "index.html").write_text("site")
    (house.root / ".gitignore").write_text("_build/\nout/\n__pycache__/\n")
    git(house, "init", "-q")
    done = house.pipeline("publish", "out", check=False)
    assert done.returncode == 1 and "commit first" in done.stderr
    git(house, "add", "-A")
    git(house, "commit", "-qm", "all")
    commit = git(house, "rev-parse", "HEAD")
    built_from = house.root / "_build" / "html" / ".built-from"
    built_from.write_text("0" * 40)
    done = house.pipeline("publish", "out", check=False)
    assert done.returncode == 1 and "another commit" in done.stderr
    built_from.write_text(commit)
    for folder in (".", "helpers"):
        done = house.pipeline("publish", folder, check=False)
        assert done.returncode == 1 and "holds something else" in done.stderr
    assert (house.root / "helpers" / "errors.py").exists()

    house.pipeline("publish", "out")
    house.pipeline("publish", "out")
    assert (house.root / "out" / "index.html").exists()
    for kind in NOTEBOOKS:
        book = nbformat.read(house.root / "out" / kind / "tiny.ipynb", 4)
        (cell,) = [c for c in book.cells if c.id == "bootstrap"]
        assert f"git+{BOOK.config['repository']['url']}@{commit}" in cell.source
