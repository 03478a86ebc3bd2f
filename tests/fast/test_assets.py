"""Assets: pinned, checked each time, and never half there."""

import contextlib
import io
import os
import pickle
import subprocess
import zipfile
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pyarrow
import pytest
import torch
from pyarrow import parquet

import helpers
from helpers import (
    CourseError,
    load_award_abstracts,
    load_award_titles,
    load_mnist,
    load_movie_reviews,
    load_xsum_test,
)
from helpers.data import assets, registry
from helpers.data.assets import manifest
from helpers.data.images import load_arrays
from pipeline.run import prefetch as prefetching
from tests.conftest import BOOK

CONTENT = {"pkg/data.bin": b"some bytes" * 1000, "pkg/other.bin": b"more"}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("COURSE_CACHE", str(folder))
    return folder


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "pkg-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in CONTENT.items():
            archive.writestr(name, data)
        archive.writestr("pkg/__init__.py", "raise SystemExit('code was run')")
    return path


def source(wheel, keep=("pkg/data.bin",), **changes):
    digest = {}
    for name in keep:
        copy = wheel.with_name("member")
        copy.write_bytes(CONTENT[name])
        digest[name] = assets.sha256(copy)
    return {"kind": "pip", "package": "pkg", "version": "1.0", "megabytes": 1,
            "sha256": assets.sha256(wheel), "members": digest, **changes}


@pytest.fixture
def serve(monkeypatch, wheel):
    """Let the manifest hold one asset and the client fetch the local wheel."""
    calls = []

    def download(wanted, folder, name):
        calls.append(wanted["package"])
        if wanted["package"] == "gone":
            raise CourseError("pip could not reach it, is there a network?")
        copy = folder / wheel.name
        copy.write_bytes(wheel.read_bytes())
        return copy

    def install(*sources):
        entry = {"thing": {"title": "t", "terms": "t", "sources": list(sources)}}
        monkeypatch.setattr(assets, "manifest", lambda: entry)
        monkeypatch.setattr(assets, "download", download)
        return calls

    return install


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_an_asset_is_fetched_once_and_only_what_is_needed(session, cache, wheel, serve):
    calls = serve(source(wheel))
    path = helpers.asset("thing")
    assert path.read_bytes() == CONTENT["pkg/data.bin"]
    assert files(cache) == ["thing/pkg-1.0/data.bin"]
    assert helpers.asset("thing") == path and calls == ["pkg"]
    assert session.data == {"thing": assets.sha256(wheel)}


def test_several_members_are_a_folder(session, cache, wheel, serve):
    serve(source(wheel, keep=tuple(CONTENT)))
    assert files(helpers.asset("thing")) == ["data.bin", "other.bin"]


def test_one_flipped_byte_is_noticed_named_and_mended(session, cache, wheel, serve,
                                                      capsys):
    calls = serve(source(wheel))
    path = helpers.asset("thing")
    data = bytearray(path.read_bytes())
    data[17] ^= 1
    path.write_bytes(data)
    assert helpers.asset("thing").read_bytes() == CONTENT["pkg/data.bin"]
    assert f"{path} is damaged: fetching thing again" in capsys.readouterr().out
    assert calls == ["pkg", "pkg"]


def test_a_second_source_steps_in(session, cache, wheel, serve):
    calls = serve(source(wheel, package="gone"), source(wheel))
    assert helpers.asset("thing").read_bytes() == CONTENT["pkg/data.bin"]
    assert calls == ["gone", "pkg"]


@pytest.mark.parametrize("changes, says", [
    ({"sha256": "0" * 64}, "was pinned: it was damaged on the way"),
    ({"package": "gone"}, "pip gone: pip could not reach it"),
    ({"members": {"pkg/none.bin": "0"}}, "does not hold pkg/none.bin"),
    ({"members": {"pkg/data.bin": "0"}}, "is not the file that was pinned"),
    ({"megabytes": 10**9}, "are needed: free some, or point COURSE_CACHE"),
])
def test_a_failure_gets_one_message_and_leaves_no_half_file(session, cache, wheel,
                                                            serve, changes, says):
    serve(source(wheel, **changes))
    with pytest.raises(CourseError, match="'thing' could not be fetched") as stop:
        helpers.asset("thing")
    assert says in str(stop.value) and "run this again" in str(stop.value)
    assert not list(cache.rglob("*.part")) and session.data == {}


