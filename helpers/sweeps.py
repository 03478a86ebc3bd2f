"""Results of sweeps that take longer than a page may, kept with the book."""

import json
import statistics
from dataclasses import dataclass
from importlib.resources import files

from helpers.errors import CourseError, names


@dataclass
class Sweep:
    """Runs of one chapter with several settings of its parameters."""

    profile: str
    runs: list

    def values(self, record, **setting):
        """Return a record's value in each run of a setting, seed by seed."""
        found = [run["records"] for run in self.runs
                 if setting.items() <= run["parameters"].items()]
        if not found or not all(record in records for records in found):
            raise CourseError(
                f"the sweep that is kept has no {record!r} for {setting}; run "
                "it again with python -m pipeline sweep … --keep"
            )
        return [records[record] for records in found]

    def mean(self, record, **setting):
        """Return a record's mean over seeds and its standard error, by name.

        The names are those that `record` takes: `value` and `se`. A single
        run has no standard error, and gets the `tol` of a stored number.
        """
        values = self.values(record, **setting)
        if len(values) == 1:
            return {"value": values[0], "tol": 1e-3}
        return {"value": statistics.fmean(values),
                "se": statistics.stdev(values) / len(values)**0.5}


def kept_sweep(chapter):
    """Return the Sweep that `python -m pipeline sweep CHAPTER … --keep` kept."""
    folder = files("helpers").joinpath("kept")
    path = folder.joinpath(f"{chapter}.json")
    if not path.is_file():
        known = sorted(p.name.removesuffix(".json") for p in folder.iterdir())
        raise CourseError(f"no sweep of {chapter!r} is kept; there is one of "
                          f"{names(known)}")
    kept = json.loads(path.read_text())
    return Sweep(kept["profile"], kept["runs"])
