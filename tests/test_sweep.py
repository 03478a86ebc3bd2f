"""Sweeps: every combination once, means with standard errors, nothing hidden."""

import json
import math
import statistics

import pytest

from pipeline.sweep import as_markdown, tabulate


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
    assert house.pipeline(*words).stdout.count("  fresh  tiny size=") == 4


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
