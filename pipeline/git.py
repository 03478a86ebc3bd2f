"""What git says of the tree."""

import subprocess

from pipeline.errors import BookError

# No run reads them, so keeping the results of one chapter does not mark the next
# chapter's run as one of a changed tree.
RESULTS = (":(exclude)book/results", ":(exclude)book/results.md")


def git(root, *words):
    """Return what a git command prints. Raises BookError where it fails."""
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise BookError(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def head(root, besides=()):
    """Return the full hash of HEAD, marked when the tree differs from it.

    `besides` are git pathspecs that exclude paths whose changes do not count.
    Without a commit, or outside of git, it is "none".
    """
    try:
        commit = git(root, "rev-parse", "HEAD")
    except (BookError, OSError):
        return "none"
    changes = git(root, "status", "--porcelain", "--", ".", *besides)
    return f"{commit} with changes" if changes else commit


def commit(root):
    """Return the short hash of HEAD for a run card, ignoring kept results."""
    commit, *marked = head(root, RESULTS).split(" ", 1)
    return " ".join([commit[:12], *marked])
