"""Make the book: derive, fetch, execute and render, as far as anything changed."""

import contextlib
import io

from pipeline.book import Book
from pipeline.derive import derive
from pipeline.errors import BookError
from pipeline.git import head
from pipeline.run.copies import path_of
from pipeline.run.execute import run
from pipeline.run.key import sha
from pipeline.run.prefetch import prefetch
from pipeline.site.publish import BUILT_FROM

KEY = ".key"  # in the site: of all that it was made from
INPUTS = ("_config.yml", "_toc.yml", "requirements.lock", "book/**/*", "helpers/**/*",
          "pipeline/**/*", "notebooks/*", "solutions/*")


def make(book, profile="quick"):
    """Bring the site of a profile up to date; return the exit code.

    Raises BookError where a source breaks a rule, data cannot be fetched or the
    site cannot be rendered.
    """
    if not is_current(book, profile):
        for path in derive(book):
            print(f"wrote: {path}")
        book = Book(book.root)
        prefetch(book, profile=profile)
        if run(book, profile=profile):
            return 1
        render(book, profile)
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
    paths |= {path_of(book, chapter, chapter.parameters(profile))
              for chapter in book.chapters}
    parts = [profile, *(f"{book.relative(path)} {sha(path.read_bytes())}"
                        for path in sorted(paths))]
    return sha("\n".join(parts).encode())


def render(book, profile):
    """Build the site with Jupyter Book. Raises BookError with its log if it fails."""
    import os

    from jupyter_book.cli.main import build

    os.environ["COURSE_PROFILE"] = profile
    log = io.StringIO()
    command = [str(book.root), "-W", "--keep-going", "-n"]
    with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        try:
            build.main(command, standalone_mode=False)
            error = None
        except (Exception, SystemExit) as stop:
            error = stop
    book.build.mkdir(exist_ok=True)
    (book.build / "site.log").write_text(log.getvalue())
    if error:
        raise BookError(f"the site was not built: {error}\n{log.getvalue()}")
