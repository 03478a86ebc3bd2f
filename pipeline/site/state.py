"""What the built site says of itself: its commit, and the key of its inputs."""

from pipeline.hashing import sha
from pipeline.run.copies import all_of

BUILT_FROM = ".built-from"  # in the site: the commit that it shows
KEY = ".key"  # in the site: of all that it was made from
INPUTS = ("_config.yml", "_toc.yml", "requirements.lock", "book/**/*", "helpers/**/*",
          "pipeline/**/*", "notebooks/*", "solutions/*")


def is_current(book, profile):
    """Tell whether the site is whole and was made from what is there now."""
    try:
        return ((book.site / KEY).read_text() == key(book, profile)
                and all((book.site / f"{page}.html").exists() for page in book.pages))
    except FileNotFoundError:
        return False


def key(book, profile):
    """Return a hash of every file from which the site of a profile is made."""
    paths = {path for pattern in INPUTS for path in book.root.glob(pattern)
             if path.is_file() and path.suffix != ".pyc"}
    paths |= set(all_of(book, profile))
    parts = [profile, *(f"{book.relative(path)} {sha(path.read_bytes())}"
                        for path in sorted(paths))]
    return sha("\n".join(parts).encode())
