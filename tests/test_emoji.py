"""Named emoji: what is read, and that no family is on two sides."""

import json

import pytest
import torch
from PIL import Image

from helpers import asset, load_emoji
from solutions import text_and_images as chapter


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


def test_the_two_styles_draw_the_same_emoji():
    pictures, table = load_emoji(asset("emoji_google"), "google")
    others, rows = load_emoji(asset("emoji_twitter"), "twitter")
    assert len(pictures) == len(table) > 1600 and len(others) == len(rows)
    assert {row["code"] for row in table} <= {row["code"] for row in rows}
    codes = [row["code"] for row in table]
    assert len(set(codes)) == len(codes)
    assert not any(row["category"] == "Flags" or "keycap" in row["name"]
                   for row in table)


def families_of(*pairs):
    """The families of rows that look nothing like one another."""
    table = [{"name": name, "code": code} for name, code in pairs]
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(256, (len(table), 64, 64, 3), generator=generator,
                             dtype=torch.uint8)
    return chapter.families(table, pictures, torch.eye(len(table))).tolist()


def test_gender_hair_direction_and_colour_keep_a_family_together():
    found = families_of(
        ("man farmer", "1F468-200D-1F33E"), ("woman farmer", "1F469-200D-1F33E"),
        ("farmer", "1F9D1-200D-1F33E"), ("rocket", "1F680"),
        ("person running", "1F3C3"), ("running away", "1F3C3-200D-27A1-FE0F"),
        ("man: red hair", "1F468-200D-1F9B0"), ("cat face", "1F431"),
        ("cat", "1F408"), ("large red circle", "1F534"), ("blue circle", "1F535"))
    assert len({*found[:3]}) == 1 and found[4] == found[5]
    assert found[7] == found[8] and found[9] == found[10]
    assert len(set(found)) == 6


def test_what_looks_alike_is_one_family_by_pixels_or_by_features():
    table = [{"name": name, "code": name} for name in "pqrs"]
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(256, (4, 64, 64, 3), generator=generator,
                             dtype=torch.uint8)
    pictures[1] = pictures[0] // 2  # darker
    features = torch.tensor([[0.0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 1, 0]])
    found = chapter.families(table, pictures, features).tolist()
    assert found[0] == found[1] != found[2] == found[3]


def test_no_family_is_in_two_parts_and_nothing_is_lost():
    generator = torch.Generator().manual_seed(0)
    family = torch.randint(60, (300,), generator=generator)
    family[:50] = 7  # too large to be held out
    board = [60, 61]
    *held, rest = chapter.split_families(family, [40, 40], generator, board)
    parts = [*held, rest]
    assert torch.cat(parts).sort().values.tolist() == list(range(300))
    kinds = [set(family[part].tolist()) for part in parts]
    assert not (kinds[0] & kinds[1] or kinds[0] & kinds[2] or kinds[1] & kinds[2])
    assert 7 in kinds[2] and set(board) <= set(held[1].tolist())
    assert all(35 <= len(part) <= 40 for part in held)
