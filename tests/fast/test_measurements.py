"""The tables of what benchmarks measured are those of the kept figures."""

import json

from pipeline.derive import measurements
from tests.conftest import BOOK, ROOT

SCALE = BOOK.results / "scale.json"


def test_the_table_of_costs_is_that_of_the_measurement():
    seconds = {"one loop": 20, "two loops": 10, "local": 15, "cluster": 8}
    rows = [{"way": way, "notebooks": number, "seconds": spent * number / 10,
             "core_seconds": 2 * spent * number / 10, "rest": number / 10}
            for number in (10, 20) for way, spent in seconds.items()]
    text = measurements.scale({"cores": 2, "Python": "3", "papermill": "4",
                               "distributed": "5", "rows": rows})
    assert text.splitlines()[0] == "|  | 10 notebooks | 20 notebooks |"
    assert ("| seconds of a notebook, papermill, two loops | 1.00 | 1.00 |\n"
            "| seconds of a notebook, `sweep`, two processes "
            "| 1.50 (+0.50, 1.5×) | 1.50 (+0.50, 1.5×) |") in text
    assert "`sweep`, two dask workers | 1.60 (−0.40, 0.8×)" in text
    assert "go from 1.00 to 1.00 in processes of this machine, and from " in text
    assert "other programs kept 1.0 to 2.0 cores busy" in text


def test_the_books_table_of_costs_is_whole_and_in_step():
    measured = json.loads(SCALE.read_text())
    found = {(row["way"], row["notebooks"]) for row in measured["rows"]}
    assert found == {(method, number) for method in measurements.METHODS
                     for number in (10, 50, 200)}
    assert SCALE.with_suffix(".md").read_text() == measurements.scale(measured)
    assert "```{include} results/scale.md" in (ROOT / "book" / "scale.md").read_text()
