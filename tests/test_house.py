"""Promises of the house as a whole: what it names, imports and depends on."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from types import SimpleNamespace

import pytest
import yaml
from packaging.specifiers import SpecifierSet
from pipeline.chapters import ROOT, load_all

import helpers

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


def test_helpers_never_import_the_pipeline():
    for path in (ROOT / "helpers").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            assert not any(m.split(".")[0] == "pipeline" for m in modules), path.name


IMPORTED_ALONE = """
import os, datasets, torch, transformers  # once, for they are slow
import helpers
for name in helpers.__all__:
    child = os.fork()
    if not child:
        it = getattr(helpers, name)
        assert it.__doc__ and callable(it), name
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, name
"""


def test_every_name_of_helpers_is_there_and_documented():
    """Each in a process of its own: a module must not take its function's name."""
    subprocess.run([sys.executable, "-c", IMPORTED_ALONE], check=True, cwd=ROOT)
    with pytest.raises(AttributeError, match="it has CourseError, start"):
        helpers.nothing  # noqa: B018


def test_the_toc_lists_every_chapter_and_page():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    files = {c["file"] for part in toc["parts"] for c in part["chapters"]}
    assert {f"notebooks/{chapter.name}" for chapter in load_all()} <= files
    pages = {f"book/{p.stem}" for p in (ROOT / "book").glob("*.md")}
    assert pages == {f for f in files if f.startswith("book/")} | {toc["root"]}


def test_the_lock_holds_every_dependency_and_helpers_pin_none():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lock = dict(re.findall(r"^([\w.-]+)==(.+)$",
                           (ROOT / "requirements.lock").read_text(), re.M))
    locked = {name.lower().replace("_", "-").replace(".", "-") for name in lock}
    extras = [d for extra in project["optional-dependencies"].values() for d in extra]
    for dependency in [*project["dependencies"], *extras]:
        assert re.match(r"[\w-]+", dependency)[0].lower() in locked, dependency
    assert all(re.fullmatch(r"[\w-]+", d) for d in project["dependencies"])
    assert lock["torch"] == "2.13.0" and lock["jupyter-book"] == "1.0.4.post1"


def test_every_pinned_package_installs_on_the_oldest_python_that_is_declared():
    """Debian 12 has 3.11.2, older than the one that resolves the lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    oldest = re.match(r">=([\d.]+)", project["requires-python"])[1] + ".0"
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    asked = {line: metadata.metadata(line.partition("==")[0]).get("Requires-Python")
             for line in lines}
    assert len(asked) > 100
    assert [line for line, versions in asked.items()
            if versions and oldest not in SpecifierSet(versions)] == []


@pytest.mark.parametrize("minor", range(9, 17))
def test_make_asks_for_the_versions_of_python_that_are_declared(minor):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = f"3.{minor}.1" in SpecifierSet(project["requires-python"])
    (code,) = re.findall(r"-c 'import sys; sys.exit\((.+)\)'",
                         (ROOT / "Makefile").read_text())
    refused = eval(code, {"sys": SimpleNamespace(version_info=(3, minor, 1))})
    assert bool(refused) is not declared


def test_conda_is_asked_for_what_make_installs():
    wanted = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    *conda, pip = wanted
    assert pip == {"pip": ["-r requirements.lock", "-e ."]}
    (python,) = [word.partition("=")[2] for word in conda if word.startswith("python=")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"{python}.9" in SpecifierSet(project["requires-python"])
