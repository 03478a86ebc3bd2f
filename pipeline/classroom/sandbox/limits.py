"""Limit what a process may use, read its output, and end it."""

import os
import resource
import select
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass

SECONDS, MEGABYTES = 60, 4000  # what an exercise may use where nobody says otherwise
MEGABYTE = 2**20
LONGEST_VALUE = MEGABYTE // 4  # as it is sent; those of the book take a few kB
LARGEST_FILE = 16 * MEGABYTE
MOST_PROCESSES = 64

FORBIDDEN = ("socket.", "subprocess.", "ctypes.", "os.kill", "os.system", "os.exec",
             "os.posix_spawn", "os.fork", "os.remove", "os.rename", "os.rmdir",
             "os.truncate", "os.chmod", "os.chown", "os.link", "os.symlink",
             "os.mkdir", "shutil.", "pty.")


@dataclass(frozen=True)
class Limits:
    """What one process of a submission may use.

    `seconds` of computing, `patience` of them in all, `megabytes` beyond those in
    use; whether there are `namespaces` around it, and the folders `hidden` if not.
    """

    seconds: int
    megabytes: int
    patience: int
    namespaces: bool
    hidden: list

    def apply(self):
        """Limit this process from here on."""
        used = 0
        if os.path.exists("/proc/self/statm"):
            with open("/proc/self/statm") as file:
                used = int(file.read().split()[0]) * resource.getpagesize()
        limits = {
            resource.RLIMIT_CPU: (self.seconds, self.seconds + 1),
            resource.RLIMIT_AS: (used + self.megabytes * MEGABYTE,) * 2,
            resource.RLIMIT_FSIZE: (LARGEST_FILE,) * 2,
            resource.RLIMIT_CORE: (0, 0),
        }
        if self.namespaces:
            limits[resource.RLIMIT_NPROC] = (MOST_PROCESSES,) * 2
        else:
            sys.addaudithook(_guard(os.getcwd(), self.hidden))
        # A system without namespaces may not know all of these limits either.
        unknown = () if self.namespaces else (ValueError, OSError)
        for kind, pair in limits.items():
            most = resource.getrlimit(kind)[1]
            if most != resource.RLIM_INFINITY:
                pair = tuple(min(most, value) for value in pair)
            with suppress(*unknown):
                resource.setrlimit(kind, pair)


def _guard(folder, hidden):
    """Return the audit hook that is used where there are no namespaces."""
    def hook(event, arguments):
        if event.startswith(FORBIDDEN):
            raise PermissionError(f"{event} is not allowed here")
        if event == "open" and isinstance(arguments[0], (str, bytes)):
            path = os.path.realpath(os.fsdecode(arguments[0]))
            writes = (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            inside = path == os.devnull or path.startswith(folder + os.sep)
            if (writes and not inside) or path.startswith(tuple(hidden)):
                raise PermissionError("this file is out of bounds here")
    return hook


def drain(fd, seconds, most, ended):
    """Read `fd` until `ended()` holds and it is empty.

    Returns the bytes, and what cut the reading short: None, or a text when
    it took longer than `seconds` or exceeded `most` bytes.
    """
    data, until = bytearray(), time.monotonic() + seconds
    while True:
        done = ended()
        ready, _, _ = select.select([fd], [], [], 0 if done else 0.05)
        chunk = os.read(fd, 2**16) if ready else b""
        data += chunk
        if len(data) > most:
            return bytes(data[:most]), f"it sent more than {most // MEGABYTE} MB"
        if time.monotonic() > until:
            return bytes(data), f"no end after {seconds} s"
        if done and not chunk:
            return bytes(data), None
        if ready and not chunk:
            time.sleep(0.01)


def kill(child, namespaces):
    """End an exercise's process and all that it has started."""
    with suppress(ProcessLookupError):
        if namespaces:
            os.kill(-1, signal.SIGKILL)  # all in this namespace but this process
        else:
            os.killpg(child, signal.SIGKILL)


def ending(status, used, seconds):
    """Return what ended a process, by the values of os.wait4; None for success."""
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        return None
    if code == -signal.SIGXCPU or used.ru_utime + used.ru_stime >= seconds:
        return f"more than {seconds} s of computing"
    if code < 0:
        return f"the process died of {signal.Signals(-code).name}"
    return f"the process ended with exit status {code}"
