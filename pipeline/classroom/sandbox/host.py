"""Run a submission's code where it can neither reach nor break anything.

Where Linux lets a user make namespaces, the code sees no network, no process
but its own, a file system in which only one small folder is writable, and of
the course only the helpers. Elsewhere an audit hook of Python replaces this; it
stops accidents, not a determined attacker.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from pipeline.classroom.sandbox.limits import MEGABYTE, Limits, drain
from pipeline.run.local import THREADS, kill

MOST_SENT = 64 * MEGABYTE  # by a whole submission
GUEST = "pipeline.classroom.sandbox.guest"
INSIDE = ("__init__", "guest", "limits", "submission")
ALONE = ["unshare", "--map-root-user", "--net", "--mount", "--pid", "--ipc", "--fork",
         "--kill-child", "--mount-proc", "sh", "-c"]
# Everything becomes read-only, each hidden folder an empty one, and the first
# argument a small folder in memory; then every privilege is dropped for good.
SETUP = r"""
work=$1; shift
while read -r _ where _; do
  where=$(printf '%b' "$where")
  mount -o remount,bind,ro "$where" 2>/dev/null || echo "$where" >&2
done < /proc/self/mounts
while [ "$1" != -- ]; do mount -t tmpfs -o size=4k,ro none "$1" || exit 1; shift; done
shift
mount -t tmpfs -o size=64m none "$work" && cd "$work" || exit 1
exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all -- "$@"
"""
STRONG = ("no network, no other processes, read-only files and no solutions, by "
          "Linux namespaces")
WEAK = ("**weak**: this machine offers no namespaces, so an audit hook of Python "
        "refuses sockets, processes and files, which a determined person can get "
        "around; grade trusted submissions only, or elsewhere")


class Sandbox:
    """An unmodified copy of the helpers, and processes that see little else.

    Use it in a `with`. `says` names the protection, for the report; `hidden`
    are folders that a submission must not see, besides the course in `root`.
    """

    def __init__(self, root, seconds, megabytes, hidden=()):
        self.folder = Path(tempfile.mkdtemp(prefix="grade-")).resolve()
        self.hidden = _to_hide([*root.iterdir(), *hidden], self.folder)
        shutil.copytree(root / "helpers", self.folder / "helpers",
                        ignore=shutil.ignore_patterns("__pycache__"))
        _copy_guest(root / "pipeline", self.folder / "pipeline")
        writable = self._probe()
        self.limits = Limits(seconds, megabytes, 2 * seconds + 5,
                             namespaces=writable is not None,
                             hidden=[folder + os.sep for folder in self.hidden])
        self.says = WEAK if writable is None else STRONG
        if writable:
            self.says += f" (still writable: {', '.join(writable)})"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, exercises, **request):
        """Send one request to a new process; return its replies.

        Returns the list of the guest's replies, and why it was stopped or None.
        Do not trust anything in them.
        """
        work = tempfile.mkdtemp(dir=self.folder)
        asked = {**request, "exercises": exercises, "limits": asdict(self.limits)}
        with tempfile.TemporaryFile("w+") as stdin:
            json.dump(asked, stdin)
            stdin.seek(0)
            command = [sys.executable, "-s", "-B", "-P", "-m", GUEST]
            if self.limits.namespaces:
                command = self._alone(work, *command)
            process = subprocess.Popen(
                command,
                stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                cwd=work, env=self._environment(work), start_new_session=True,
            )
            patience = 60 + self.limits.patience * len(exercises)
            try:
                data, cut = drain(process.stdout.fileno(), patience, MOST_SENT,
                                  lambda: process.poll() is not None)
            finally:
                kill(process)
                process.wait()
                process.stdout.close()
                shutil.rmtree(work, ignore_errors=True)
        try:
            return [json.loads(line) for line in data.splitlines()], cut
        except (ValueError, RecursionError):
            return [], "what it sent was garbled"

    def _alone(self, work, *command):
        return [*ALONE, SETUP, "sh", work, *self.hidden, "--", *command]

    def _environment(self, work):
        return {"PATH": os.environ.get("PATH", os.defpath), "HOME": work,
                "TMPDIR": work, "PYTHONPATH": str(self.folder), "MPLBACKEND": "agg",
                "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8",
                **dict.fromkeys(THREADS, "1")}

    def _probe(self):
        """Return the mounts that stay writable, None if there are no namespaces."""
        work = tempfile.mkdtemp(dir=self.folder)
        try:
            done = subprocess.run(self._alone(work, sys.executable, "-S", "-c", ""),
                                  text=True, timeout=60, capture_output=True)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return None if done.returncode else done.stderr.splitlines()


def _copy_guest(pipeline, folder):
    """Copy the modules that run inside, with empty packages around them."""
    room = folder.joinpath(*GUEST.split(".")[1:-1])
    room.mkdir(parents=True)
    for package in (folder, room.parent):
        (package / "__init__.py").touch()
    for name in INSIDE:
        shutil.copy(pipeline / "classroom" / "sandbox" / f"{name}.py", room)


def _to_hide(paths, folder):
    """Return the folders to hide, none inside another or around what runs."""
    inside = [Path(sys.prefix).absolute(), Path(sys.prefix).resolve(), folder]
    paths = {path.resolve() for path in paths if path.is_dir() and not any(
        place.is_relative_to(path.absolute()) for place in inside)}
    return [str(path) for path in sorted(paths) if not paths & {*path.parents}]
