"""Keep the records of full runs in the repository, as small JSON files."""

import json

from helpers.scraps import Scraps
from pipeline.run.copies import current

FIELDS = ("value", "se", "unit", "text")


def keep(book, wanted=(), profile="full"):
    """Keep the records of each chapter's current run in book/results.

    `wanted` are names of chapters; all when none is named. Returns the paths that
    changed. Raises BookError for an unknown chapter and when a run is missing or
    stale.
    """
    changed = []
    for chapter in book.choose(wanted):
        path = book.results / f"{chapter.name}.json"
        text = json.dumps(summary(current(book, chapter, profile)), indent=1,
                          ensure_ascii=False) + "\n"
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            changed.append(book.relative(path))
    return changed


def summary(notebook):
    """Return the card and the records of an executed notebook."""
    scraps = Scraps.of(notebook)
    spent = notebook.metadata["course"]["core_seconds"]
    return {
        "run": {**scraps.card, "core seconds": f"{spent:.0f} s"},
        "records": {name: {field: data[field] for field in FIELDS}
                    for name, data in scraps.records.items()},
    }
