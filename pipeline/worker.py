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

from pipeline.chapters import load
from pipeline.executed import scraps
from pipeline.labels import unreached


def execute(task):
    """Run a task; return its outcome. A half-written copy is never left.

    `task` names the notebook, the target, its parameters, the chapter's
    source and the key to store. A failed copy is kept as *.failed.ipynb.
    """
    target = Path(task["target"])
    part = target.with_name(f"{target.stem}.{os.getpid()}.part.ipynb")
    failed = target.with_name(f"{target.stem}.failed.ipynb")
    began, error = time.perf_counter(), None
    quiet = Config()
    quiet.KernelManager.transport_encryption = "auto"
    try:
        papermill.execute_notebook(
            task["notebook"], part, parameters=task["parameters"],
            kernel_name="python3", cwd=str(Path(task["notebook"]).parent),
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
    notebook = nbformat.read(part if part.exists() else task["notebook"], 4)
    nbformat.write(notebook, part)
    if error is None:
        found = scraps(notebook)
        missed = ([] if "rest-skipped" in found
                  else unreached(load(Path(task["source"])), found))
        skipped = [cell for cell in notebook.cells if cell.cell_type == "code"
                   and cell.source.strip() and not cell.execution_count]
        if skipped:
            error = {"cell": skipped[0].source.splitlines()[0],
                     "message": "this cell and those after it were not run"}
        elif missed:
            error = {"cell": "the whole notebook",
                     "message": f"the run did not reach verify(\"{missed[0]}\", …)"}
    outcome = {"seconds": seconds, "megabytes": peak, "error": error}
    if error:
        os.replace(part, failed)
        return {**outcome, "path": str(failed)}
    notebook.metadata["course"] = {
        "key": task["key"], "seconds": round(seconds, 1), "megabytes": round(peak),
        "core_seconds": round(used.ru_utime + used.ru_stime, 1),
    }
    nbformat.write(notebook, part)
    os.replace(part, target)
    failed.unlink(missing_ok=True)
    return {**outcome, "path": str(target)}


def _die_with_parent():
    sys.stdin.read()
    os._exit(1)


def main():
    task = json.loads(sys.stdin.readline())
    threading.Thread(target=_die_with_parent, daemon=True).start()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    outcome = execute(task)
    Path(task["outcome"]).write_text(json.dumps(outcome))


if __name__ == "__main__":
    main()
