"""Weights: one reader for a GGUF file, a folder and a name on the hub."""

import json
import os
import resource
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from helpers import CourseError, load_causal_lm
from helpers.files import sha256
from helpers.models import causal_lm, conversion
from solutions import language_sampling as chapter

WORDS = ["<s>", "a", "b", "c", "d", "Ġa", "Ġb", "ab", "Ġ"]


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path, no_network):
    """No address can be reached, and the cache is a folder of the test's."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def gguf_file(tmp_path):
    """A Llama of one block and nine words, as llama.cpp would write it."""
    gguf = pytest.importorskip("gguf")
    path = tmp_path / "tiny.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(32)
    writer.add_embedding_length(32)
    writer.add_block_count(1)
    writer.add_feed_forward_length(64)
    writer.add_head_count(2)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(16)
    writer.add_vocab_size(len(WORDS))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(WORDS)
    writer.add_token_types([3] + [1] * (len(WORDS) - 1))
    writer.add_token_merges(["a b", "Ġ a", "Ġ b"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    rng = np.random.default_rng(0)
    for name, shape in {
        "token_embd": (9, 32), "output_norm": (32,), "blk.0.attn_norm": (32,),
        "blk.0.ffn_norm": (32,), "blk.0.attn_q": (32, 32),
        "blk.0.attn_k": (16, 32), "blk.0.attn_v": (16, 32),
        "blk.0.attn_output": (32, 32), "blk.0.ffn_gate": (64, 32),
        "blk.0.ffn_up": (64, 32), "blk.0.ffn_down": (32, 64),
    }.items():
        writer.add_tensor(f"{name}.weight",
                          rng.normal(size=shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def gpt2_folder(tmp_path):
    """A random GPT-2 in the hub's format, with a tokenizer of nine words."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    torch.manual_seed(0)
    folder = tmp_path / "some-gpt2"
    GPT2LMHeadModel(GPT2Config(
        vocab_size=9, n_positions=64, n_embd=16, n_layer=2, n_head=2,
        initializer_range=0.5, bos_token_id=0, eos_token_id=0,
    )).save_pretrained(folder)
    words = Tokenizer(models.WordLevel(
        {word: i for i, word in enumerate(WORDS)}, unk_token="<s>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=words).save_pretrained(folder)
    return folder


def kept(tmp_path):
    return sorted((tmp_path / "cache" / "converted").iterdir())


def logits(model):
    with torch.no_grad():
        return model(torch.tensor([[1, 5, 7, 2]])).logits


def test_gguf_is_converted_once_in_silence_and_read_back_equal(
        gguf_file, tmp_path, capfd):
    first, tokenizer = load_causal_lm(gguf_file)
    assert tokenizer("ab a").input_ids == [7, 5]
    assert not first.training and first.dtype == torch.float32
    (folder,) = kept(tmp_path)
    assert folder.name.startswith("tiny-")
    assert "lm_head.weight" not in load_file(folder / "model.safetensors")

    before = (folder / "model.safetensors").stat()
    second, again = load_causal_lm(gguf_file)
    after = (folder / "model.safetensors").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert torch.equal(logits(first), logits(second))
    assert again("ab a").input_ids == [7, 5]
    assert capfd.readouterr() == ("", "")


def test_what_is_converted_is_checked_without_being_read(gguf_file, tmp_path,
                                                         monkeypatch):
    made = causal_lm.conversion(gguf_file)
    made.make()
    (folder,) = kept(tmp_path)
    monkeypatch.setattr("transformers.AutoModelForCausalLM.from_pretrained",
                        lambda *_, **__: pytest.fail("read"))
    causal_lm.conversion(gguf_file).make()
    (folder / "config.json").write_text("damaged")
    with pytest.raises(pytest.fail.Exception):
        causal_lm.conversion(gguf_file).make()


@pytest.mark.parametrize("damage", ["flip", "truncate", "delete", "sums"])
def test_a_damaged_conversion_is_made_again(gguf_file, tmp_path, damage):
    right = logits(load_causal_lm(gguf_file)[0])
    (folder,) = kept(tmp_path)
    weights = folder / "model.safetensors"
    data = bytearray(weights.read_bytes())
    if damage == "flip":
        data[-5] ^= 64
        weights.write_bytes(data)
    elif damage == "truncate":
        weights.write_bytes(data[:100])
    elif damage == "delete":
        weights.unlink()
    else:
        (folder / conversion.SUMS).write_text("{}")
    assert torch.equal(logits(load_causal_lm(gguf_file)[0]), right)
    assert kept(tmp_path) == [folder]
    sums = json.loads((folder / conversion.SUMS).read_text())
    assert sums["model.safetensors"] == sha256(weights)


def test_a_cache_that_takes_nothing_costs_time_only(gguf_file, tmp_path, capsys):
    right = logits(load_causal_lm(gguf_file)[0])
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert torch.equal(logits(load_causal_lm(gguf_file)[0]), right)
    assert "will convert it again" in capsys.readouterr().out

    (tmp_path / "cache").unlink()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:  # as on a disk that is full before the weights are written
        assert torch.equal(logits(load_causal_lm(gguf_file)[0]), right)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "will convert it again" in capsys.readouterr().out
    assert kept(tmp_path) == []


def test_another_version_of_transformers_converts_anew(gguf_file, tmp_path,
                                                       monkeypatch):
    load_causal_lm(gguf_file)
    monkeypatch.setattr(conversion, "version", lambda package: "0.0")
    load_causal_lm(gguf_file)
    assert len(kept(tmp_path)) == 2


def test_what_is_no_gguf_and_what_is_nowhere_is_named(tmp_path):
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"nothing of the kind")
    with pytest.raises(CourseError, match="could not be read as GGUF"):
        load_causal_lm(bad)
    with pytest.raises(CourseError, match="'no-such/model' could not be loaded"):
        load_causal_lm("no-such/model")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CourseError, match="empty could not be read as a model"):
        load_causal_lm(tmp_path / "empty")


