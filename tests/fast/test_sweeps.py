"""Sweeps: means with standard errors over seeds, nothing hidden, and read back."""

import math
import statistics

import matplotlib.pyplot as plt
import pytest

from helpers import CourseError, kept_sweep
from helpers.sweeps import Sweep
from pipeline.records.plot import draw
from pipeline.records.sweep import as_markdown, tabulate


def record(value, text="as recorded"):
    return {"value": value, "se": None, "tol": 1, "unit": "", "text": text}


def a_run(seed, size, **records):
    return {"parameters": {"seed": seed, "size": size}, "records": records}


def test_records_are_averaged_over_seeds_and_over_nothing_else():
    losses = {1: [2.0, 4.0, 9.0], 2: [1.0, 1.5, 2.0]}
    runs = [a_run(seed, size, loss=record(loss))
            for size in losses for seed, loss in enumerate(losses[size])]
    table = tabulate(runs, ["size"])
    assert list(table) == ["size = 1", "size = 2"]
    for size, values in losses.items():
        found = table[f"size = {size}"]["loss"]
        assert found["mean"] == pytest.approx(statistics.fmean(values))
        assert found["se"] == pytest.approx(statistics.stdev(values) / math.sqrt(3))
        assert found["n"] == 3
    assert "| loss | 5.0 ± 2.1 | 1.50 ± 0.29 |" in as_markdown(table)


def test_what_is_no_number_or_missing_is_not_averaged():
    runs = [a_run(0, 1, word=record("same"), other=record("a"), only=record(3.0)),
            a_run(1, 1, word=record("same"), other=record("b"))]
    found = tabulate(runs, [])[""]
    assert set(found) == {"word", "only"}
    assert found["only"]["n"] == 1 and found["only"]["se"] is None


def test_only_numbers_that_vary_between_settings_are_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(plt, "close", lambda figure: None)
    runs = [a_run(seed, size, loss=record(float(size + seed)), same=record(1.0),
                  word=record("ab"[size])) for seed in (0, 2) for size in (0, 1)]
    path = tmp_path / "sweep.png"
    assert draw(tabulate(runs, ["size"]), path)
    assert path.read_bytes().startswith(b"\x89PNG")
    (panel,) = plt.gcf().axes
    assert panel.get_title() == "loss"
    points, _, (bars,) = panel.containers[0]
    assert points.get_ydata().tolist() == [1.0, 2.0]
    assert [segment[:, 1].tolist() for segment in bars.get_segments()] == [
        [0.0, 2.0], [1.0, 3.0]]
    monkeypatch.undo()
    plt.close("all")
    assert not draw(tabulate(runs, []), path) and not path.exists()


def test_a_kept_sweep_is_read_by_setting():
    runs = [{"parameters": {"seed": seed, "only": only}, "records": {"loss": loss}}
            for only, seed, loss in [("a", 0, 1.0), ("a", 1, 3.0), ("b", 0, 2.0)]]
    sweep = Sweep("full", runs)
    assert sweep.values("loss", only="a") == [1.0, 3.0]
    assert sweep.mean("loss", only="a") == {"value": 2.0, "se": 1.0}
    assert sweep.mean("loss", only="b") == {"value": 2.0, "tol": 1e-3}
    for record, only in (("loss", "c"), ("gain", "a")):
        with pytest.raises(CourseError, match="the sweep that is kept has no"):
            sweep.values(record, only=only)
    with pytest.raises(CourseError, match="no sweep of 'nothing' is kept"):
        kept_sweep("nothing")


def test_settings_are_compared_with_their_errors_and_changed_one_at_a_time():
    runs = [{"parameters": {"seed": seed, "only": only},
             "records": {"loss": loss, "right": right}}
            for only, seed, loss, right in [
                ("a", 0, 1.0, 9.0), ("a", 1, 3.0, 8.0), ("b", 0, 7.0, 7.0),
                ("b", 1, 15.0, 8.5), ("c", 0, 0.0, 0.0)]]
    sweep = Sweep("full", runs)
    found = sweep.difference("loss", only=("b", "a"))
    assert found == {"value": 9.0, "se": pytest.approx(math.hypot(1, 4))}
    assert sweep.misordered("loss", "right", only=("a", "b")) == {
        "value": pytest.approx(100 * 2 / 6), "tol": 0.1, "unit": "%"}
    settings = {"a": (1, 2), "b": (1, 3), "c": (2, 3), "d": (1, 2)}
    assert sweep.one_change(settings) == [("a", "b", 1), ("b", "c", 0), ("b", "d", 1)]
