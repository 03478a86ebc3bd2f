"""Two towers: right weights, right features, kept once; CLIP on the same code."""

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizers.processors import TemplateProcessing
from transformers import CLIPConfig, CLIPModel, PreTrainedTokenizerFast

from helpers import CourseError, load_towers
from helpers.models.efficientnet import (
    EfficientNetLite,
    SameConv,
    load_efficientnet_lite,
)

WORDS = ["a", "red", "blue", "picture", "of", "face", "[UNK]", "<start>", "<end>"]


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """Assets from the usual cache, features in a folder of the test's."""
    monkeypatch.setattr("helpers.models.towers.cache_folder",
                        lambda: tmp_path / "cache")
    return tmp_path / "cache" / "features"


def clip_folder(path, seed=0):
    """A small CLIP in the hub's format, its padding the end mark, as there."""
    torch.manual_seed(seed)
    shape = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2,
                 num_attention_heads=2)
    CLIPModel(CLIPConfig(
        text_config=shape | {"vocab_size": len(WORDS), "eos_token_id": 2,
                             "max_position_embeddings": 12},
        vision_config=shape | {"image_size": 32, "patch_size": 16},
        projection_dim=8)).save_pretrained(path)
    reader = Tokenizer(models.WordLevel(
        {word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    reader.pre_tokenizer = pre_tokenizers.Whitespace()
    reader.post_processor = TemplateProcessing(
        single="<start> $A <end>", special_tokens=[("<start>", 7), ("<end>", 8)])
    PreTrainedTokenizerFast(
        tokenizer_object=reader, unk_token="[UNK]", pad_token="<end>",
        bos_token="<start>", eos_token="<end>").save_pretrained(path)
    return path


@pytest.fixture
def clip(tmp_path):
    return clip_folder(tmp_path / "some-clip")


def some_pictures(many=3, size=64):
    grey = torch.arange(many * size * size * 3) * 0.37
    return (127 + 120 * torch.sin(grey)).byte().view(many, size, size, 3)


def test_an_uneven_padding_has_its_larger_half_at_the_end():
    layer = SameConv(1, 1, 3, 2, bias=False)
    torch.nn.init.ones_(layer.weight)
    assert layer(torch.ones(1, 1, 4, 4)).flatten().tolist() == [9, 6, 6, 4]
    assert layer(torch.ones(1, 1, 5, 5)).shape == (1, 1, 3, 3)


@pytest.mark.parametrize("state", [
    None, {}, {"_fc.bias": torch.zeros(1000)},
    EfficientNetLite().state_dict() | {"one_more": torch.zeros(1)}])
def test_a_file_of_other_weights_is_refused(tmp_path, state):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"nothing of the kind")
    if state is not None:
        torch.save(state, path)
    with pytest.raises(CourseError, match="could not be read as EfficientNet-lite0"):
        load_efficientnet_lite(path)


def test_features_are_kept_by_pictures_and_weights(clip, cache, tmp_path, capsys):
    towers, pictures = load_towers(clip), some_pictures()
    right = towers.kept(pictures)
    assert torch.equal(right, towers.pictures(pictures))
    compute, towers.pictures = towers.pictures, lambda _: pytest.fail("again")
    assert torch.equal(towers.kept(pictures), right)
    towers.pictures = compute
    assert not torch.equal(towers.kept(pictures.flip(0)), right)
    other = load_towers(clip_folder(tmp_path / "other-clip", seed=1))
    assert not torch.allclose(other.kept(pictures), right)
    assert len(list(cache.glob("*.safetensors"))) == 3
    assert not list(cache.glob("*.part")) and capsys.readouterr().out == ""


@pytest.mark.parametrize("damage", ["flip", "truncate", "delete", "sum"])
def test_damaged_features_are_computed_again(clip, cache, damage):
    towers, pictures = load_towers(clip), some_pictures()
    right = towers.kept(pictures)
    (path,) = cache.glob("*.safetensors")
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[-5] ^= 64
        path.write_bytes(data)
    elif damage == "truncate":
        path.write_bytes(data[:50])
    elif damage == "delete":
        path.unlink()
    else:
        path.with_suffix(".sha256").write_text("0")
    assert torch.equal(towers.kept(pictures), right)
    towers.pictures = lambda _: pytest.fail("again")
    assert torch.equal(towers.kept(pictures), right)


def test_a_cache_that_takes_nothing_costs_time_only(clip, cache, capsys):
    cache.parent.write_text("a file where the folder should be")
    towers, pictures = load_towers(clip), some_pictures()
    assert torch.equal(towers.kept(pictures), towers.pictures(pictures))
    assert "the next run will compute them again" in capsys.readouterr().out


def test_a_clip_sees_what_transformers_sees(clip, no_network, capfd):
    capfd.readouterr()
    towers = load_towers(clip)
    assert towers.aligned and capfd.readouterr() == ("", "")
    model = CLIPModel.from_pretrained(clip).eval()
    level = torch.tensor([200, 100, 50])  # one colour has no edges to resize
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])
    deviation = torch.tensor([0.26862954, 0.26130258, 0.27577711])
    values = ((level / 255 - mean) / deviation)[:, None, None].expand(3, 32, 32)
    with torch.no_grad():
        seen = model.visual_projection(model.vision_model(
            pixel_values=values[None]).pooler_output)
    found = towers.pictures(level.byte().expand(1, 64, 64, 3))
    assert torch.allclose(found, seen, atol=1e-4)


def test_a_clip_reads_each_text_as_if_it_stood_alone(clip, no_network):
    towers, model = load_towers(clip), CLIPModel.from_pretrained(clip).eval()
    texts = ["face", "a red picture of a blue face", "picture of a"]
    together = towers.texts(texts)
    for text, found in zip(texts, together, strict=True):
        ids = torch.tensor([[7, *map(WORDS.index, text.split()), 8]])
        with torch.no_grad():
            alone = model.text_projection(model.text_model(ids).pooler_output)
        assert torch.allclose(alone[0], found, atol=1e-5)
    assert towers.texts(["a red " * 30]).shape == (1, 8)


def test_a_model_that_is_no_clip_or_nowhere_is_named(tmp_path, no_network):
    with pytest.raises(CourseError, match="neither a folder here nor"):
        load_towers("no-such/clip")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CourseError, match="could not be read as a model"):
        load_towers(tmp_path / "empty")
    with pytest.raises(CourseError, match="goes by its name or its path, not by 3"):
        load_towers(3)
