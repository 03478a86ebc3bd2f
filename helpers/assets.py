"""Data and weights: pinned, checked by hash, described in assets.toml."""

import hashlib
import tomllib
from functools import cache
from importlib import metadata, util
from importlib.resources import files
from pathlib import Path

from helpers import session
from helpers.errors import CourseError, names


def asset(name):
    """Return the path of a named asset whose content matches its hash.

    Raises CourseError for an unknown name, a missing package and a file that
    is not the one that the book was written with.
    """
    known = manifest()
    if name not in known:
        raise CourseError(
            f"there is no asset {name!r}; the book has {names(sorted(known))}"
        )
    entry = known[name]
    path = _installed(name, entry)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != entry["sha256"]:
        raise CourseError(
            f"the asset {name!r} is not the file that the book was written "
            f"with: its sha256 begins {digest[:12]}, not "
            f"{entry['sha256'][:12]}. Try: pip install "
            f"{entry['package']}=={entry['version']}"
        )
    session.current().data[name] = digest
    return path


@cache
def manifest():
    """Return the assets by name, as assets.toml describes them."""
    return tomllib.loads(files("helpers").joinpath("assets.toml").read_text())


def _installed(name, entry):
    """Find a file that an installed package ships, without importing it."""
    package = entry["package"]
    spec = util.find_spec(package)
    if spec is None:
        raise CourseError(
            f"the asset {name!r} comes with the package {package}, which is "
            f"not installed. Try: pip install {package}"
        )
    path = Path(spec.submodule_search_locations[0], entry["member"])
    if not path.is_file():
        raise CourseError(
            f"{package} {metadata.version(package)} does not ship "
            f"{entry['member']}. Try: pip install "
            f"{package}=={entry['version']}"
        )
    return path
