"""The chapter on summaries with a set, a model and texts of the reader's."""

import json

from helpers.scraps import Scraps
from pipeline.ipynb import read
from tests.house.test_seq2seq import WORDS, t5_folder


def test_the_chapter_takes_a_set_and_a_model_of_the_hub_by_parameter(
        tmp_path_factory, whole_house):
    folder = tmp_path_factory.mktemp("hub")
    tiny = t5_folder(folder / "t5")
    for n, split in enumerate(("train", "validation", "test")):
        (folder / f"{split}.jsonl").write_text("".join(json.dumps({
            "document": " ".join(WORDS[(i * n + j) % 10] for j in range(i % 7 + 4)),
            "summary": f"{WORDS[i % 10]} {WORDS[i % 3]}"}) + "\n" for i in range(20)))
    (folder / "own.txt").write_text("Rain fell\nSnow fell\n")
    done = whole_house.pipeline(
        "run", "summarization", "-p", "data", str(folder), "-p", "model_name",
        str(folder / "t5"), "-p", "own_summaries", str(folder / "own.txt"))
    (copy,) = (whole_house.root / "build" / "executed").rglob("summarization.ipynb")
    scraps = Scraps.of(read(copy)).records
    assert scraps["train pairs"]["value"] == 20, done.stdout
    assert scraps["parameters, T5"]["value"] == sum(
        weight.numel() for weight in tiny.parameters())
    assert scraps["words, own"]["value"] == 2
