"""The house style of plots, and the two ways to show one."""

import base64
import html
from io import BytesIO

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

from helpers.notebook import display, in_notebook, interactive

# Okabe and Ito's colours, darkened where needed to reach a contrast of 3 : 1
# on white and, inverted, on black; distinct for colour-blind readers.
COLOURS = ("#0072b2", "#d55e00", "#007f5f", "#b0548f", "#8a6d00", "#3f7fae")
INK = "#1b1b1b"

STYLE = {
    "figure.figsize": (6.4, 3.4),
    "figure.constrained_layout.use": True,
    "axes.prop_cycle": mpl.cycler(color=COLOURS),
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "font.size": 11,
    "lines.linewidth": 2.0,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "deep-learning-derived",
    "savefig.dpi": 160,
}


def use_house_style():
    """Make every figure after this one follow the book's style."""
    mpl.rcParams.update(STYLE)


def show(fig, *, alt, caption, picture=False):
    """Display a figure with its caption, then close it.

    `alt` says in words what the figure shows, for a reader who cannot see
    it; `caption` stands below. `picture` marks photographs and image grids,
    whose colours must stay as they are on a dark page. Raises ValueError where
    `alt` or `caption` is empty.

    >>> fig, ax = plt.subplots()
    >>> _ = ax.plot([0, 1], [0, 2])
    >>> show(fig, alt="A line that rises from 0 to 2.", caption="A line.")
    [figure] A line.
    """
    _require(alt=alt, caption=caption)
    image = _image(fig, alt, picture)
    kind = "picture" if picture else "plot"
    _display_html(
        f'<figure class="course-figure {kind}">{image}'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>",
        f"[figure] {caption}",
    )


def explore(draw, values, *, label, alt, caption, start=0, picture=False):
    """Let the reader vary one parameter of a figure.

    `draw(value)` returns a figure for one of `values`; `alt(value)` describes
    it in words; `label` names the parameter; `start` is the position of the
    value shown first. In a batch run every figure is drawn and the page
    shows them under a slider; at a live kernel an ipywidgets slider redraws.

    >>> def draw(slope):
    ...     fig, ax = plt.subplots()
    ...     ax.plot([0, 1], [0, slope])
    ...     return fig
    >>> explore(draw, [1, 2], label="slope", caption="A line.",
    ...         alt=lambda slope: f"A line of slope {slope}.")
    [figure, slope = 1] A line.
    """
    _require(label=label, alt=alt, caption=caption)
    values = list(values)
    if not 0 <= start < len(values):
        raise ValueError(f"start is a position among the {len(values)} values")
    if interactive() and in_notebook():
        display_widget(draw, values, label, alt, caption, start, picture)
        return
    frames = [_image(draw(value), alt(value), picture,
                     hidden=position != start, value=str(value))
              for position, value in enumerate(values)]
    kind = "picture" if picture else "plot"
    _display_html(
        f'<figure class="course-figure course-explore {kind}">'
        f'{"".join(frames)}'
        f'<label hidden><span>{html.escape(label)}</span> '
        f'<input type="range" min="0" max="{len(values) - 1}" step="1" '
        f'value="{start}" aria-valuetext="{html.escape(str(values[start]))}">'
        f" <output>{html.escape(str(values[start]))}</output></label>"
        f"<figcaption>{html.escape(caption)}</figcaption></figure>",
        f"[figure, {label} = {values[start]}] {caption}",
    )


def display_widget(draw, values, label, alt, caption, start=0, picture=False):
    """Show an ipywidgets slider over `values` that redraws; return it."""
    import ipywidgets
    from IPython.display import display as ipython_display

    slider = ipywidgets.SelectionSlider(
        options=[(str(value), value) for value in values],
        value=values[start], description=label, continuous_update=False,
        style={"description_width": "initial"},
    )

    def redraw(value):
        show(draw(value), alt=alt(value), caption=caption, picture=picture)

    figure = ipywidgets.interactive_output(redraw, {"value": slider})
    ipython_display(ipywidgets.VBox([slider, figure]))
    return slider


def image_grid(images, columns, width=7.2):
    """Return a figure of images side by side in rows of `columns`.

    `images` has shape (N, height, width), N a multiple of `columns`, with
    values from 0, paper, to 1, ink. Nothing is rescaled: what lies outside
    is clipped. The figure is about `width` inches wide, so that each pixel has
    a whole number of dots. Raises ValueError if the rows cannot be filled.

    >>> fig = image_grid(np.random.rand(6, 28, 28), columns=3)
    >>> show(fig, alt="Six images of noise.", caption="Noise.", picture=True)
    [figure] Noise.
    """
    images = np.asarray(images)
    full = columns >= 1 and len(images) > 0 and len(images) % columns == 0
    if images.ndim != 3 or not full:
        raise ValueError(
            f"images of shape {images.shape} do not fill rows of {columns}"
        )
    tiles = np.pad(images, [(0, 0), (1, 1), (1, 1)])
    tiles = tiles.reshape(-1, columns, *tiles.shape[1:])
    canvas = np.concatenate([np.concatenate(row, 1) for row in tiles])
    dpi = STYLE["savefig.dpi"]
    dots = max(1, round(width * dpi / canvas.shape[1]))
    height, width = (dots * size / dpi for size in canvas.shape)
    fig, ax = plt.subplots(figsize=(width, height), layout="none")
    ax.set_position([0, 0, 1, 1])
    ax.imshow(canvas, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    ax.set_axis_off()
    return fig


def _require(**texts):
    for name, text in texts.items():
        if not (callable(text) or (isinstance(text, str) and text.strip())):
            raise ValueError(f"a figure needs {name}=, in words")


def _image(fig, alt, picture, hidden=False, value=None):
    """Return an <img> that carries the figure, and close the figure.

    A plot is drawn without background, for the page to show through; the
    inline white is for notebooks, whose dark themes know nothing of it.
    """
    _require(alt=alt)
    kind = "png" if picture else "svg"
    buffer = BytesIO()
    # without a date, equal figures are equal bytes
    undated = {"metadata": {"Date": None}} if kind == "svg" else {}
    fig.savefig(buffer, format=kind, transparent=not picture, **undated)
    plt.close(fig)
    mime = {"png": "image/png", "svg": "image/svg+xml"}[kind]
    data = base64.b64encode(buffer.getvalue()).decode()
    width = round(fig.get_figwidth() * 100)
    extra = f' data-value="{html.escape(value)}"' if value is not None else ""
    return (
        f'<img alt="{html.escape(alt)}" width="{width}"{extra}'
        f'{" hidden" if hidden else ""} '
        f'style="background:#fff;max-width:100%;height:auto" '
        f'src="data:{mime};base64,{data}">'
    )


def _display_html(markup, text):
    display({"text/html": markup, "text/plain": text})
