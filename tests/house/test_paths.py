"""The course works in a folder of any name."""

import json

import pytest

from tests.conftest import copied


@pytest.fixture
def house(tmp_path, executed_house):
    return copied(tmp_path / "Übungen (neu) & mehr", executed_house)


def test_the_pipeline_works_in_a_folder_of_any_name(house):
    done = house.python("-m", "pytest", "-q", "--nbval", "-p", "no:cacheprovider",
                        "solutions")
    assert "passed" in done.stdout
    done = house.pipeline("sweep", "tiny", "-p", "seed", "0", "1")
    assert "  fresh  tiny seed=0" in done.stdout and "ran  tiny seed=1" in done.stdout
    found = house.root / "build" / "sweeps" / "tiny-quick.json"
    assert len(json.loads(found.read_text())["runs"]) == 2
