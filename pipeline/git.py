"""What git says of the tree."""

import subprocess

from pipeline.errors import BookError

# No run reads them, so that the full runs of several chapters can be kept one
# after the other.
RESULTS = (":(exclude)book/results", ":(exclude)book/results.md")


def git(root, *words):
    """Return what a git command prints. Raises BookError where it fails."""
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise BookError(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def head(root, besides=()):
    """Return the full hash of HEAD, marked when the tree differs from it.

    Changes of `besides`, as git's patterns, do not count. Without a commit, or
    outside of git, it is "none".
    """
    try:
        commit = git(root, "rev-parse", "HEAD")
    except (BookError, OSError):
        return "none"
    changes = git(root, "status", "--porcelain", "--", ".", *besides)
    return f"{commit} with changes" if changes else commit


def commit(root):
    """Return the hash of HEAD for a run card: short, and kept results aside."""
    commit, *marked = head(root, RESULTS).split(" ", 1)
    return " ".join([commit[:12], *marked])
