"""Results as a run wrote them: a line to compare, a scrap to read back.

A record is printed as `name = value ± se  [tol t]`, which the regression
tests compare within `t`, and stored in the executed notebook as a scrap in
the format of the scrapbook package, which is also what `glue` reads.
"""

import math

from helpers.display import display
from helpers.errors import CourseError
from helpers.session import current

SCRAP = "application/scrapbook.scrap.json+json"
GLUE = "application/papermill.record/"


def record(name, value, *, se=None, interval=None, tol=None, unit=""):
    """Print and store one result.

    `value` is a number or a short text, `se` its standard error, `interval`
    the ends (low, high) of its confidence interval, written instead of the
    error, and `tol` the difference that another machine may show, all in
    `unit`s. A number that is not an integer needs a `tol` or an `se`.
    """
    value = _plain(value)
    se = None if se is None else float(se)
    if interval is not None:
        low, high = interval = [float(end) for end in interval]
        if not low <= value <= high:
            raise CourseError(f"record({name!r}, …): {value:g} is not between "
                              f"{low:g} and {high:g}")
    if not name.isprintable() or ":" in name or name == "run-card":
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
    text = written(value, se=se, interval=interval, tol=tol)
    line = f"{name} = {text}{' ' + unit if unit else ''}"
    print(line + (f"  [tol {tol:g}]" if tol is not None else ""))
    data = {"value": value, "se": se, "interval": interval, "tol": tol,
            "unit": unit, "text": text}
    current().records[name] = data
    store(name, data, repr(text))


def store(name, data, text=""):
    """Write one scrap into the output of this cell; nothing is shown.

    `text`, a quoted string, is what glue puts into the prose of the site.
    """
    scrap = {"name": name, "data": data, "encoder": "json", "version": 1}
    display(
        {SCRAP: scrap, GLUE + "text/plain": text},
        {"scrapbook": {"name": name, "data": True, "display": False,
                       "mime_prefix": GLUE}},
    )


def results(rows, *, columns=("quantity", "value"), caption=""):
    """Display records as a table.

    `rows` maps a row's heading to a record's name, or to a list of names,
    one for each column after the first.
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


def written(value, *, se=None, interval=None, tol=None):
    """Write a value with the digits that its error or tolerance supports."""
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


def _plain(value):
    if getattr(value, "size", None) == 1 or getattr(value, "numel", int)() == 1:
        value = value.item()
    if isinstance(value, (bool, int, float, str)):
        return value
    raise CourseError(
        f"record() takes one number or text, not {type(value).__name__}"
    )
