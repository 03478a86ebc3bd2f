"""The reader of T5s: folders in the hub's format, and what cannot be read."""

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizers.processors import TemplateProcessing
from transformers import (
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from helpers import CourseError, load_seq2seq

WORDS = ["Rain", "fell", "on", "the", "city", "and", "snow", "came", "later", "today"]


def t5_folder(path):
    """Write a random T5 and its tokenizer of ten words in the hub's format."""
    torch.manual_seed(0)
    model = T5ForConditionalGeneration(T5Config(
        vocab_size=13, d_model=16, d_kv=8, d_ff=24, num_layers=1, num_heads=2,
        decoder_start_token_id=0))
    model.save_pretrained(path)
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(
        ["<pad>", "</s>", "<unk>", *WORDS])}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words.post_processor = TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)])
    PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="</s>",
        unk_token="<unk>").save_pretrained(path)
    return model.eval()


def test_a_folder_in_the_hubs_format_is_read(tmp_path):
    tiny = t5_folder(tmp_path / "tiny")
    model, tokenizer = load_seq2seq(tmp_path / "tiny")
    ids = torch.tensor([[3, 4, 5]])
    with torch.no_grad():
        assert torch.equal(model(ids, labels=ids).loss, tiny(ids, labels=ids).loss)
    assert tokenizer("Rain fell somewhere").input_ids == [3, 4, 2, 1]


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
