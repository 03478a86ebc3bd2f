"""Sweeps: every combination once, means with standard errors, nothing hidden."""

import itertools
import json
import math
import re
import statistics

import pytest
from pipeline.chapters import load_all
from pipeline.plot import draw
from pipeline.sweep import KEPT, as_markdown, code_of, tabulate

from helpers import CourseError, kept_sweep
from helpers.sweeps import Sweep
from pipeline import freshness
from solutions.nmt import configurations


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
    runs = [a_run(0, 1, word=record("same"), other=record("a"), only=record(3.0),
                  residual={"residual": 0.1}),
            a_run(1, 1, word=record("same"), other=record("b"))]
    found = tabulate(runs, [])[""]
    assert set(found) == {"word", "only"}
    assert found["only"]["n"] == 1 and found["only"]["se"] is None


def test_only_numbers_that_vary_between_settings_are_drawn(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("matplotlib.axes.Axes.errorbar",
                        lambda _, x, y, e, **__: drawn.append((x, y, e)))
    runs = [a_run(seed, size, loss=record(float(size + seed)), same=record(1.0),
                  word=record("ab"[size])) for seed in (0, 2) for size in (0, 1)]
    path = tmp_path / "sweep.png"
    assert draw(tabulate(runs, ["size"]), path) and path.exists()
    assert drawn == [(["size = 0", "size = 1"], [1.0, 2.0], [1.0, 1.0])]
    assert not draw(tabulate(runs, []), path) and not path.exists()


def test_a_sweep_runs_the_product_and_resumes(house):
    words = ["sweep", "tiny", "-p", "size", "2", "4", "-p", "seed", "0", "1"]
    house.edit("book/chapters/tiny.md", "float(square(size))",
               "float(square(size)) + seed")
    house.pipeline("derive")
    done = house.pipeline(*words)
    assert done.stdout.count("    ran  tiny size=") == 4
    assert "| square of the size | 4.50 ± 0.50 | 16.50 ± 0.50 |" in done.stdout
    assert "size = 2 (n = 2) | size = 4 (n = 2)" in done.stdout

    written = json.loads((house.root / "build/sweeps/tiny-quick.json").read_text())
    assert len(written["runs"]) == 4
    assert written["table"]["size = 4"]["square of the size"]["mean"] == 16.5
    assert "and drawn in tiny-quick.png" in done.stdout
    assert (house.root / "build/sweeps/tiny-quick.png").stat().st_size > 1000
    assert house.pipeline(*words).stdout.count("  fresh  tiny size=") == 4


def test_a_kept_sweep_grows_and_says_what_made_it(house):
    for seeds in (["0", "1"], ["1", "2"]):
        done = house.pipeline("sweep", "tiny", "-p", "seed", *seeds, "--keep")
        assert "Kept in helpers/kept/tiny.json" in done.stdout
    kept = json.loads((house.root / "helpers/kept/tiny.json").read_text())
    assert [run["parameters"]["seed"] for run in kept["runs"]] == [0, 1, 2]
    assert all(len(run["code"]) == 64 and run["commit"] for run in kept["runs"])
    assert all(run["records"]["square of the size"] == 9 for run in kept["runs"])


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


def test_the_sweep_of_chapter_8_is_whole_and_of_the_code_that_is_there():
    kept = json.loads((KEPT / "nmt.json").read_text())
    chapter = next(c for c in load_all() if c.name == "nmt")
    found = {(run["parameters"]["only"], run["parameters"]["seed"])
             for run in kept["runs"]}
    assert found == set(itertools.product(configurations(), range(3)))
    assert len(kept["runs"]) == len(found) and kept["profile"] == "full"
    assert {run["code"] for run in kept["runs"]} == {code_of(chapter)}
    (commit,) = {run["commit"] for run in kept["runs"]}
    assert re.fullmatch("[0-9a-f]{12}", commit)


def test_a_run_that_is_asked_for_one_experiment_skips_the_rest(house):
    cell = "```{code-cell} ipython3\n"
    house.edit(house.source, f"{cell}:tags: [nbval-check-output]",
               f"{cell}run.skip_rest()\n```\n\n{cell}:tags: [nbval-check-output]")
    house.edit(house.source, "a, b = torch", "raise SystemError\na, b = torch")
    house.pipeline("derive")
    done = house.pipeline("run", "tiny")
    assert "ran  tiny" in done.stdout


def test_a_failed_run_is_named_left_out_and_counted(house):
    house.edit("book/chapters/tiny.md", "float(square(size))",
               "float(square(size)) / (seed != 1)")
    house.pipeline("derive")
    done = house.pipeline("sweep", "tiny", "-p", "seed", "0", "1", "2", check=False)
    assert done.returncode == 1
    assert "FAILED tiny seed=1" in done.stdout and "mean (n = 2)" in done.stdout


@pytest.mark.parametrize("words, says", [
    (["nothing", "-p", "seed", "1"], "there is no chapter 'nothing'"),
    (["tiny", "-p", "sise", "1"], "tiny has no parameter sise"),
    (["tiny", "-p", "seed"], "-p seed needs at least one value"),
    (["tiny", "-p", "seed", "1", "1"], "a value of seed is given twice"),
    (["tiny", "-p", "seed", "1", "-p", "seed", "2"], "seed is given twice"),
])
def test_a_wrong_sweep_is_refused_before_anything_runs(house, words, says):
    done = house.pipeline("sweep", *words, check=False)
    assert done.returncode == 1 and says in done.stderr
    assert "Traceback" not in done.stderr and not (house.root / "build").exists()


def test_a_page_is_stale_when_the_sweep_that_it_shows_changes(monkeypatch, tmp_path):
    monkeypatch.setattr(freshness, "KEPT", tmp_path)
    chapter = next(c for c in load_all() if c.name == "nmt")
    page = {**chapter.defaults, "profile": "full"}
    single = {**page, "only": "GRU 32, small"}
    keys = []
    for text in ("one", "other"):
        (tmp_path / "nmt.json").write_text(text)
        keys.append([freshness.key(chapter, parameters, {"lock": "same"})
                     for parameters in (page, single)])
    assert keys[0][0] != keys[1][0] and keys[0][1] == keys[1][1]
