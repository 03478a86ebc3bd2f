"""The run card: what made the numbers of a page, written by the run itself."""

import os
import platform
import resource
import sys
import time
from importlib import metadata

import torch

from helpers.display import display
from helpers.records import store

PACKAGES = ("torch", "numpy", "scipy", "matplotlib", "transformers", "datasets")


def card(run):
    """Display and store the run card.

    Wall time is in seconds since `start`, peak memory in MB of the process.
    `pipeline` passes the commit and the hash of the lock through the
    environment; a run outside it says so.
    """
    facts = {
        "chapter": run.chapter,
        "profile": run.profile,
        "seed": str(run.seed),
        "commit": os.environ.get("COURSE_COMMIT", "not known"),
        "lock": os.environ.get("COURSE_LOCK", "not known"),
        "device": _device(run.device),
        "threads": str(torch.get_num_threads()),
        "versions": _versions(),
        "wall time": f"{time.perf_counter() - run.started:.0f} s",
        "peak memory": f"{_peak_megabytes():.0f} MB",
        "data": ", ".join(f"{name} {digest[:12]}"
                          for name, digest in run.data.items()) or "none",
    }
    store("run-card", facts)
    lines = ["| run card | |", "|---|---|"]
    lines += [f"| {name} | {fact} |" for name, fact in facts.items()]
    text = "\n".join(lines)
    display({"text/markdown": text, "text/plain": text})


def _versions():
    found = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        if package in sys.modules:
            found.append(f"{package} {metadata.version(package)}")
    return ", ".join(found)


def _device(device):
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {platform.machine()}"


def _peak_megabytes():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
