"""Captioned photographs from a Debian package: which are read, and how."""

import shutil
import subprocess

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import CourseError, load_stamps
from helpers.data.registry import extract

if shutil.which("dpkg-deb") is None:
    pytest.skip("dpkg-deb is not installed", allow_module_level=True)


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


def test_photographs_are_told_from_signs_and_drawings(package):
    pictures, table = load_stamps(package, size=32)
    assert table == [
        {"name": "a horned lark", "category": "animals", "code": "lark"},
        {"name": "a plum", "category": "food", "code": "plum"}]
    assert pictures.shape == (2, 32, 32, 3) and pictures.dtype == torch.uint8
    assert (pictures[:, :8] == 255).all() and (pictures[:, -8:] == 255).all()
    assert (pictures[:, 8:24].float().std((1, 2)) > 10).all()


def test_an_archive_that_is_its_own_member_is_kept_whole(package, tmp_path):
    extract(package, [package.name], tmp_path / "kept")
    assert (tmp_path / "kept" / package.name).read_bytes() == package.read_bytes()


def test_a_member_is_taken_out_and_one_that_is_not_there_is_named(package, tmp_path):
    member = "usr/share/tuxpaint/stamps/food/plum.txt"
    extract(package, [member], tmp_path / "found")
    assert (tmp_path / "found" / "plum.txt").read_text() == "A plum."
    with pytest.raises(CourseError, match="does not hold usr/share/pear"):
        extract(package, ["usr/share/pear"], tmp_path / "lost")


def test_without_the_unpacker_one_line_says_so(package, monkeypatch):
    monkeypatch.setattr("helpers.data.registry.shutil.which", lambda name: None)
    with pytest.raises(CourseError, match="unpacked by dpkg-deb, which is not"):
        load_stamps(package)
