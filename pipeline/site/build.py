"""Make the book, or do nothing where the site was made from what is there now."""

from pipeline.git import head
from pipeline.run.copies import all_of
from pipeline.run.key import sha

BUILT_FROM = ".built-from"  # in the site: the commit that it shows
KEY = ".key"  # in the site: of all that it was made from
INPUTS = ("_config.yml", "_toc.yml", "requirements.lock", "book/**/*", "helpers/**/*",
          "pipeline/**/*", "notebooks/*", "solutions/*")


def make(book, profile="quick"):
    """Bring the site of a profile up to date; return the exit code.

    Raises BookError where a source breaks a rule, data cannot be fetched or the
    site cannot be rendered.
    """
    if not is_current(book, profile):
        from pipeline.site.render import update  # long to import, with Sphinx

        if update(book, profile):
            return 1
        (book.site / KEY).write_text(key(book, profile))
    (book.site / BUILT_FROM).write_text(head(book.root))
    print(f"The book is at {(book.site / 'index.html').as_uri()}")
    return 0


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
