"""Promises of the tree as a whole: what it names, lists and depends on."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from tests.conftest import BOOK, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PYTHONS = SpecifierSet(PROJECT["requires-python"])
REGISTRIES = ("pypi" + ".org", "python" + "hosted", "registry.npm" + "js",
              "deb.debian" + ".org", "anaconda" + ".org")


def tracked():
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True,
                           text=True, check=True).stdout.splitlines()
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def test_no_file_names_a_registry_or_a_path_of_a_machine():
    for path in tracked():
        text = path.read_text(errors="ignore")
        for host in REGISTRIES:
            assert host not in text, f"{path.name} names {host}"
        assert not re.search(r"/(work|root|home)/\w+", text), path.name


def test_the_contents_list_every_chapter_and_page():
    assert {f"notebooks/{chapter.name}" for chapter in BOOK.chapters} <= {*BOOK.pages}
    written = {f"book/{path.stem}" for path in (ROOT / "book").glob("*.md")}
    assert written == {page for page in BOOK.pages if page.startswith("book/")}
    assert len(set(BOOK.pages)) == len(BOOK.pages)


def plain(name):
    """Return a package's name as the lock may or may not spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_lock_holds_every_dependency_and_helpers_pin_none():
    lock = dict(re.findall(r"^([\w.-]+)==(.+)$", BOOK.lock.read_text(), re.M))
    locked = {plain(name): version for name, version in lock.items()}
    extras = [d for extra in PROJECT["optional-dependencies"].values() for d in extra]
    for dependency in [*PROJECT["dependencies"], *extras]:
        name, wanted = re.fullmatch(r"([\w-]+)(.*)", dependency).groups()
        assert locked[plain(name)] in SpecifierSet(wanted), dependency
    assert all(re.fullmatch(r"[\w-]+", d) for d in PROJECT["dependencies"])


def test_every_pinned_package_installs_on_the_oldest_python_that_is_declared():
    """Debian 12 has 3.11.2, older than the one that resolves the lock."""
    oldest = re.match(r">=([\d.]+)", PROJECT["requires-python"])[1] + ".0"
    lines = BOOK.lock.read_text().splitlines()
    asked = {line: metadata.metadata(line.partition("==")[0]).get("Requires-Python")
             for line in lines}
    assert len(asked) > 100
    assert [line for line, versions in asked.items()
            if versions and oldest not in SpecifierSet(versions)] == []


@pytest.mark.parametrize("minor", range(9, 17))
def test_make_asks_for_the_versions_of_python_that_are_declared(minor, tmp_path):
    """`make env` with a Python that says that it has this version."""
    declared = f"3.{minor}.1" in PYTHONS
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    python = tmp_path / "python"
    python.write_text(
        f"#!{sys.executable} -S\nimport sys\nif sys.argv[1] == '-c':\n"
        f"    sys.version_info = (3, {minor}, 1)\n    exec(sys.argv[2])\n"
        "else:\n    sys.exit('beyond the question')\n")
    python.chmod(0o755)
    done = subprocess.run(["make", "env", f"PYTHON={python}"], cwd=tmp_path,
                          capture_output=True, text=True)
    assert done.returncode and ("beyond the question" in done.stderr) is declared
    assert ("is needed: make PYTHON=" in done.stderr) is not declared


def test_conda_is_asked_for_what_make_installs():
    wanted = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    *conda, pip = wanted
    assert pip == {"pip": ["-r requirements.lock", "-e ."]}
    (python,) = [word.partition("=")[2] for word in conda if word.startswith("python=")]
    assert f"{python}.9" in PYTHONS


def test_the_hooks_before_a_commit_are_local_and_those_of_make_check():
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())[
        "repos"]
    assert repository["repo"] == "local"
    check = subprocess.run(["make", "-n", "--old-file=.venv/.installed", "check"],
                           cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for hook in repository["hooks"]:
        assert hook["language"] == "system" and not hook["pass_filenames"]
        assert hook["entry"] in check.splitlines()
