"""What is fetched serves from a cache that takes nothing, without a network."""

import os
import subprocess
import sys

import pytest

from helpers.data.assets import cache_folder, describe
from tests.conftest import BOOK, ROOT

# In namespaces of its own: no network, and the first argument read-only.
ALONE = ["unshare", "--map-root-user", "--net", "--mount", "sh", "-c", (
    'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'),
    "sh"]


@pytest.fixture(scope="module")
def alone():
    """Return what runs a command alone; skip where nobody may make namespaces."""
    def run(cache, code, *words):
        return subprocess.run(
            [*ALONE, str(cache), sys.executable, "-c", code, *words], cwd=ROOT,
            env={**os.environ, "COURSE_CACHE": str(cache)}, capture_output=True,
            text=True, timeout=300)

    if run(ROOT / "tests", "").returncode:
        pytest.skip("this machine offers no namespaces")
    return run


def test_the_machine_is_alone(alone, tmp_path):
    done = alone(tmp_path, f"open({str(tmp_path / 'file')!r}, 'w')")
    assert "Read-only file system" in done.stderr
    done = alone(tmp_path, "import socket; socket.create_connection(('1.1.1.1', 443))")
    assert "Network is unreachable" in done.stderr


@pytest.mark.parametrize("name", sorted({
    name for chapter in BOOK.chapters for name in chapter.passed_to("asset")}))
def test_an_asset_is_had_from_a_read_only_cache(alone, name):
    if "ahead" in describe(name) and not (cache_folder() / name).exists():
        pytest.skip(f"{name} is fetched only when a run asks for it")
    code = f"import helpers\npath = helpers.asset({name!r})\n"
    if reader := describe(name).get("prepare"):
        code += f"helpers.load_{reader}(path)\n"
    done = alone(cache_folder(), code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_a_read_only_cache_does_not_hold_is_said_in_one_message(alone, tmp_path):
    done = alone(tmp_path, "from helpers import asset\nasset('mnist')")
    assert "CourseError: the asset 'mnist' could not be fetched:" in done.stderr
    assert "Read-only file system" in done.stderr and "COURSE_CACHE" in done.stderr
    assert done.stderr.count("Traceback") == 1