def test_a_full_disk_is_named_and_recovered_from(session, tmp_path, wheel, serve,
                                                 monkeypatch):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        monkeypatch.setenv("COURSE_CACHE", str(disk / "cache"))
        serve(source(wheel, megabytes=0))
        filler = disk / "filler"
        with contextlib.suppress(OSError), open(filler, "wb") as file:
            while True:
                file.write(bytes(4096))
        with pytest.raises(CourseError, match="No space left"):
            helpers.asset("thing")
        assert files(disk) == ["filler"]
        filler.unlink()
        assert helpers.asset("thing").read_bytes() == CONTENT["pkg/data.bin"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_read_only_cache_is_named(session, cache, wheel, serve, monkeypatch):
    serve(source(wheel))

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(assets.shutil, "disk_usage", refuse)
    with pytest.raises(CourseError, match="make it writable, or point COURSE_CACHE"):
        helpers.asset("thing")


def test_a_missing_client_is_named(session, cache, monkeypatch):
    monkeypatch.setattr(registry.shutil, "which", lambda name: None)
    with pytest.raises(CourseError, match="npm is not installed"):
        helpers.asset("mnist")


def test_an_unknown_asset_names_the_known(session, monkeypatch):
    monkeypatch.setattr(assets, "manifest", lambda: {"old_faithful": {}, "mnist": {}})
    known = "'imagenet'; the book has mnist and old_faithful$"
    with pytest.raises(CourseError, match=known):
        helpers.asset("imagenet")


def test_what_comes_with_a_package_is_checked_too(session, monkeypatch):
    path = helpers.asset("old_faithful")
    assert path.read_text().splitlines()[0] == '"eruptions","waiting"'
    entry = assets.manifest()["old_faithful"]
    assert session.data["old_faithful"] in str(entry)
    for changes, says in [
        ({"members": {"data/faithful.csv": "0" * 64}}, "was pinned. Try: pip install"),
        ({"package": "no_such_package"}, "pip install no_such_package"),
        ({"members": {"data/nothing.csv": "0"}}, "does not ship data/nothing.csv"),
    ]:
        bad = {**entry, "sources": [{**entry["sources"][0], **changes}]}
        monkeypatch.setattr(assets, "manifest", lambda bad=bad: {"old_faithful": bad})
        with pytest.raises(CourseError, match=says):
            helpers.asset("old_faithful")


def test_a_pickle_may_hold_arrays_and_nothing_else():
    arrays = (np.arange(3.0), [np.ones((2, 2))])
    found = load_arrays(pickle.dumps(arrays, protocol=2))
    assert np.array_equal(found[0], arrays[0])
    for bad in (os.system, print, io.BytesIO, torch.device("cpu")):
        with pytest.raises(CourseError, match="which is no array"):
            load_arrays(pickle.dumps(bad))


def test_the_two_sources_of_mnist_are_the_same_digits(tmp_path):
    """The IDX reader and the pickle reader, on one small set in both forms."""
    import gzip

    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (7, 28, 28), dtype=np.uint8)
    labels = rng.integers(0, 10, 7, dtype=np.uint8)
    splits = [(images[a:b].reshape(-1, 784).astype(np.float32) / 256,
               labels[a:b].astype(np.int64)) for a, b in [(0, 3), (3, 5), (5, 7)]]
    packed = tmp_path / "mnist.pkl.gz"
    with gzip.open(packed, "wb") as file:
        pickle.dump(tuple(splits), file, protocol=2)
    folder = tmp_path / "idx"
    folder.mkdir()
    for kind, part in [("train", slice(0, 5)), ("t10k", slice(5, 7))]:
        (folder / f"{kind}-images-idx3-ubyte").write_bytes(
            bytes(16) + images[part].tobytes())
        (folder / f"{kind}-labels-idx1-ubyte").write_bytes(
            bytes(8) + labels[part].tobytes())
    for one, other in zip(load_mnist(packed), load_mnist(folder), strict=True):
        assert torch.equal(one, other) and one.dtype == torch.uint8


