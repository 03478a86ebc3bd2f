"""Compare two printed records within the tolerance that they state."""

import re
from collections import defaultdict

from nbformat.v4 import new_output

RECORD = re.compile(
    r"^(?P<name>.+?) = (?P<value>[-+−]?[\d.]+(?:e[-+]?\d+)?)(?P<rest>.*?)"
    r"  \[tol (?P<tol>[\d.e+-]+)\]$",
    re.M,
)
ERROR = re.compile(r" ± ([\d.]+(?:e[-+]?\d+)?)")
INTERVAL = re.compile(r" \[(-?[\d.]+), (-?[\d.]+)\]")


def comparable(outputs):
    """Return the printed text alone, with each stream in one piece.

    Records and verifications are printed; a kernel sends a stream in pieces whose
    ends depend on timing.
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
    the value, or by a factor of 2; none is printed where all seeds agree.
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


def _same_kind(rest, reference, tol):
    """Return whether units agree, ends of intervals within `tol`, and standard
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
