"""Tables in Markdown."""


def table(heads, rows, align=""):
    """Return the lines of a table.

    `align` has a letter for each column: "l" or "r"; those without one are "l".
    """
    rules = ["---:" if side == "r" else "---" for side in align.ljust(len(heads), "l")]
    return [_line(heads), f"|{'|'.join(rules)}|", *map(_line, rows)]


def _line(cells):
    return f"| {' | '.join(map(str, cells))} |"
