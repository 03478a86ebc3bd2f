"""Execute one notebook with papermill in a process of its own.

The parent holds this process's standard input open; when it closes, the
parent is gone and so must this process be. The kernel watches for its own
parent and follows.
"""

import json
import logging
import os
import resource
import sys
import threading
import time
from pathlib import Path

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from traitlets.config import Config

from pipeline.chapters import ROOT
from pipeline.executed import scraps
from pipeline.labels import unreached


def execute(task):
    """Run notebook.ipynb of a folder; write executed.ipynb; return the outcome.

    `task` names the folder, the notebook's parameters, the claims that it
    verifies and the key to store.
    """
    folder = Path(task["folder"])
    source, target = folder / "notebook.ipynb", folder / "executed.ipynb"
    began, error = time.perf_counter(), None
    quiet = Config()
    quiet.KernelManager.transport_encryption = "auto"
    try:
        papermill.execute_notebook(
            source, target, parameters=task["parameters"],
            kernel_name="python3", cwd=str(ROOT / "notebooks"),
            progress_bar=False, log_output=True, config=quiet,
            request_save_on_cell_execute=False,
        )
    except DeadKernelError:
        error = {"cell": "the kernel", "message": "it died: was there enough memory?"}
    except papermill.PapermillExecutionError as stop:
        first = next((line for line in stop.source.splitlines() if line.strip()), "")
        error = {"cell": f"[{stop.exec_count}] {first}",
                 "message": f"{stop.ename}: {stop.evalue}"}
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = used.ru_maxrss * 1024 / 1e6
    notebook = nbformat.read(target if target.exists() else source, 4)
    if error is None:
        found = scraps(notebook)
        missed = [] if "rest-skipped" in found else unreached(task["claims"], found)
        skipped = [cell for cell in notebook.cells if cell.cell_type == "code"
                   and cell.source.strip() and not cell.execution_count]
        if skipped:
            error = {"cell": skipped[0].source.splitlines()[0],
                     "message": "this cell and those after it were not run"}
        elif missed:
            error = {"cell": "the whole notebook",
                     "message": f"the run did not reach verify(\"{missed[0]}\", …)"}
    cores = used.ru_utime + used.ru_stime
    if error is None:
        notebook.metadata["course"] = {
            "key": task["key"], "seconds": round(seconds, 1),
            "megabytes": round(peak), "core_seconds": round(cores, 1),
        }
    nbformat.write(notebook, target)
    return {"seconds": seconds, "megabytes": peak, "core_seconds": cores,
            "error": error}


def _die_with_parent():
    sys.stdin.read()
    os._exit(1)


def main():
    task = json.loads(sys.stdin.readline())
    threading.Thread(target=_die_with_parent, daemon=True).start()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    outcome = execute(task)
    (Path(task["folder"]) / "outcome.json").write_text(json.dumps(outcome))


if __name__ == "__main__":
    main()
