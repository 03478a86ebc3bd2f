"""Families of emoji: what looks or is called alike, and that none is on two sides."""

import torch

from solutions import text_and_images as chapter


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
