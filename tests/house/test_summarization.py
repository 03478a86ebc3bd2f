"""Pairs of text and summary, what is measured of them, and who writes them."""

import csv
import json

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizers.processors import TemplateProcessing
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from helpers import (
    CourseError,
    answer,
    first_sentence,
    load_summaries,
    names_kept,
    rouge,
    rouge_words,
    write,
)
from helpers.chapters import summarization

WORDS = ["<pad>", "</s>", "[UNK]", *"abcdefghijk", "user", "bot", "what", "who"]
SPLITS = ("train", "validation", "test")
ROWS = [{"document": "It rained, and rained. Then not.", "summary": "Rain"},
        {"document": "Sun.", "summary": "Sun"}]


@pytest.fixture
def offline(monkeypatch, tmp_path, no_network):
    """No address can be reached, nothing is cached, and no retry waits."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "datasets")


def put(folder, kind="json", splits=SPLITS, rows=ROWS):
    """Write a set in the hub's format: one file a split."""
    folder.mkdir()
    for split in splits:
        with open(folder / f"{split}.{kind}", "w", newline="") as file:
            if kind == "json":
                file.writelines(json.dumps(row) + "\n" for row in rows)
            else:
                table = csv.DictWriter(file, rows[0].keys())
                table.writeheader()
                table.writerows(rows)
    return folder


@pytest.mark.parametrize("kind", ["json", "csv"])
@pytest.mark.parametrize("form", [str, lambda path: path])
def test_a_folder_of_the_hub_is_read_as_it_is(kind, form, tmp_path, offline, capfd):
    rows = [row | {"id": i} for i, row in enumerate(ROWS)]
    pairs = load_summaries(form(put(tmp_path / "pairs", kind, rows=rows)))
    assert set(pairs) == set(SPLITS)
    for split in SPLITS:
        assert list(pairs[split]) == rows
    assert capfd.readouterr() == ("", "")


def test_awards_are_shuffled_and_split_by_a_fixed_rule(monkeypatch):
    rows = [{"document": f"text {i}", "summary": f"title {i}"} for i in range(1000)]
    monkeypatch.setattr(summarization, "asset", lambda name: name)
    monkeypatch.setattr(summarization, "load_award_titles", lambda path: {
        "award_titles": list(rows)}[path])
    pairs, again = load_summaries("awards"), load_summaries("awards")
    assert [len(pairs[split]) for split in SPLITS] == [600, 200, 200]
    found = [row for split in SPLITS for row in pairs[split]]
    assert found != rows and sorted(found, key=rows.index) == rows
    assert all(list(pairs[split]) == list(again[split]) for split in SPLITS)


@pytest.mark.parametrize("splits, rows, says", [
    (("train", "test"), ROWS, "has no split 'validation' with the columns"),
    (("validation", "test"), ROWS, "has no split 'train' with the columns"),
    (SPLITS, [{"document": "a", "title": "b"}], "no split 'train' with the columns "
     "document and summary"),
    (SPLITS, [{"summary": "b"}], "with the columns document and summary"),
    ((), ROWS, "neither \"awards\" nor a folder"),
])
def test_a_set_that_lacks_something_is_refused(
        splits, rows, says, tmp_path, offline):
    folder = put(tmp_path / "some-pairs", splits=splits, rows=rows)
    with pytest.raises(CourseError, match=says) as stop:
        load_summaries(str(folder))
    assert "some-pairs" in str(stop.value)


@pytest.mark.parametrize("name, asked", [
    ("no-such/set", "no-such/set"), ("award", "award"), ("xsum", "EdinburghNLP/xsum")])
def test_a_name_that_the_hub_does_not_deliver_is_named(name, asked, offline):
    with pytest.raises(CourseError, match="neither \"awards\" nor a folder or a set") \
            as stop:
        load_summaries(name)
    assert repr(name) in str(stop.value) and asked in str(stop.value)


def test_the_first_sentence_ends_where_a_space_follows():
    assert first_sentence("It costs 3.50 pounds. More?") == "It costs 3.50 pounds."
    assert first_sentence("Why? Because.") == "Why?"
    assert first_sentence("Stop!\nNow.") == "Stop!"
    assert first_sentence("no end") == "no end" and first_sentence("") == ""


def test_rouge_is_in_percent_one_row_a_pair():
    scores = rouge(["the cat sat", "dogs", ""], ["the cat ran off", "a dog", "x"])
    assert scores.shape == (3, 3) and scores.dtype == torch.double
    assert scores[0].tolist() == pytest.approx([400 / 7, 40, 400 / 7])
    assert scores[1].tolist() == pytest.approx([200 / 3, 0, 200 / 3])
    assert scores[2].tolist() == [0, 0, 0]
    (one,) = rouge(["c a b"], ["a b c"])
    assert one.tolist() == pytest.approx([100, 50, 200 / 3])
    with pytest.raises(ValueError, match="zip"):
        rouge(["one"], ["one", "two"])


def test_words_are_those_that_rouge_compares():
    assert rouge_words("Running dogs, U.S. 3") == ["run", "dog", "u", "s", "3"]
    assert rouge_words("") == []