def test_of_tables_the_texts_alone_are_read(tmp_path):
    path = tmp_path / "awards.csv"
    path.write_text('grant_id,text\n1,"<title>T</title>\n<abstract>One,\n two.'
                    '</abstract>\n<outcomes>no</outcomes>"\n2,nothing\n')
    assert load_award_abstracts(path) == ["One, two."]
    path.write_text("text,label,source\nGood<br /><br />film.,1,imdb\n"
                    "short,0,rotten_tomatoes\n")
    assert load_movie_reviews(path) == ["Good film."]


def test_pairs_are_told_apart_by_title_and_by_sentences(tmp_path):
    text = [f"Sentence {i} says more." for i in range(12)]
    end = ("This award reflects NSF's statutory mission and has been deemed worthy "
           "of support through evaluation using the Foundation's criteria.")
    rows = [
        ("Collaborative Research:  Ice\nand snow", f"{' '.join(text[:5])} {end}"),
        ("COLLABORATIVE RESEARCH: Ice and Snow!", "Something else."),
        ("Renewed", " ".join([*text[3:5], *text[5:9]])),  # two of six are known
        ("Related", " ".join([text[4], *text[5:9]])),  # one of five
        ("Nothing", None), (None, "No title."),
    ]
    path = tmp_path / "awards.parquet"
    parquet.write_table(pyarrow.table({
        "title": [title for title, _ in rows],
        "abstractText": [abstract for _, abstract in rows],
        "other": [1] * len(rows)}), path)
    assert load_award_titles(path) == [
        {"document": " ".join(text[:5]), "summary": "Ice and snow"},
        {"document": " ".join([text[4], *text[5:9]]), "summary": "Related"},
    ]


def test_news_are_read_line_by_line(tmp_path):
    path = tmp_path / "test.jsonl"
    path.write_text('{"id": 1, "document": "It\\nrained.", "summary": "Rain."}\n')
    assert load_xsum_test(path) == [{"document": "It rained.", "summary": "Rain."}]


class Named:
    """A book of one chapter that names an asset with this entry."""

    def __init__(self, **entry):
        self.assets = {"thing": entry}

    def choose(self, wanted, profile):
        return [SimpleNamespace(passed_to=lambda function: ["thing"])]


@pytest.fixture
def prefetch(monkeypatch):
    monkeypatch.setattr(prefetching, "asset", lambda name: f"path of {name}")
    return prefetching.prefetch


def test_an_asset_that_is_converted_once_is_prepared_when_fetched(
        prefetch, monkeypatch):
    prepared = []

    def conversion(path):
        return SimpleNamespace(make=lambda: prepared.append(path))

    module = SimpleNamespace(conversion=conversion)
    monkeypatch.setattr(prefetching, "import_module", {
        "helpers.models.some_reader": module}.get)
    prefetch(Named(prepare="some_reader"))
    assert prepared == ["path of thing"]


def test_an_asset_is_fetched_ahead_of_the_profiles_that_it_names(prefetch, capsys):
    for profile, said in (("quick", ""), ("full", "thing: path of thing\n")):
        prefetch(Named(ahead=["full"]), profile=profile)
        assert capsys.readouterr().out == said


def test_every_asset_that_a_chapter_names_is_in_the_manifest():
    named = {name for chapter in BOOK.chapters for name in chapter.passed_to("asset")}
    assert named <= BOOK.assets.keys() and BOOK.assets == manifest()


def test_a_manifest_names_readers_that_there_are():
    readers = {entry["prepare"] for entry in manifest().values() if "prepare" in entry}
    assert readers
    for reader in readers:
        assert callable(import_module(f"helpers.models.{reader}").conversion)
