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
    was gathered. Raises SourceError when there is no site, or when the tree
    differs from the commit.
    """
    if not (SITE / "index.html").exists():
        raise SourceError("there is no site yet: run make book")
    if _git("status", "--porcelain"):
        raise SourceError("the tree differs from its commit: commit first")
    commit = _git("rev-parse", "HEAD")
    folder = Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SITE, folder)
    (folder / ".nojekyll").touch()
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