def test_a_name_is_a_capitalised_word_of_both_and_counts_once():
    reference = "Police say Ann met Bob, and Ann left. She saw Carl in 'Rome'."
    document = "Ann and Bob met. Bobby, Annual and Carla are others. Police came."
    assert names_kept([reference], [reference], [document]) == (2, 2)
    assert names_kept(["Annual meeting of Bob's"], [reference], [document]) == (2, 1)
    assert names_kept(["ann, bob"], [reference], [document]) == (2, 0)
    assert names_kept(["Bob"] * 2, [reference, "and Bob"], [document, "Bob"]) == (3, 2)
    with pytest.raises(ValueError, match="zip"):
        names_kept(["Ann"], [reference] * 2, [document] * 2)


def reader(ending=True):
    """A tokenizer that knows WORDS and, for a T5, ends each text."""
    words = Tokenizer(models.WordLevel(
        {word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    if ending:
        words.post_processor = TemplateProcessing(
            single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="[UNK]", pad_token="<pad>",
        eos_token="</s>", model_input_names=["input_ids", "attention_mask"])


def at_random(model):
    torch.manual_seed(0)
    for weight in model.parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.5)
    return model.eval()


@pytest.fixture(scope="module")
def t5():
    return at_random(T5ForConditionalGeneration(T5Config(
        vocab_size=len(WORDS), d_model=16, d_kv=8, d_ff=24, num_layers=2,
        num_heads=2, dropout_rate=0.5, decoder_start_token_id=0))), reader()


@pytest.fixture(scope="module")
def talker():
    tokenizer = reader(ending=False)
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m['role'] }} {{ m['content'] }} {% endfor %}"
        "{% if add_generation_prompt %}bot{% endif %}")
    return at_random(GPT2LMHeadModel(GPT2Config(
        vocab_size=len(WORDS), n_positions=64, n_embd=16, n_layer=2, n_head=2,
        bos_token_id=1, eos_token_id=1, pad_token_id=0))), tokenizer


DOCUMENTS = ["a b", "c", "d e f g", "h i", "j k a", "b", "c d", "e f g h i", "k k"]


@torch.no_grad()
def likeliest(model, ids, most):
    """Write greedily, by the model's logits alone: a list of new tokens."""
    decoder, given = [0], torch.tensor([ids])
    for _ in range(most):
        if model.config.is_encoder_decoder:
            logits = model(given, decoder_input_ids=torch.tensor([decoder])).logits
        else:
            logits = model(torch.tensor([[*ids, *decoder[1:]]])).logits
        decoder.append(logits[0, -1].argmax().item())
        if decoder[-1] == 1:
            break
    return decoder[1:]


def spoken(tokens):
    return " ".join(WORDS[k] for k in tokens if k > 2)


def test_a_t5_writes_each_text_as_if_it_stood_alone(t5, capfd):
    model, tokenizer = t5
    model.train()
    texts, tokens = write(model, tokenizer, DOCUMENTS, 1, 20, 7)
    assert capfd.readouterr() == ("", "")
    assert not model.training and len(tokens) == len(texts) == 9
    assert len(set(texts)) > 3
    for document, text, row in zip(DOCUMENTS, texts, tokens, strict=True):
        right = likeliest(model, [*map(WORDS.index, document.split()), 1], 7)
        assert row[0] == 0 and row[1:len(right) + 1] == right
        assert not any(row[len(right) + 1:]) and text == spoken(right)


def test_more_beams_find_likelier_texts(t5):
    model, tokenizer = t5

    @torch.no_grad()
    def rates(beams):
        for document, row in zip(DOCUMENTS, write(
                model, tokenizer, DOCUMENTS, beams, 20, 5)[1], strict=True):
            row = [*row[1:row.index(1, 1) + 1]] if 1 in row else row[1:]
            log_p = model(**tokenizer(document, return_tensors="pt"),
                          labels=torch.tensor([row])).loss
            yield -log_p.item()

    assert sum(rates(8)) > sum(rates(1)) + 0.03


def test_documents_and_texts_are_cut(t5):
    model, tokenizer = t5
    long = "a b c d e f g h"
    cut = write(model, tokenizer, [long], 1, 4)
    assert cut == write(model, tokenizer, ["a b c"], 1, 20)
    assert cut != write(model, tokenizer, [long], 1, 20)
    for most in (2, 3):
        _, rows = write(model, tokenizer, DOCUMENTS, 2, 20, most)
        assert max(map(len, rows)) == most + 1


def test_a_chat_model_is_asked_about_each_document(talker, capfd):
    model, tokenizer = talker
    texts = answer(model, tokenizer, "what", DOCUMENTS[:4], 3, 6)
    assert capfd.readouterr() == ("", "")
    assert len(set(texts)) > 1
    for document, text in zip(DOCUMENTS, texts, strict=False):
        prompt = ["user", "what", *document.split()[:3], "bot"]
        right = likeliest(model, list(map(WORDS.index, prompt)), 6)
        assert text == spoken(right)


def test_an_answer_sees_the_first_words_and_the_question(talker):
    model, tokenizer = talker

    def ask(question="what", documents=DOCUMENTS, words=9, most=6):
        return answer(model, tokenizer, question, documents, words, most)

    assert ask(words=1) == ask(documents=[d.split()[0] for d in DOCUMENTS])
    assert ask(words=1) != ask() != ask("who")
    assert max(len(text.split()) for text in ask(most=2)) == 2