def test_what_another_process_stored_first_is_used_in_silence(
        gguf_file, tmp_path, capsys):
    class Late:
        def save_pretrained(self, folder):
            causal_lm.conversion(gguf_file).make()
            raise OSError(39, "Directory not empty")

    late = replace(causal_lm.conversion(gguf_file), convert=lambda: (Late(), None))
    assert isinstance(late.load()[0], Late)
    assert kept(tmp_path) == [late.folder]
    assert capsys.readouterr().out == ""


def test_the_process_is_left_as_it_was(gguf_file):
    from tqdm.auto import tqdm
    from transformers import logging

    before = dict(os.environ), tqdm.__init__, logging.get_verbosity()
    load_causal_lm(gguf_file)
    with pytest.raises(CourseError):
        load_causal_lm("no-such/model")
    assert before == (dict(os.environ), tqdm.__init__,
                      logging.get_verbosity())


def test_gpt2_from_a_folder_scores_and_samples_like_transformers(gpt2_folder):
    """Absolute positions and Conv1D, through the chapter's own functions."""
    model, tokenizer = load_causal_lm(str(gpt2_folder))
    ids = torch.tensor([tokenizer("a b c d a").input_ids])
    assert ids.tolist() == [[1, 2, 3, 4, 1]]
    loss = model(ids, labels=ids).loss.item()
    assert chapter.log_likelihood(model, ids) == pytest.approx(-4 * loss, rel=1e-4)
    batch = chapter.token_log_p(model, [ids[0].tolist(), [3, 1], [2, 2, 2]])
    assert [len(row) for row in batch] == [4, 1, 2]
    assert batch[1].item() == pytest.approx(
        chapter.log_likelihood(model, torch.tensor([[3, 1]])), rel=1e-4)

    torch.manual_seed(3)
    theirs = model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=True, top_k=4,
        temperature=0.7, min_new_tokens=0, max_new_tokens=40, pad_token_id=0,
        eos_token_id=-1)
    ours = chapter.sample(model, ids, 40, 0.7, top_k=4,
                          generator=torch.Generator().manual_seed(3))
    assert torch.equal(ours, theirs)
    wide = chapter.sample(model, ids, 40, 0.7, 2, top_k=4,
                          generator=torch.Generator().manual_seed(3))
    assert wide.shape == (1, 45)


def test_horizon_two_of_gpt2_is_the_joint_by_enumeration(gpt2_folder):
    model, _ = load_causal_lm(gpt2_folder)
    ids = torch.tensor([[1, 2, 3]])
    with torch.no_grad():
        out = model(ids, use_cache=True)
        first = out.logits[0, -1].softmax(-1)
        pairs = torch.cat([ids.expand(9, 3), torch.arange(9)[:, None]], 1)
        second = model(pairs).logits[:, -1].softmax(-1)
        found = chapter.temperature_scale(out.logits[:, -1], model,
                                          out.past_key_values, 0.5, 2, 9)
    joint = (first[:, None] * second) ** 2
    assert torch.allclose(found[0].softmax(-1), joint.sum(1) / joint.sum(),
                          atol=1e-5)
