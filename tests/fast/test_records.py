"""A record is printed, compared within its tolerance, stored and read back."""

import io
import math
from contextlib import redirect_stdout

import pytest
import torch

from helpers import CourseError, record, results
from helpers.records import formatted
from helpers.scraps import GLUE, SCRAP


def printed(*arguments, **options):
    out = io.StringIO()
    with redirect_stdout(out):
        record(*arguments, **options)
    return out.getvalue().splitlines()[0]


@pytest.mark.parametrize("arguments, options, line", [
    (("loss", 1.23456), {"tol": 0.01}, "loss = 1.23  [tol 0.01]"),
    (("loss", 1.23456), {"se": 0.0234}, "loss = 1.235 ± 0.023"),
    (("gain", 9.21), {"interval": (6.04, 12.3), "tol": 1},
     "gain = 9.2 [6.0, 12.3]  [tol 1]"),
    (("gain", 0.0), {"interval": (0, 0), "tol": 1}, "gain = 0  [tol 1]"),
    (("loss", torch.tensor(1.5)), {"tol": 0.1, "unit": "nats"},
     "loss = 1.5 nats  [tol 0.1]"),
    (("count", 3), {}, "count = 3"),
    (("kl", math.inf), {"tol": 0.1}, "kl = ∞  [tol 0.1]"),
    (("winner", "forward"), {}, "winner = forward"),
])
def test_the_line_shows_the_digits_that_are_known(session, arguments, options, line):
    assert printed(*arguments, **options) == line


def test_a_measured_number_needs_to_say_how_sure_it_is(session):
    with pytest.raises(CourseError, match="give it tol"):
        record("loss", 1.5)
    with pytest.raises(CourseError, match="one number or text"):
        record("loss", [1.5], tol=1)


@pytest.mark.parametrize("arguments, options", [
    (("verify:x", 1), {}), (("a: b", 1), {}),
    (("run-card", 1), {}), (("rest-skipped", 1), {}), (("two\nlines", 1), {}),
    (("x", 1.0), {"se": math.nan}), (("x", 1.0), {"tol": -1.0}),
    (("x", 1.0), {"interval": (2, 3), "tol": 1.0}),
    (("x", math.nan), {"tol": 1.0}), (("x", torch.zeros(2)), {"tol": 1.0}),
])
def test_what_cannot_be_recorded_is_refused_in_words(session, arguments, options):
    with pytest.raises(CourseError):
        record(*arguments, **options)


def test_a_table_is_made_of_records(session, capsys):
    record("a", 1.0, tol=0.1, unit="nats")
    record("b", 2.0, tol=0.1)
    results({"both": ["a", "b"]}, columns=("what", "A", "B"), caption="Two.")
    assert "| both | 1.0 nats | 2.0 |" in capsys.readouterr().out
    with pytest.raises(CourseError, match="nothing was recorded as 'c'"):
        results({"c": "c"})


def test_the_scrap_has_the_form_that_scrapbook_and_glue_read(session, monkeypatch):
    shown = []
    monkeypatch.setattr("helpers.scraps.display", lambda *a: shown.append(a))
    record("loss", 1.5, tol=0.1)
    ((bundle, metadata),) = shown
    assert bundle[SCRAP]["name"] == "loss" and bundle[SCRAP]["version"] == 1
    assert bundle[SCRAP]["encoder"] == "json"
    assert bundle[SCRAP]["data"]["value"] == 1.5
    assert bundle[GLUE + "text/plain"] == "'1.5'"
    assert metadata["scrapbook"]["data"] is True
    assert metadata["scrapbook"]["mime_prefix"] == GLUE


def test_infinite_and_tiny_values_are_written():
    assert formatted(-math.inf) == "−∞" and formatted(1e-9) == "1e-09"
