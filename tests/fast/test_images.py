"""Emoji from their sheets, and captioned photographs from a Debian package."""

import json
import shutil
import subprocess

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import CourseError, load_emoji, load_stamps
from helpers.data.registry import extract

debian = pytest.mark.skipif(shutil.which("dpkg-deb") is None,
                            reason="dpkg-deb is not installed")


def row(name, x, y, order, category="Objects", drawn=True, code="1F600"):
    return {"name": name, "sheet_x": x, "sheet_y": y, "sort_order": order,
            "category": category, "unified": code, "has_img_google": drawn,
            "has_img_twitter": True}


@pytest.fixture
def folder(tmp_path):
    """A sheet of four cells, 66 pixels a side, with a border of one pixel."""
    sheet = Image.new("RGBA", (132, 132), (0, 255, 0, 255))
    for x, y, colour in ((0, 0, (255, 0, 0, 255)), (1, 0, (0, 0, 255, 255)),
                         (0, 1, (0, 0, 0, 0)), (1, 1, (0, 0, 0, 128))):
        sheet.paste(colour, (66 * x + 1, 66 * y + 1, 66 * x + 65, 66 * y + 65))
    sheet.save(tmp_path / "64.png")
    (tmp_path / "emoji.json").write_text(json.dumps([
        row("SECOND", 1, 0, 2, code="1F601"), row("FIRST", 0, 0, 1),
        row("CLEAR", 0, 1, 3), row("HALF", 1, 1, 4, drawn=False),
        row("A FLAG", 0, 0, 5, category="Flags"),
        row("A TONE", 0, 0, 6, category="Component"),
        row("KEYCAP 1", 0, 0, 7, category="Symbols"),
        row("HASH KEY", 0, 0, 8, category="Symbols")]))
    return tmp_path


def test_pictures_and_names_in_the_standard_s_order(folder):
    pictures, table = load_emoji(folder, "google")
    assert table == [
        {"name": "first", "category": "Objects", "code": "1F600"},
        {"name": "second", "category": "Objects", "code": "1F601"},
        {"name": "clear", "category": "Objects", "code": "1F600"}]
    assert pictures.shape == (3, 64, 64, 3) and pictures.dtype == torch.uint8
    for picture, colour in zip(pictures, ([255, 0, 0], [0, 0, 255], [255] * 3),
                               strict=True):
        assert (picture == torch.tensor(colour)).all()


def test_what_a_style_does_not_draw_is_left_out(folder):
    pictures, table = load_emoji(folder, "twitter")
    assert [row["name"] for row in table] == ["first", "second", "clear", "half"]
    assert (pictures[3] == 127).all()


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A package with two photographs among what must be left out."""
    root = tmp_path_factory.mktemp("deb")
    stamps = root / "tree" / "usr" / "share" / "tuxpaint" / "stamps"
    noise = np.random.default_rng(0).integers(0, 256, (40, 80, 4), dtype=np.uint8)
    noise[..., 3] = 255
    flat = np.full((40, 80, 4), 200, dtype=np.uint8)
    for place, caption, pixels in (
            ("animals/birds/lark-2", "A horned lark.\nde.utf8=Eine Lerche.", noise),
            ("food/plum", "A plum.", noise),
            ("food/plum_again", "A plum.", noise[::-1]),
            ("food/drawn", "A drawn plum.", flat),
            ("symbols/letter", "The letter A.", noise),
            ("town/cartoon/inn", "An inn.", noise),
            ("food/silent", None, noise)):
        path = stamps / f"{place}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        if caption:
            path.with_suffix(".txt").write_text(caption)
    (root / "tree" / "DEBIAN").mkdir()
    (root / "tree" / "DEBIAN" / "control").write_text(
        "Package: stamps\nVersion: 1\nArchitecture: all\nMaintainer: Nobody "
        "<nobody@example.org>\nDescription: stamps\n")
    subprocess.run(["dpkg-deb", "--build", root / "tree", root / "stamps.deb"],
                   check=True, capture_output=True)
    return root / "stamps.deb"


@debian
def test_photographs_are_told_from_signs_and_drawings(package):
    pictures, table = load_stamps(package, size=32)
    assert table == [
        {"name": "a horned lark", "category": "animals", "code": "lark"},
        {"name": "a plum", "category": "food", "code": "plum"}]
    assert pictures.shape == (2, 32, 32, 3) and pictures.dtype == torch.uint8
    assert (pictures[:, :8] == 255).all() and (pictures[:, -8:] == 255).all()
    assert (pictures[:, 8:24].float().std((1, 2)) > 10).all()


@debian
def test_an_archive_that_is_its_own_member_is_kept_whole(package, tmp_path):
    extract(package, [package.name], tmp_path / "kept")
    assert (tmp_path / "kept" / package.name).read_bytes() == package.read_bytes()


@debian
def test_a_member_is_taken_out_and_one_that_is_not_there_is_named(package, tmp_path):
    member = "usr/share/tuxpaint/stamps/food/plum.txt"
    extract(package, [member], tmp_path / "found")
    assert (tmp_path / "found" / "plum.txt").read_text() == "A plum."
    with pytest.raises(CourseError, match="does not hold usr/share/pear"):
        extract(package, ["usr/share/pear"], tmp_path / "lost")


@debian
def test_without_the_unpacker_one_line_says_so(package, monkeypatch):
    monkeypatch.setattr("helpers.data.registry.shutil.which", lambda name: None)
    with pytest.raises(CourseError, match="unpacked by dpkg-deb, which is not"):
        load_stamps(package)
