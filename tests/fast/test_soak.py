"""The comparison of runs that `make soak` makes, and the page that tells of it."""

import json

from pipeline.derive.measurements import soak
from tests.soak import KEPT, compare, words


def scrap(value, tol=None):
    return {"value": value, "tol": tol, "text": str(value)}


ONE = {"loss": scrap(1.0, 0.1), "name": scrap("adam"), "runs": scrap(3)}


def test_equal_runs_do_not_differ():
    assert compare(ONE, dict(ONE)) == {
        "records": 3, "unequal": 0, "beyond": [], "most": 0.0, "where": "loss"}


def test_a_difference_is_a_share_of_its_tolerance():
    within = compare(ONE, ONE | {"loss": scrap(1.05, 0.1)})
    assert within["unequal"] == 1 and within["beyond"] == []
    assert within["most"] == 0.5 and within["where"] == "loss"
    beyond = compare(ONE, ONE | {"loss": scrap(0.7, 0.1)})
    assert beyond["beyond"] == ["loss"] and beyond["most"] == 3.0


def test_what_has_no_tolerance_must_be_the_same():
    for other in ({"name": scrap("sgd")}, {"runs": scrap(4)}):
        assert compare(ONE, ONE | other)["beyond"] == list(other)
    short = {name: data for name, data in ONE.items() if name != "runs"}
    assert compare(ONE, short)["beyond"] == ["runs"]


def test_words_are_compared_without_numbers_and_marks(tmp_path):
    (tmp_path / "notebooks").mkdir()
    page = tmp_path / "notebooks" / "vae.html"
    page.write_text("<p>A loss of 1.5 nats</p><h2>run card</h2> 12 s")
    before = words(tmp_path)
    page.write_text("<p>A loss of −2e-3 nats</p><h2>run card</h2> 99 s")
    assert words(tmp_path) == before == {"vae.html": "Alossofnats"}
    page.write_text("<p>A gain of 1.5 nats</p>")
    assert words(tmp_path) != before


def test_the_page_names_what_is_beyond_its_tolerance():
    pair = {"twice": compare(ONE, ONE), "threads": compare(
        ONE, ONE | {"loss": scrap(0.7, 0.1)})}
    broken = {"stopped": [{"after": 3.5, "by": "SIGKILL"}], "left over": 0,
              "same files": True, "same words": False}
    text = soak({"cores": 2, "Python": "3.11", "chapters": {"vae": pair},
                 "interrupted": broken})
    assert "| vae | 3 | 0 | 0 | 1 | 3 |" in text
    assert "Beyond their tolerance: vae, two threads: loss." in text
    assert "interrupted by SIGKILL after 3.5 s" in text
    assert "the same files and not the same words" in text


def test_the_figures_that_are_kept_are_those_of_the_page():
    assert KEPT.with_suffix(".md").read_text() == soak(json.loads(KEPT.read_text()))
