"""Run one chapter with every combination of some values; tabulate and draw."""

import itertools
import json
import math
import statistics
from collections import defaultdict

from helpers.records import formatted
from helpers.scraps import Scraps
from pipeline.derive import refuse_out_of_step
from pipeline.errors import BookError
from pipeline.git import commit
from pipeline.hashing import sha
from pipeline.ipynb import read
from pipeline.records.plot import draw
from pipeline.run.execute import execute_all
from pipeline.run.key import ingredients
from pipeline.run.plan import task_of
from pipeline.source.code import calls_method, computation
from pipeline.source.tags import DEFINE
from pipeline.tables import table


def sweep(book, name, profile, choices, workers=2, keep=False, scheduler=None):
    """Run a chapter once for each combination of `choices`; return the exit code.

    `choices` maps a parameter to the texts of its values. Records are averaged
    over `seed`; every other combination is a column of the table. Current copies
    are not run again; failed runs are left out and counted. With
    `keep`, a sweep without failures also goes to helpers/kept, for `kept_sweep`
    to read. Raises BookError, before anything runs, for what `run` would refuse,
    and for a value given twice.
    """
    refuse_out_of_step(book)
    (chapter,) = book.choose([name], profile)
    for parameter, values in choices.items():
        if len(set(values)) < len(values):
            raise BookError(f"a value of {parameter} is given twice")
    settings = [dict(zip(choices, values, strict=True))
                for values in itertools.product(*choices.values())]
    used = ingredients(book, chapter)
    tasks = [task_of(book, chapter, profile, setting, used) for setting in settings]
    outcomes = execute_all(book, tasks, workers, scheduler)

    runs = [{"parameters": task.parameters,
             "records": Scraps.of(read(task.target)).records}
            for task, outcome in zip(tasks, outcomes, strict=True)
            if outcome.status != "failed"]
    varied = [parameter for parameter in choices if parameter != "seed"]
    columns = tabulate(runs, varied)
    path = book.build / "sweeps" / f"{name}-{profile}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"runs": runs, "table": columns}, indent=1,
                               ensure_ascii=False) + "\n")
    picture = path.with_suffix(".png")
    drawn = f" and drawn in {picture.name}" if draw(columns, picture) else ""
    print(f"\n{as_markdown(columns)}\n\nWritten to {book.relative(path)}{drawn}")
    if keep and len(runs) == len(tasks):
        kept = keep_runs(book, chapter, profile, runs)
        print(f"Kept in {book.relative(kept)}")
    return int(len(runs) < len(tasks))


def keep_runs(book, chapter, profile, runs):
    """Write the values of a sweep's runs where a notebook can read them.

    Runs of the same profile that were kept before stay, unless one of these
    has their parameters. Each has the commit and the `code_of` the chapter
    that made it.
    """
    made = {"commit": commit(book.root), "code": code_of(chapter)}
    compact = [{"parameters": run["parameters"], **made,
                "records": {name: data["value"] if isinstance(data["value"], str)
                            else float(f"{data['value']:.6g}")
                            for name, data in run["records"].items()}}
               for run in runs]
    path = book.kept / f"{chapter.name}.json"
    before = json.loads(path.read_text()) if path.exists() else {}
    if before.get("profile") == profile:
        new = [run["parameters"] for run in compact]
        origin = {name: before[name] for name in made if name in before}
        compact = [{**origin, **run} for run in before["runs"]
                   if run["parameters"] not in new] + compact
    compact.sort(key=lambda run: sorted(map(str, run["parameters"].items())))
    lines = ",\n".join(json.dumps(run, ensure_ascii=False) for run in compact)
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'{{"profile": "{profile}", "runs": [\n{lines}\n]}}\n')
    return path


def code_of(chapter):
    """Return a hash of the functions that a kept sweep ran.

    They are in the define cells before the one that calls `skip_rest`; their
    layout and docstrings do not count.
    """
    cells = itertools.takewhile(
        lambda cell: not calls_method(cell.filled, "skip_rest"), chapter.code)
    return sha(computation("\n".join(cell.filled for cell in cells
                                     if DEFINE in cell.tags)).encode())


def tabulate(runs, varied):
    """Return, for each setting of the `varied` parameters, its records.

    A record that is a number becomes its mean over runs, their number n and,
    of two or more, the standard error of the mean; a text that is the same in
    all runs stays, any other is left out.
    """
    groups = defaultdict(list)
    for run in runs:
        setting = ", ".join(f"{name} = {run['parameters'][name]}" for name in varied)
        groups[setting].append(run["records"])
    return {setting: _averaged(records) for setting, records in groups.items()}


def _averaged(runs):
    averages = {}
    for name in dict.fromkeys(name for records in runs for name in records):
        found = [records[name] for records in runs if name in records]
        values = [data["value"] for data in found]
        same = all(value == values[0] for value in values)
        if same or len(values) == 1:
            averages[name] = {"mean": values[0], "se": None, "n": len(values),
                              "text": found[0]["text"]}
        elif all(isinstance(value, (int, float)) for value in values):
            mean = statistics.fmean(values)
            se = statistics.stdev(values) / math.sqrt(len(values))
            averages[name] = {"mean": mean, "se": se, "n": len(values),
                              "text": formatted(mean, se=se)}
    return averages


def as_markdown(columns):
    """Write the table of a sweep: a row for each record, a column each setting."""
    names = dict.fromkeys(name for records in columns.values() for name in records)
    counts = {setting: max((data["n"] for data in records.values()), default=0)
              for setting, records in columns.items()}
    heads = [f"{setting or 'mean'} (n = {counts[setting]})" for setting in columns]
    rows = [[name, *(records[name]["text"] if name in records else "–"
                     for records in columns.values())] for name in names]
    return "\n".join(table(["record", *heads], rows, "l" + "r" * len(heads)))
