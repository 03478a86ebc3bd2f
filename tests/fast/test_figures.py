"""Figures say in words what they show, and one mechanism varies them."""

import base64
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from helpers import explore, figures, image_grid, show


@pytest.fixture
def shown(session, monkeypatch):
    bundles = []
    monkeypatch.setattr(figures, "display", lambda bundle: bundles.append(bundle))
    return bundles


def line(slope=1.0):
    fig, ax = plt.subplots()
    ax.plot([0, 1], [0, slope])
    return fig


def test_a_figure_carries_alt_text_and_caption_and_is_closed(shown):
    show(line(), alt='A line "up" & right', caption="It rises by <1>.")
    (bundle,) = shown
    assert 'alt="A line &quot;up&quot; &amp; right"' in bundle["text/html"]
    assert "<figcaption>It rises by &lt;1&gt;.</figcaption>" in bundle["text/html"]
    assert bundle["text/plain"] == "[figure] It rises by <1>."
    assert plt.get_fignums() == []


@pytest.mark.parametrize("texts", [
    {"alt": "", "caption": "x"}, {"alt": "x", "caption": " "}, {"alt": None,
                                                                "caption": "x"},
])
def test_a_figure_without_words_is_refused(shown, texts):
    with pytest.raises(ValueError, match="in words"):
        show(line(), **texts)
    with pytest.raises(TypeError):
        show(line())


def test_equal_figures_are_equal_bytes(shown):
    for _ in range(2):
        show(line(), alt="a", caption="c")
    assert shown[0] == shown[1]


def test_plots_are_drawings_and_pictures_are_pixels(shown):
    show(line(), alt="a", caption="c")
    show(line(), alt="a", caption="c", picture=True)
    for bundle, head in zip(shown, (b"<?xml", b"\x89PNG"), strict=True):
        data = re.search(r'base64,([^"]+)"', bundle["text/html"])[1]
        assert base64.b64decode(data).startswith(head)


def frames(bundle):
    return re.findall(r"<img [^>]*>", bundle["text/html"])


def test_in_a_batch_run_every_frame_is_drawn_and_one_is_shown(shown):
    explore(line, [0.5, 1.0, 2.0], label="slope", caption="A line.",
            alt=lambda slope: f"a line of slope {slope}", start=1)
    images = frames(shown[0])
    assert [" hidden " in image for image in images] == [True, False, True]
    assert [re.search('alt="([^"]+)"', image)[1] for image in images] == [
        f"a line of slope {slope}" for slope in (0.5, 1.0, 2.0)]
    assert 'type="range" min="0" max="2"' in shown[0]["text/html"]


def test_under_a_live_kernel_a_widget_redraws(shown, monkeypatch):
    drawn = []

    def draw(slope):
        drawn.append(slope)
        return line(slope)

    slider = figures.display_widget(draw, [0.5, 1.0, 2.0], "slope", str, "A line.", 1)
    assert slider.value == 1.0 and drawn == [1.0]
    slider.value = 2.0
    assert drawn == [1.0, 2.0]


def test_an_image_grid_fills_rows_and_rescales_nothing(session):
    images = np.zeros((6, 2, 3))
    images[1], images[5] = 0.5, 2.0
    fig = image_grid(images, 3)
    (drawn,) = fig.axes[0].images
    canvas = np.asarray(drawn.get_array())
    assert canvas.shape == (2 * 4, 3 * 5)  # a border of 1 around each
    assert canvas[1:3, 6:9].min() == 0.5 and canvas[5:7, 11:14].min() == 2.0
    assert canvas.sum() == 6 * 0.5 + 6 * 2.0
    assert drawn.get_clim() == (0, 1)
    plt.close(fig)


@pytest.mark.parametrize("shape", [(5, 2, 3), (0, 2, 3), (6, 4)])
def test_an_image_grid_that_does_not_fit_is_refused(shape):
    with pytest.raises(ValueError, match="do not fill rows of 3"):
        image_grid(np.zeros(shape), 3)
