"""Execute one notebook with papermill in a process of its own.

The parent holds this process's standard input open; when it closes, the parent
has ended, and this process exits. The kernel watches its own parent likewise.
"""

import json
import logging
import os
import resource
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from traitlets.config import Config

from helpers.scraps import Scraps
from pipeline.run.plan import Failure


def execute(order):
    """Run notebook.ipynb of a folder; write executed.ipynb; return the report.

    `order` names the folder, the folder in which the kernel starts, the
    parameters, the claims that the notebook verifies and the key to store.
    """
    folder = Path(order["folder"])
    source, target = folder / "notebook.ipynb", folder / "executed.ipynb"
    began, error = time.perf_counter(), None
    config = Config()
    config.KernelManager.transport_encryption = "auto"
    try:
        papermill.execute_notebook(
            source, target, parameters=order["parameters"],
            kernel_name="python3", cwd=order["cwd"],
            progress_bar=False, log_output=True, config=config,
            request_save_on_cell_execute=False,
        )
    except DeadKernelError:
        error = Failure("the kernel", "it died: was there enough memory?")
    except papermill.PapermillExecutionError as stop:
        error = Failure(f"[{stop.exec_count}] {_first_line(stop.source)}",
                        f"{stop.ename}: {stop.evalue}")
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    megabytes = used.ru_maxrss * 1024 / 1e6
    core_seconds = used.ru_utime + used.ru_stime
    notebook = nbformat.read(target if target.exists() else source, 4)
    error = error or _incomplete(notebook, order["claims"])
    if error is None:
        notebook.metadata["course"] = {
            "key": order["key"], "seconds": round(seconds, 1),
            "megabytes": round(megabytes), "core_seconds": round(core_seconds, 1),
        }
    nbformat.write(notebook, target)
    return {"seconds": seconds, "megabytes": megabytes, "core_seconds": core_seconds,
            "error": error and asdict(error)}


def _incomplete(notebook, claims):
    """Return the Failure of a notebook that was not run to its end, or None."""
    for cell in notebook.cells:
        if (cell.cell_type == "code" and cell.source.strip()
                and not cell.execution_count):
            return Failure(_first_line(cell.source),
                           "this cell and those after it were not run")
    scraps = Scraps.of(notebook)
    if not scraps.rest_skipped:
        for name in dict.fromkeys(claims):
            if len(scraps.verified.get(name, ())) < claims.count(name):
                return Failure("the whole notebook",
                               f"the run did not reach verify(\"{name}\", …)")
    return None


def _first_line(code):
    return next((line for line in code.splitlines() if line.strip()), "")


def _die_with_parent():
    sys.stdin.read()
    os._exit(1)


def main():
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_die_with_parent, daemon=True).start()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    report = json.dumps(execute(order))
    (Path(order["folder"]) / "report.json").write_text(report)


if __name__ == "__main__":
    main()
