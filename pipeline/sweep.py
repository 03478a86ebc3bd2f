"""Run one chapter with every combination of some values; tabulate and draw."""

import ast
import hashlib
import itertools
import json
import math
import statistics
from collections import defaultdict

from helpers.records import formatted
from pipeline import executed
from pipeline.chapters import ROOT, SourceError
from pipeline.derive import refuse_out_of_step
from pipeline.execute import choose_for, execute_all, task_of
from pipeline.freshness import KEPT, commit, ingredients
from pipeline.plot import draw

SWEEPS = ROOT / "build" / "sweeps"
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


def sweep(name, profile, choices, workers=2, keep=False, scheduler=None):
    """Run a chapter once for each combination of `choices`; return the exit code.

    `choices` maps a parameter to the texts of its values. Records are averaged
    over `seed`; every other combination is a column of the table. What is
    fresh is not run again, and what failed is left out and counted. With
    `keep`, a sweep without failures also goes to helpers/kept, for
    `kept_sweep` to read. Raises
    SourceError, before anything runs, for what `run` would refuse, and for a
    value given twice.
    """
    refuse_out_of_step()
    (chapter,) = choose_for([name], profile)
    for parameter, values in choices.items():
        if len(set(values)) < len(values):
            raise SourceError(f"a value of {parameter} is given twice")
    settings = [dict(zip(choices, values, strict=True))
                for values in itertools.product(*choices.values())]
    used = ingredients(chapter)
    tasks = [task_of(chapter, profile, setting, used) for setting in settings]
    outcomes = execute_all(tasks, workers, scheduler)

    runs = [{"parameters": task["parameters"],
             "records": executed.scraps(executed.read(task["target"]))}
            for task, outcome in zip(tasks, outcomes, strict=True)
            if outcome["status"] != "failed"]
    for run in runs:
        for kept_aside in ("run-card", "rest-skipped"):
            run["records"].pop(kept_aside, None)
    varied = [parameter for parameter in choices if parameter != "seed"]
    columns = tabulate(runs, varied)
    path = SWEEPS / f"{name}-{profile}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"runs": runs, "table": columns}, indent=1,
                               ensure_ascii=False) + "\n")
    picture = path.with_suffix(".png")
    drawn = f" and drawn in {picture.name}" if draw(columns, picture) else ""
    print(f"\n{as_markdown(columns)}\n\nWritten to {path.relative_to(ROOT)}{drawn}")
    if keep and len(runs) == len(tasks):
        print(f"Kept in {keep_runs(chapter, profile, runs).relative_to(ROOT)}")
    return int(len(runs) < len(tasks))


def keep_runs(chapter, profile, runs):
    """Write the values of a sweep's runs where a notebook can read them.

    Runs of the same profile that were kept before stay, unless one of these
    has their parameters. Each tells the commit and the `code_of` the chapter
    that made it.
    """
    made = {"commit": commit(), "code": code_of(chapter)}
    compact = [{"parameters": run["parameters"], **made,
                "records": {name: data["value"] if isinstance(data["value"], str)
                            else float(f"{data['value']:.6g}")
                            for name, data in run["records"].items()
                            if "value" in data}}
               for run in runs]
    path = KEPT / f"{chapter.name}.json"
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

    They are in the define cells before `skip_rest`; how they are laid out and
    described does not matter.
    """
    cells = [cell.filled for cell in chapter.code]
    end = next((i for i, text in enumerate(cells) if "skip_rest()" in text), None)
    tree = ast.parse("\n".join(cell.filled for cell in chapter.code[:end]
                               if "define" in cell.tags))
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


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
        if "value" not in found[0]:
            continue
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
    rows = [["record", *heads], ["---", *["---:"] * len(heads)]]
    for name in names:
        rows.append([name, *(records[name]["text"] if name in records else "–"
                             for records in columns.values())])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
