"""Show one chapter in a browser, and show it anew whenever its source is saved.

`python -m pipeline preview NAME` brings the book up to date, builds it into
build/preview beside the site of `make book`, and serves it on this machine alone.
Until it is interrupted it then waits for saves of book/chapters/NAME.md:

* after a change of prose it builds that one page, and a browser that shows the
  page loads it again by itself; the derived notebooks follow some seconds later;
* after a change of code it first runs the chapter, and the old page stays until
  the run has ended;
* of a source that breaks a rule it prints the message, and the old page stays.
"""

import io
import shutil
import sys
import threading
import time
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from sphinxcontrib.bibtex import env_updated

from pipeline.book import NOTEBOOKS, Book
from pipeline.derive import derive
from pipeline.derive.notebook import REFERENCES, chapter_notebook
from pipeline.errors import BookError
from pipeline.run.copies import refuse_stale
from pipeline.site.extension import give_book
from pipeline.site.render import execute, sphinx
from pipeline.source.labels import refuse_unverified

PAUSE = 0.1  # seconds between two looks at the source
QUIET = 3  # seconds for a browser to load a page, before anything else is done
VERSION = "/.version"  # where the server says which version of the page it has
RELOAD = """\
<script>
setInterval(async () => {{
  const found = await fetch("{address}").catch(() => null);
  if (found?.ok && await found.text() !== "{version}") location.reload();
}}, 300);
</script>
"""


def preview(book, name, profile="quick", port=8000):
    """Show a chapter until Ctrl-C; return the exit code.

    Raises BookError for an unknown chapter, for a book that breaks a rule to begin
    with, and for a port that is taken.
    """
    book.chapter(name)
    for path in derive(book):
        print(f"wrote: {path}")
    if execute(book, (), profile):
        return 1
    with opened(book, name, profile) as page, served(page, port) as address:
        print(f"{address}/{page.docname}.html shows {book.relative(page.source)} "
              "until you press Ctrl-C", flush=True)
        with suppress(KeyboardInterrupt):
            while True:
                time.sleep(PAUSE)
                page.follow()
                if page.waits_for_notebooks > QUIET:
                    page.derive()
        page.derive()
    return 0


@contextmanager
def opened(book, name, profile):
    """Yield a chapter's built page, in a folder that no other command writes to.

    The copies of all chapters must be current. What `make book` has built is where
    the first preview begins.
    """
    folder = book.build / "preview"
    if not folder.exists() and book.site.exists():
        shutil.copytree(book.site.parent, folder)
    warnings = io.StringIO()
    with sphinx(book, profile, folder, io.StringIO(), warnings) as app:
        app.builder.search = False  # its index takes long, and nobody searches here
        page = Page(book, name, profile, app, warnings)
        page.build(book)
        yield page


class Page:
    """A chapter's page, and the Sphinx that builds it again."""

    def __init__(self, book, name, profile, app, warnings):
        self.root, self.name, self.profile = book.root, name, profile
        self.app, self.warnings = app, warnings
        self.docname = f"notebooks/{name}"
        self.source = book.chapter(name).path
        self.seen = self.saved()
        self.version = ""
        self.shown = None  # when, if its notebooks have not been written since
        self.cited = self.references(book)

    def saved(self):
        """Return when the source was saved last; 0 while an editor replaces it."""
        try:
            return self.source.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    @property
    def waits_for_notebooks(self):
        """How many seconds ago the page was shown whose notebooks are not written."""
        return time.monotonic() - self.shown if self.shown else 0

    def derive(self):
        """Write what follows from the source that is shown, if that is not done."""
        if self.shown:
            with self.told():
                derive(Book(self.root))
            self.shown = None  # not so where Ctrl-C came between

    @contextmanager
    def told(self):
        """Print an error that a person must mend."""
        try:
            yield
        except (BookError, OSError, UnicodeError) as error:
            print(f"error: {error}", file=sys.stderr, flush=True)

    def follow(self):
        """Show the source as it is now, if it was saved; tell whether it was shown.

        What is wrong with it is printed.
        """
        saved = self.saved()
        if saved in (0, self.seen):
            return False
        self.seen = saved
        begun, shown = time.monotonic(), False
        with self.told():
            shown = self.renew()
        if shown:
            self.shown = time.monotonic()
            print(f"shown after {self.shown - begun:.1f} s", flush=True)
        else:
            print("the page is that of the last good save", file=sys.stderr, flush=True)
        return shown

    def renew(self):
        """Build the page from the source, after a run if the code is another.

        Returns False where that run failed. Raises BookError for a source that
        breaks a rule.
        """
        book = Book(self.root)
        chapter = book.chapter(self.name)
        refuse_unverified(book.chapters, book.labels)
        cited = self.references(book)
        try:
            refuse_stale(book, [chapter], self.profile)
        except BookError:
            print(f"running {self.name}, whose code changed", flush=True)
            derive(book)
            if execute(book, [self.name], self.profile):
                return False
        if cited != self.cited:
            self.app.connect("env-updated", env_updated)
        self.build(book)
        self.cited = cited
        return True

    def references(self, book):
        """Return the texts of the works that the chapter cites.

        Raises BookError for what no notebook can be derived of.
        """
        chapter = book.chapter(self.name)
        notebooks = [chapter_notebook(book, chapter, kind) for kind in NOTEBOOKS]
        return [cell.source for notebook in notebooks for cell in notebook.cells
                if cell.id == REFERENCES]

    def build(self, book):
        """Build what changed the first time, and this page alone after that."""
        give_book(self.app, book)
        self.warnings.seek(0)
        self.warnings.truncate()
        pages = [str(book.root / f"{self.docname}.ipynb")] if self.version else []
        try:
            self.app.build(filenames=pages)
        except Exception as error:  # whatever Sphinx and its extensions raise
            raise BookError(f"the page was not built: {error}") from error
        for listener in list(self.app.events.listeners["env-updated"]):
            if listener.handler is env_updated:  # formats every work of the book
                self.app.disconnect(listener.id)
        print(self.warnings.getvalue(), end="", file=sys.stderr, flush=True)
        self.version = str(time.time_ns())


@contextmanager
def served(page, port):
    """Serve the folder of a page to this machine; yield its address."""
    handler = partial(Handler, page, directory=str(page.app.outdir))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise BookError(f"port {port} cannot be used ({error}): give another "
                        "by --port") from None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Handler(SimpleHTTPRequestHandler):
    """Serves files, and every page with a script that asks for its version."""

    def __init__(self, page, *args, **options):
        self.page = page
        super().__init__(*args, **options)

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        version = self.page.version  # before the file is read: rather too old
        if self.path == VERSION:
            self._send(version)
        elif path.suffix == ".html" and path.exists():
            script = RELOAD.format(address=VERSION, version=version)
            self._send(path.read_text().replace("</body>", f"{script}</body>"))
        else:
            super().do_GET()

    def _send(self, text):
        content = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Say nothing of each file that was asked for."""
