"""Sweeps: every combination once, what failed counted, and the results kept."""

import json

import pytest

from pipeline.records.sweep import keep_runs


def test_a_sweep_runs_the_product_resumes_and_is_kept(house):
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

    again = house.pipeline(*words, "--keep")
    assert again.stdout.count("  fresh  tiny size=") == 4
    assert "Kept in helpers/kept/tiny.json" in again.stdout
    kept = json.loads((house.root / "helpers/kept/tiny.json").read_text())
    assert [run["records"]["square of the size"] for run in kept["runs"]] == [
        4.0, 16.0, 5.0, 17.0]


def test_a_kept_sweep_grows_and_says_what_made_it(house):
    def keep(profile, *seeds, loss=1.0):
        runs = [{"parameters": {"profile": profile, "seed": seed, "size": 3},
                 "records": {"loss": {"value": loss + seed}}} for seed in seeds]
        path = keep_runs(house.book, house.book.chapter("tiny"), profile, runs)
        return json.loads(path.read_text())

    keep("quick", 0, 1)
    kept = keep("quick", 2, 1, loss=5.0)
    assert [run["parameters"]["seed"] for run in kept["runs"]] == [0, 1, 2]
    assert [run["records"]["loss"] for run in kept["runs"]] == [1.0, 6.0, 7.0]
    assert all(len(run["code"]) == 64 and run["commit"] for run in kept["runs"])
    assert len(keep("full", 4)["runs"]) == 1  # those of another profile go


def test_a_failed_run_is_named_left_out_and_counted(executed):
    executed.edit("book/chapters/tiny.md", "float(square(size))",
                  "float(square(size)) / (seed != 1)")
    executed.pipeline("derive")
    done = executed.pipeline("sweep", "tiny", "-p", "seed", "0", "1", "--keep",
                             check=False)
    assert done.returncode == 1
    assert "FAILED tiny seed=1" in done.stdout and "mean (n = 1)" in done.stdout
    assert not (executed.root / "helpers/kept/tiny.json").exists()


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
    assert not (house.root / "build").exists()
