"""The course works in a folder of any name."""

import json

import pytest

from tests.conftest import FIXTURES, build


@pytest.fixture
def house(tmp_path):
    return build(tmp_path / "Übungen (neu) & mehr", FIXTURES / "tiny.md",
                 FIXTURES / "tiny_checks.py", FIXTURES / "references.bib")


def test_the_pipeline_works_in_a_folder_of_any_name(house):
    house.pipeline("run")
    house.pipeline("references")
    done = house.python("-m", "pytest", "-q", "--nbval", "-p", "no:cacheprovider",
                        "solutions")
    assert "passed" in done.stdout
    house.pipeline("sweep", "tiny", "-p", "seed", "0", "1")
    found = house.root / "build" / "sweeps" / "tiny-quick.json"
    assert len(json.loads(found.read_text())["runs"]) == 2
