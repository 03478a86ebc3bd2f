"""References for nbval: the compared outputs of quick runs, kept in solutions/.

References come from the executed copy of the blank notebook; nbval then runs
the filled one, so that two notebooks must give the same numbers. nbval has no
tolerance of its own; `install` adds one.
"""

from pipeline.derive import refuse_out_of_step
from pipeline.errors import BookError
from pipeline.ipynb import as_text, read
from pipeline.records.tolerance import comparable, within_tolerance
from pipeline.run.copies import current
from pipeline.source.tags import COMPARED, tags_of


def store_references(book, wanted=()):
    """Copy the compared outputs of each quick run into its solution notebook.

    `wanted` are names of chapters; all when none is named. Returns the paths that
    changed. Raises BookError for an unknown chapter and when a run is missing or
    stale.
    """
    refuse_out_of_step(book)
    changed = []
    for chapter in book.choose(wanted):
        run = current(book, chapter, "quick")
        outputs = {cell.id: cell.get("outputs", []) for cell in run.cells}
        path = book.notebook("solutions", chapter.name)
        notebook = read(path)
        for cell in notebook.cells:
            if COMPARED in tags_of(cell):
                cell.outputs = comparable(outputs[cell.id])
                cell.execution_count = 1
        text = as_text(notebook)
        if path.read_text() != text:
            path.write_text(text)
            changed.append(book.relative(path))
    return changed


def refuse_missing_references(path, cells):
    """Raise BookError for a compared cell that nbval would silently skip."""
    for position, cell in enumerate(cells):
        if COMPARED in tags_of(cell) and not (
            cell.get("outputs") and cell.get("execution_count")
        ):
            first = (cell.source.splitlines() or [""])[0]
            raise BookError(
                f"{path}: cell {position} ({first}) is compared but has no "
                "reference: run python -m pipeline references"
            )


def install(plugin):
    """Patch nbval: compare within tolerance, and refuse a missing reference."""
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
            refuse_missing_references(self.path.name, read(self.path).cells)
        return collect(self)

    plugin.IPyNbCell.compare_outputs = compare_outputs
    plugin.IPyNbFile.collect = collect_cells
