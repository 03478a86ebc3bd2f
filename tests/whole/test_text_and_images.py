"""Chapter 12 with the emoji that it ships, and with a CLIP of the reader's."""

from helpers import asset, load_emoji
from helpers.scraps import Scraps
from pipeline.ipynb import read
from tests.house.test_towers import clip_folder


def test_the_two_styles_draw_the_same_emoji():
    pictures, table = load_emoji(asset("emoji_google"), "google")
    others, rows = load_emoji(asset("emoji_twitter"), "twitter")
    assert len(pictures) == len(table) > 1600 and len(others) == len(rows)
    assert {row["code"] for row in table} <= {row["code"] for row in rows}
    codes = [row["code"] for row in table]
    assert len(set(codes)) == len(codes)
    assert not any(row["category"] == "Flags" or "keycap" in row["name"]
                   for row in table)


def test_the_chapter_takes_a_clip_by_parameter(tmp_path_factory, whole_house):
    clip = clip_folder(tmp_path_factory.mktemp("hub") / "some-clip")
    whole_house.pipeline("run", "text_and_images", "-p", "model_name", str(clip))
    (path,) = (whole_house.root / "build" / "executed").glob(
        "*/notebooks/text_and_images.ipynb")
    records = Scraps.of(read(path)).records
    assert 0 <= records["recall, real"]["value"] < 0.5
    assert records["gallery"]["value"] > 80
