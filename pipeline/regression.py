"""References for nbval, and the tolerance that nbval lacks.

References come from the executed copy of the blank notebook; nbval then runs
the filled one, so that the same numbers are reached by two paths.
"""

import re
from collections import defaultdict

from nbformat.v4 import new_output

from pipeline import executed
from pipeline.chapters import COMPARED, ROOT, SourceError, choose
from pipeline.derive import refuse_out_of_step, written

RECORD = re.compile(
    r"^(?P<name>.+?) = (?P<value>[-+−]?[\d.]+(?:e[-+]?\d+)?)(?P<rest>.*?)"
    r"  \[tol (?P<tol>[\d.e+-]+)\]$",
    re.M,
)
ERROR = re.compile(r" ± ([\d.]+(?:e[-+]?\d+)?)")
INTERVAL = re.compile(r" \[(-?[\d.]+), (-?[\d.]+)\]")


def store_references(names=()):
    """Copy the compared outputs of each quick run into its solution notebook.

    `names` are those of the chapters wanted; all when none is named. Returns
    the paths that changed. Raises SourceError for an unknown chapter and when
    a run is missing or stale.
    """
    refuse_out_of_step()
    changed = []
    for chapter in choose(names):
        run = executed.fresh(chapter, {**chapter.defaults, "profile": "quick"})
        outputs = {cell.id: cell.get("outputs", []) for cell in run.cells}
        path = ROOT / "solutions" / f"{chapter.name}.ipynb"
        notebook = executed.read(path)
        for cell in notebook.cells:
            if COMPARED in cell.metadata.get("tags", []):
                cell.outputs = comparable(outputs[cell.id])
                cell.execution_count = 1
        text = written(notebook)
        if path.read_text() != text:
            path.write_text(text)
            changed.append(path.relative_to(ROOT))
    return changed


def comparable(outputs):
    """Keep the printed text, which records and verifications are.

    A kernel cuts a stream where time happens to; here each stream is whole.
    """
    streams = defaultdict(str)
    for output in outputs:
        if output.output_type == "stream":
            streams[output.name] += output.text
    return [new_output("stream", name=name, text=text)
            for name, text in streams.items()]


def within_tolerance(text, reference):
    """Return `text` with each record that is within tolerance of the
    reference's replaced by it, so that equal means equal enough.

    The tolerance is the reference's: a run cannot widen its own. A standard
    error from few seeds has no stable digit, so it may differ by as much as
    the value, or by a factor of 2; where all seeds agree none is printed.
    """
    expected = {match["name"]: match for match in RECORD.finditer(reference)}

    def snap(match):
        known = expected.get(match["name"])
        if known is None:
            return match[0]
        tol = float(known["tol"]) * (1 + 1e-9)
        gap = abs(_number(match["value"]) - _number(known["value"]))
        same = gap <= tol and _same_kind(match["rest"], known["rest"], tol)
        return known[0] if same else match[0]

    return RECORD.sub(snap, text)


def refuse_missing_references(path, cells):
    """Raise SourceError for a compared cell that nbval would skip in silence."""
    for position, cell in enumerate(cells):
        if COMPARED in cell.metadata.get("tags", []) and not (
            cell.get("outputs") and cell.get("execution_count")
        ):
            first = (cell.source.splitlines() or [""])[0]
            raise SourceError(
                f"{path}: cell {position} ({first}) is compared but has no "
                "reference: run python -m pipeline references"
            )


def install(plugin):
    """Teach nbval's cell comparison tolerance, and to refuse an empty one."""
    compare = plugin.IPyNbCell.compare_outputs
    collect = plugin.IPyNbFile.collect

    def compare_outputs(self, test, ref, skip_compare=None):
        test = comparable(test)
        printed = "\n".join(o["text"] for o in ref if o.output_type == "stream")
        for output in test:
            if output.output_type == "stream":
                output["text"] = within_tolerance(output["text"], printed)
        return compare(self, test, ref, skip_compare)

    def collect_cells(self):
        if "solutions" in self.path.parts:
            refuse_missing_references(self.path.name, executed.read(self.path).cells)
        return collect(self)

    plugin.IPyNbCell.compare_outputs = compare_outputs
    plugin.IPyNbFile.collect = collect_cells


def _same_kind(rest, reference, tol):
    """Tell whether units agree, ends of intervals within `tol`, and standard
    errors nearly."""
    units, intervals = [], []
    for text in (rest, reference):
        units.append(INTERVAL.sub("", ERROR.sub("", text)))
        found = INTERVAL.search(text)
        intervals.append([float(end) for end in found.groups()] if found else [])
    if units[0] != units[1]:
        return False
    if all(intervals) and any(abs(one - other) > tol
                              for one, other in zip(*intervals, strict=True)):
        return False
    errors = [ERROR.search(text) for text in (rest, reference)]
    one, other = (float(error[1]) if error else 0.0 for error in errors)
    return abs(one - other) <= tol or other / 2 < one < other * 2


def _number(text):
    return float(text.replace("−", "-"))
