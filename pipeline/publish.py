"""Set the repository's address, and gather what a publication consists of."""

import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from pipeline import labels as labelling
from pipeline.chapters import ROOT, SourceError, load_all
from pipeline.derive import KINDS, chapter_notebook, derive, keep_references, written

SITE = ROOT / "_build" / "html"
BUILT_FROM = ".built-from"  # in the site: the commit that it shows
MARKER = ".course-publication"  # in a publication: it may be replaced


def set_repository(url, branch=None):
    """Write the address into _config.yml and derive again.

    Returns the paths that changed. Raises SourceError for an address that is
    not https://HOST/OWNER/NAME.
    """
    parts = urlsplit(url.rstrip("/").removesuffix(".git"))
    if parts.scheme != "https" or not re.fullmatch(r"/[\w.-]+/[\w.-]+", parts.path):
        raise SourceError(f"{url} is not of the form https://HOST/OWNER/NAME")
    path = ROOT / "_config.yml"
    before = path.read_text()
    after = re.sub(r"(?m)^(repository:\n  url: ).*$", rf"\g<1>{parts.geturl()}", before)
    if branch:
        after = re.sub(r"(?m)^(  branch: ).*$", rf"\g<1>{branch}", after, count=1)
    path.write_text(after)
    changed = [path.relative_to(ROOT)] if after != before else []
    return changed + derive()


def publish(folder):
    """Gather the built site and the notebooks, pinned to this commit.

    The bootstrap cell of each published notebook installs the course from
    the very commit that it was derived from. Returns a line that says what
    was gathered. Raises SourceError when the site is missing or shows another
    commit, when the tree differs from the commit, and for a folder that holds
    anything else than an earlier publication.
    """
    if not (SITE / "index.html").exists():
        raise SourceError("there is no site yet: run make book")
    if _git("status", "--porcelain"):
        raise SourceError("the tree differs from its commit: commit first")
    commit = _git("rev-parse", "HEAD")
    built_from = SITE / BUILT_FROM
    if not built_from.exists() or built_from.read_text() != commit:
        raise SourceError("the site shows another commit than this: run make book")
    folder = Path(folder).resolve()
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise SourceError(f"{folder} holds something else: name a folder of its own")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SITE, folder)
    for name in (".nojekyll", MARKER):
        (folder / name).touch()
    chapters = load_all()
    labels = labelling.collect(chapters)
    for chapter in chapters:
        for kind in KINDS:
            notebook = chapter_notebook(chapter, kind, chapters, labels, ref=commit)
            keep_references(notebook, ROOT / kind / f"{chapter.name}.ipynb")
            target = folder / kind / f"{chapter.name}.ipynb"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(written(notebook))
    return f"published {len(chapters)} chapters of {commit[:12]} in {folder}"


def _git(*words):
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SourceError(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout.strip()
