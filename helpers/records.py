"""Results as a run wrote them: a line to compare, a scrap to read back.

A record is printed as `name = value ± se  [tol t]`, which the regression
tests compare within `t`, and stored in the executed notebook as a scrap.
"""

import math

from helpers.errors import CourseError
from helpers.notebook import display
from helpers.run import current
from helpers.scraps import is_reserved, write_record
from helpers.values import as_scalar


def record(name, value, *, se=None, interval=None, tol=None, unit=""):
    """Print and store one result.

    `value` is a number or a short text, `se` its standard error, `interval`
    the ends (low, high) of its confidence interval, written instead of the
    error, and `tol` the tolerance: the difference that another machine may
    show; all in `unit`s. Raises CourseError for a number that is not an integer
    and has neither `tol` nor `se`, and for a name that is reserved.

    >>> from helpers import record, start
    >>> run = start("gan", profile="quick", seed=0)
    >>> record("loss", 1.23456, tol=0.01, unit="nats")
    loss = 1.23 nats  [tol 0.01]
    >>> record("gain", 2.7182, se=0.05)
    gain = 2.718 ± 0.050
    """
    try:
        value = as_scalar(value)
    except TypeError:
        raise CourseError(f"record() takes one number or text, not "
                          f"{type(value).__name__}") from None
    se = None if se is None else float(se)
    if interval is not None:
        low, high = interval = [float(end) for end in interval]
        if not low <= value <= high:
            raise CourseError(f"record({name!r}, …): {value:g} is not between "
                              f"{low:g} and {high:g}")
    if not name.isprintable() or ":" in name or is_reserved(name):
        raise CourseError(f"{name!r} cannot be the name of a record")
    for what, size in (("se", se), ("tol", tol)):
        if size is not None and not (math.isfinite(size) and size >= 0):
            raise CourseError(f"record({name!r}, …): {what} = {size} is no error")
    if value != value:
        raise CourseError(f"record({name!r}, …) is not a number: nan")
    if isinstance(value, float) and tol is None and se is None:
        raise CourseError(
            f"record({name!r}, …) is a measured number: give it tol, "
            "how far another machine may be from it, or se"
        )
    text = formatted(value, se=se, interval=interval, tol=tol)
    line = f"{name} = {text}{' ' + unit if unit else ''}"
    print(line + (f"  [tol {tol:g}]" if tol is not None else ""))
    data = {"value": value, "se": se, "interval": interval, "tol": tol,
            "unit": unit, "text": text}
    current().records[name] = data
    write_record(name, data, text)


def results(rows, *, columns=("quantity", "value"), caption=""):
    """Display records as a table.

    `rows` maps a row's heading to a record's name, or to a list of names,
    one for each column after the first. Raises CourseError for a name under
    which nothing was recorded.

    >>> from helpers import record, results, start
    >>> run = start("gan", profile="quick", seed=0)
    >>> record("loss", 1.23456, tol=0.01, unit="nats")
    loss = 1.23 nats  [tol 0.01]
    >>> results({"the generator's loss": "loss"})
    | quantity | value |
    | --- | ---: |
    | the generator's loss | 1.23 nats |
    """
    records = current().records
    table = [columns, ["---"] + ["---:"] * (len(columns) - 1)]
    for heading, wanted in rows.items():
        wanted = [wanted] if isinstance(wanted, str) else list(wanted)
        missing = [name for name in wanted if name not in records]
        if missing:
            raise CourseError(f"nothing was recorded as {missing[0]!r}")
        table.append([heading, *(_cell(records[name]) for name in wanted)])
    lines = ["| " + " | ".join(row) + " |" for row in table]
    if caption:
        lines += ["", f"*{caption}*"]
    text = "\n".join(lines)
    display({"text/markdown": text, "text/plain": text})


def formatted(value, *, se=None, interval=None, tol=None):
    """Return a value as text, with the digits that its error or tolerance supports.

    >>> formatted(1.23456, se=0.0234)
    '1.235 ± 0.023'
    """
    if not isinstance(value, float) or not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, str(value))
    low, high = interval or (0, 0)
    if size := (high - low) / 4 or se:
        decimals = max(0, 1 - math.floor(math.log10(size)))
        error = (f"[{low:.{decimals}f}, {high:.{decimals}f}]" if interval else
                 f"± {se:.{decimals}f}")
        return f"{value:.{decimals}f} {error}"
    if tol:
        return f"{value:.{max(0, -math.floor(math.log10(tol)))}f}"
    return f"{value:.4g}"


def _cell(data):
    return data["text"] + (f" {data['unit']}" if data["unit"] else "")
