"""Bring the site up to date: derive, fetch, execute, and let Jupyter Book render."""

import io
from contextlib import contextmanager

from jupyter_book.config import get_final_config
from sphinx.application import ENV_PICKLE_FILENAME, Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from pipeline.derive import derive
from pipeline.errors import BookError
from pipeline.run.execute import execute_all
from pipeline.run.plan import plan
from pipeline.run.prefetch import prefetch
from pipeline.site.extension import give_book

DOCTREES = ".doctrees"  # beside the site: what Sphinx knows of it


def update(book, profile):
    """Derive, execute what is not current and render; return the exit code."""
    for path in derive(book):
        print(f"wrote: {path}")
    if execute(book, (), profile):
        return 1
    render(book, profile)
    return 0


def execute(book, wanted, profile):
    """Execute the chapters wanted that are not current; return the exit code."""
    tasks = plan(book, wanted, profile, {})
    waiting = [task.source.stem for task in tasks if not task.is_current]
    if waiting:
        prefetch(book, waiting, profile)
    outcomes = execute_all(book, tasks)
    return int(any(outcome.status == "failed" for outcome in outcomes))


def render(book, profile):
    """Build the site from executed copies that are current.

    Raises BookError with Sphinx's log if there is an error or a warning. What
    Sphinx knows of the pages is then as it was, so that the next build comes upon
    the same again.
    """
    log = io.StringIO()
    known = book.site.parent / DOCTREES / ENV_PICKLE_FILENAME
    before = known.read_bytes() if known.exists() else None
    error = "the build did not end"
    try:
        with sphinx(book, profile, book.site.parent, log) as app:
            app.build()
        error = "there are warnings" if app.statuscode else None
    except Exception as stop:  # whatever Sphinx and its extensions raise
        error = stop
    finally:
        book.build.mkdir(exist_ok=True)
        (book.build / "site.log").write_text(log.getvalue())
        if error:
            known.unlink(missing_ok=True)
            if before:
                known.write_bytes(before)
    if error:
        raise BookError(f"the site was not built: {error}\n{log.getvalue()}")


@contextmanager
def sphinx(book, profile, folder, log, warnings=None):
    """Yield Sphinx as Jupyter Book configures it, to build `folder`/html.

    It shows `book` as it is now, whose copies of the profile must be current, and
    writes to the streams `log` and `warnings`, by default the same. Only one such
    block may be open in a process: docutils keeps its roles globally.
    """
    config, _ = get_final_config(
        user_yaml=book.root / "_config.yml", sourcedir=book.root,
        cli_config={"external_toc_path": str(book.root / "_toc.yml"),
                    "course_profile": profile, "nitpicky": True,
                    "latex_individualpages": False},
    )
    with patch_docutils(), docutils_namespace():
        app = Sphinx(book.root, None, folder / "html", folder / DOCTREES, "html",
                     config, log, warnings or log, warningiserror=True,
                     keep_going=True)
        give_book(app, book)
        yield app
