"""The chapter on encoders with one of the reader's, from end to end."""

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaModel

from helpers import in_words
from helpers.scraps import Scraps
from pipeline.ipynb import read
from tests.house.test_encoder import SHAPE


@pytest.fixture
def roberta(tmp_path):
    """A small RoBERTa in the hub's format that knows the words of chapter 11."""
    torch.manual_seed(0)
    spoken = sorted({word for number in range(100)
                     for word in in_words(number).split()})
    names = ["<s>", "<pad>", "</s>", "<unk>", *spoken, "plus", "minus", "<mask>"]
    reader = Tokenizer(models.WordLevel(
        {word: i for i, word in enumerate(names)}, unk_token="<unk>"))
    reader.pre_tokenizer = pre_tokenizers.Whitespace()
    reader.post_processor = TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    path = tmp_path / "some-roberta"
    RobertaModel(RobertaConfig(
        **SHAPE | {"vocab_size": len(names), "max_position_embeddings": 20},
        pad_token_id=1)).save_pretrained(path)
    PreTrainedTokenizerFast(
        tokenizer_object=reader, unk_token="<unk>", pad_token="<pad>",
        cls_token="<s>", sep_token="</s>", mask_token="<mask>"
    ).save_pretrained(path)
    return path


def test_the_chapter_takes_an_encoder_of_the_hub_by_parameter(roberta, whole_house):
    """The kind of BERTweet, in the place of the main encoder, from end to end."""
    whole_house.pipeline("run", "bert_finetuning", "-p", "model_name", str(roberta))
    (path,) = (whole_house.root / "build" / "executed").glob(
        "*/notebooks/bert_finetuning.ipynb")
    records = Scraps.of(read(path)).records
    assert records["main encoder"]["value"] == str(roberta)
    assert records["loaded, right"]["value"] > 0
    assert records["loaded, bug"]["value"] == 0
