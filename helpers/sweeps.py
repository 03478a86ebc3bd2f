"""Results of sweeps that take longer than a page may, stored with the book."""

import itertools
import json
import math
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
        """Return a record's value in each run of a setting, seed by seed.

        Raises CourseError where a run lacks the record, and for a setting
        without runs.
        """
        found = [run["records"] for run in self.runs
                 if setting.items() <= run["parameters"].items()]
        if not found or not all(record in records for records in found):
            raise CourseError(
                f"the sweep that is kept has no {record!r} for {setting}; run "
                "it again with python -m pipeline sweep … --keep"
            )
        return [records[record] for records in found]

    def mean(self, record, **setting):
        """Return a record's mean over seeds with its standard error.

        The result is a dict of arguments for `record`: `value` and `se`. A
        single run has no standard error; it gets `tol`, the precision of a
        stored number.

        >>> runs = [{"parameters": {"seed": seed}, "records": {"loss": loss}}
        ...         for seed, loss in enumerate([1.0, 3.0])]
        >>> Sweep("full", runs).mean("loss")
        {'value': 2.0, 'se': 1.0}
        """
        values = self.values(record, **setting)
        if len(values) == 1:
            return {"value": values[0], "tol": 1e-3}
        return {"value": statistics.fmean(values),
                "se": statistics.stdev(values) / len(values)**0.5}

    def difference(self, record, **setting):
        """Return the difference of a record's means under two settings.

        One parameter is given a pair of values; the mean under the second is
        subtracted from the mean under the first. The result is a dict of
        arguments for `record`: `value` and `se`, the standard error for
        independent runs.
        """
        ((name, (one, other)),) = setting.items()
        one, other = (self.mean(record, **{name: each}) for each in (one, other))
        return {"value": one["value"] - other["value"],
                "se": math.hypot(one["se"], other["se"])}

    def misordered(self, record, by, **among):
        """Return the percentage of discordant pairs of runs.

        A pair is discordant if the two records rank its runs in opposite
        order, where a lower `record` and a higher `by` are better. `among`
        gives one parameter with the values of the runs that are compared. The
        result is a dict of arguments for `record`: `value`, `tol` and `unit`.
        """
        ((name, values),) = among.items()
        runs = [run["records"] for run in self.runs
                if run["parameters"][name] in values]
        pairs = list(itertools.combinations(
            [(run[record], run[by]) for run in runs], 2))
        against = [(a - c) * (b - d) > 0 for (a, b), (c, d) in pairs]
        return {"value": 100 * statistics.fmean(against), "tol": 0.1, "unit": "%"}

    @staticmethod
    def one_change(settings):
        """Return the pairs of named settings that differ in exactly one entry.

        `settings` maps a name to a tuple, all of one length. Each pair is a
        tuple of the two names, in their order, and the index of the entry.
        """
        found = []
        for (a, one), (b, other) in itertools.combinations(settings.items(), 2):
            places = [i for i, (x, y) in enumerate(zip(one, other, strict=True))
                      if x != y]
            if len(places) == 1:
                found.append((a, b, places[0]))
        return found


def kept_sweep(chapter):
    """Return the Sweep that `python -m pipeline sweep CHAPTER … --keep` stored.

    Raises CourseError for a chapter without one.

    >>> kept_sweep("text_and_images").profile
    'full'
    """
    folder = files("helpers").joinpath("kept")
    path = folder.joinpath(f"{chapter}.json")
    if not path.is_file():
        known = sorted(p.name.removesuffix(".json") for p in folder.iterdir())
        raise CourseError(f"no sweep of {chapter!r} is kept; there is one of "
                          f"{names(known)}")
    kept = json.loads(path.read_text())
    return Sweep(kept["profile"], kept["runs"])
