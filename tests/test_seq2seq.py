"""The reader of T5s: shipped weights against onnxruntime, folders, errors."""


import json
import shutil

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizers.processors import TemplateProcessing
from transformers import (
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from helpers import CourseError, asset, load_seq2seq
from pipeline import executed

WORDS = ["Rain", "fell", "on", "the", "city", "and", "snow", "came", "later", "today"]


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """Conversions in a folder of the test's, assets from the usual cache."""
    monkeypatch.setattr("helpers.models.conversion.cache_folder",
                        lambda: tmp_path / "cache")


def test_the_shipped_weights_agree_with_onnxruntime(cache):
    """Within the rounding of activations to eight bits, which only they do."""
    import onnxruntime

    folder = asset("title_t5")
    model, tokenizer = load_seq2seq(folder)
    options = onnxruntime.SessionOptions()  # no overflow on older processors
    options.add_session_config_entry("session.x64quantprecision", "1")
    encoder, decoder = (onnxruntime.InferenceSession(
        str(folder / f"{side}.onnx"), options) for side in ("encoder", "decoder"))
    given = np.array([[0, 37, 9]])
    for text in ("translate English to German: The house is wonderful.",
                 "summarize: We study the glaciers of Greenland by radar."):
        words = tokenizer(text, return_tensors="np")
        words = {name: words[name].astype(np.int64)
                 for name in ("input_ids", "attention_mask")}
        (states,) = encoder.run(None, words)
        (theirs,) = decoder.run(None, {
            "input_ids": given, "encoder_hidden_states": states,
            "encoder_attention_mask": words["attention_mask"]})
        with torch.no_grad():
            both = model(torch.from_numpy(words["input_ids"]),
                         decoder_input_ids=torch.from_numpy(given))
            alone = model(encoder_outputs=(torch.from_numpy(states),),
                          decoder_input_ids=torch.from_numpy(given))
        for ours, close in ((both.logits, 0.93), (alone.logits, 0.96)):
            for a, b in zip(ours[0].numpy(), theirs[0], strict=True):
                assert np.corrcoef(a, b)[0, 1] > close
                assert 0.8 < a.std() / b.std() < 1.25


def test_a_conversion_is_read_back_equal_and_writes(cache):
    first, _ = load_seq2seq(asset("title_t5"))
    model, tokenizer = load_seq2seq(asset("title_t5"))
    assert sum(weight.numel() for weight in model.parameters()) == 76_961_152
    assert not model.training
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, model.state_dict()[name])
    text = tokenizer("translate English to German: The house is wonderful.",
                     return_tensors="pt")
    row = model.generate(**text, max_new_tokens=12)[0]
    assert tokenizer.decode(row, skip_special_tokens=True) == "Das Haus ist wunderbar."
    assert len(tokenizer("word " * 300).input_ids) > 300  # the file cuts at 20


@pytest.fixture
def tiny(tmp_path):
    """A random T5 and its tokenizer of ten words, in the hub's format."""
    torch.manual_seed(0)
    model = T5ForConditionalGeneration(T5Config(
        vocab_size=13, d_model=16, d_kv=8, d_ff=24, num_layers=1, num_heads=2,
        decoder_start_token_id=0))
    model.save_pretrained(tmp_path / "tiny")
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(
        ["<pad>", "</s>", "<unk>", *WORDS])}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words.post_processor = TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)])
    PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="</s>",
        unk_token="<unk>").save_pretrained(tmp_path / "tiny")
    return model.eval()


def test_a_folder_in_the_hubs_format_is_read(tmp_path, tiny):
    model, tokenizer = load_seq2seq(tmp_path / "tiny")
    ids = torch.tensor([[3, 4, 5]])
    with torch.no_grad():
        assert torch.equal(model(ids, labels=ids).loss, tiny(ids, labels=ids).loss)
    assert tokenizer("Rain fell somewhere").input_ids == [3, 4, 2, 1]


def test_the_chapter_takes_a_set_and_a_model_of_the_hub_by_parameter(
        tmp_path_factory, tmp_path, tiny, whole_house):
    folder = tmp_path_factory.mktemp("hub")
    for n, split in enumerate(("train", "validation", "test")):
        (folder / f"{split}.jsonl").write_text("".join(json.dumps({
            "document": " ".join(WORDS[(i * n + j) % 10] for j in range(i % 7 + 4)),
            "summary": f"{WORDS[i % 10]} {WORDS[i % 3]}"}) + "\n" for i in range(20)))
    (folder / "own.txt").write_text("Rain fell\nSnow fell\n")
    shutil.move(tmp_path / "tiny", folder / "t5")
    done = whole_house.pipeline(
        "run", "summarization", "-p", "data", str(folder), "-p", "model_name",
        str(folder / "t5"), "-p", "own_summaries", str(folder / "own.txt"))
    (copy,) = (whole_house.root / "build" / "executed").rglob("summarization.ipynb")
    scraps = executed.scraps(executed.read(copy))
    assert scraps["train pairs"]["value"] == 20, done.stdout
    assert scraps["parameters, T5"]["value"] == sum(
        weight.numel() for weight in tiny.parameters())
    assert scraps["words, own"]["value"] == 2


def test_what_cannot_be_had_is_named(tmp_path, no_network):
    with pytest.raises(CourseError, match="no-such/t5 could not be read as a model: "
                                          "it is neither"):
        load_seq2seq("no-such/t5")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CourseError, match="empty could not be read as a model in"):
        load_seq2seq(tmp_path / "empty")
    for name in ("encoder.onnx", "decoder.onnx", "tokenizer.json"):
        (tmp_path / "empty" / name).write_bytes(b"nothing of the kind")
    with pytest.raises(CourseError, match="could not be read as ONNX|fill a T5"):
        load_seq2seq(tmp_path / "empty")
