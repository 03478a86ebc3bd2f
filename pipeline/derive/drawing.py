"""Draw boxes and arrows as an SVG in the colours of the page around it."""

import textwrap
from dataclasses import dataclass
from html import escape

# In pixels at the width of a phone; the drawing scales up from there.
WIDTH, LEFT, RIGHT = 360, 28, 332
LANES = (342, 353)  # of the arrows that run down on the right
GAP, PADDING, TITLE, LINE = 20, 9, 15, 15
LONGEST = 46  # characters of a line of text

HEAD = ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'role="img" aria-labelledby="{name}-title {name}-desc" style="width:100%;'
        'max-width:30rem;height:auto;color:inherit" font-size="12" '
        'fill="currentColor" stroke="none">')
MARKER = ('<marker id="{name}-head" viewBox="0 0 8 8" refX="7" refY="4" '
          'markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" '
          '/></marker>')


@dataclass(frozen=True)
class Box:
    """A path, the command that writes it, if any, and what it is.

    The first box of a drawing is set apart.
    """

    path: str
    command: str
    text: str

    @property
    def says(self):
        return f"{self.command}: {self.text}" if self.command else self.text

    @property
    def lines(self):
        return textwrap.wrap(self.says, LONGEST)

    @property
    def height(self):
        return 2 * PADDING + TITLE + LINE * len(self.lines)


def drawing(name, title, boxes, trunk, down, right):
    """Return an SVG of boxes below each other, joined by arrows.

    `name` begins its ids. `trunk` are the positions of the boxes to which an
    arrow runs from the first on the left, `down` those of boxes with an arrow
    from the one above, and `right` pairs of positions, at most two, whose arrow
    runs on the right. The description lists all of them in words.
    """
    tops, y = [], 1
    for box in boxes:
        tops.append(y)
        y += box.height + GAP
    middles = [top + box.height / 2 for top, box in zip(tops, boxes, strict=True)]
    x = LEFT / 2
    arrows = [f"M{x:g} {tops[0] + boxes[0].height:g}V{middles[i]:g}H{LEFT - 1}"
              for i in trunk]
    arrows += [f"M{WIDTH / 2:g} {tops[i] - GAP:g}V{tops[i] - 1:g}" for i in down]
    arrows += [f"M{RIGHT} {middles[a] + 8 * n - 4:g}H{lane}V{middles[b]:g}H{RIGHT + 1}"
               for n, ((a, b), lane) in enumerate(zip(right, LANES, strict=False))]
    pairs = [*((0, i) for i in trunk), *((i - 1, i) for i in down), *right]
    says = [f"{box.path}, {box.says}." for box in boxes]
    says += [f"An arrow leads from {boxes[a].path} to {boxes[b].path}."
             for a, b in pairs]
    return "\n".join([
        HEAD.format(name=name, width=WIDTH, height=y - GAP + 1),
        f'<title id="{name}-title">{escape(title)}</title>',
        f'<desc id="{name}-desc">{escape(" ".join(says))}</desc>',
        f"<defs>{MARKER.format(name=name)}</defs>",
        *(line for i, box in enumerate(boxes) for line in _box(box, tops[i], not i)),
        '<g fill="none" stroke="currentColor">',
        *(f'<path d="{path}" marker-end="url(#{name}-head)" />' for path in arrows),
        "</g>", "</svg>"])


def _box(box, top, first):
    left = 1 if first else LEFT
    yield (f'<rect x="{left}" y="{top}" width="{RIGHT - left}" height="{box.height}" '
           f'rx="5" fill-opacity="{0.1 if first else 0}" stroke="currentColor" '
           f'stroke-width="{2 if first else 1}" />')
    y = top + PADDING + 11
    yield (f'<text x="{left + 9}" y="{y}" font-family="monospace" '
           f'font-size="11.7" font-weight="bold">{escape(box.path)}</text>')
    for number, line in enumerate(box.lines):
        y += LINE
        bold = "" if number else box.command
        rest = escape(line.removeprefix(bold))
        yield (f'<text x="{left + 9}" y="{y}">'
               f'<tspan font-weight="bold">{bold}</tspan>{rest}</text>')
