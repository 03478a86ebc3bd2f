"""The weights that the book ships, beside the runtime that they were made for."""

import numpy as np
import pytest
import torch

from helpers import asset, load_encoder, load_seq2seq, load_towers
from helpers.models.efficientnet import load_efficientnet_lite
from helpers.models.onnx import read_onnx_weights
from tests.house.test_towers import some_pictures


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """Conversions and features in a folder of the test's, assets from the usual one."""
    for module in ("conversion", "towers"):
        monkeypatch.setattr(f"helpers.models.{module}.cache_folder",
                            lambda: tmp_path / "cache")


@pytest.mark.parametrize("name, close", [
    ("bert_tiny", 1e-5), ("bert_mini", 0.2), ("stem_encoder", 0.02)])
def test_shipped_files_agree_with_onnxruntime(name, close):
    """fp32 to rounding; int8 within the rounding of its activations."""
    import onnxruntime

    folder = asset(name)
    (file,) = folder.glob("*.onnx")
    session = onnxruntime.InferenceSession(str(file))
    model, tokenizer = load_encoder(folder)
    wants = {entry.name for entry in session.get_inputs()}
    for text in ("three minus five", "What is the capital of France?"):
        words = tokenizer(text, return_tensors="pt")
        words["token_type_ids"] = torch.zeros_like(words["input_ids"])
        (theirs, *_) = session.run(None, {
            key: value.numpy() for key, value in words.items() if key in wants})
        with torch.no_grad():
            out = model(**words)
        if name == "stem_encoder":  # a mean over words, normalised
            ours = out.last_hidden_state.mean(1)
            ours = (ours / ours.norm()).numpy()
            theirs = theirs / np.linalg.norm(theirs)
        else:
            weights = read_onnx_weights(file)
            matrix, bias = (weights[f"classifier.{part}"] for part in
                            ("weight", "bias"))
            ours = out.pooler_output.numpy() @ matrix.T + bias
        assert np.abs(ours - theirs).max() < close


def test_the_shipped_t5_agrees_with_onnxruntime():
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


def test_a_conversion_is_read_back_equal_and_writes():
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


@pytest.mark.parametrize("size, logits, best", [
    (64, [-1.140798, 0.928478, -2.503253, -2.101823], 905),
    (224, [-0.953625, 0.545068, 0.220214, 1.524604], 905)])
def test_the_image_tower_is_the_network_that_its_weights_come_from(
        size, logits, best):
    """Logits that the package's own network gave for the same image."""
    net = load_efficientnet_lite(asset("efficientnet_lite0"))
    image = torch.sin(torch.arange(3 * size * size) * 0.37)
    with torch.no_grad():
        found = net(image.view(1, 3, size, size))[0]
    assert found[[0, 100, 281, 999]].tolist() == pytest.approx(logits, abs=1e-3)
    assert found.argmax() == best
    assert sum(p.numel() for p in net.parameters()) == 4_652_008


def test_the_shipped_towers_give_the_features_of_their_inputs():
    shipped = load_towers(asset("efficientnet_lite0"), asset("minilm_l6"))
    pictures = some_pictures(40)
    features = shipped.pictures(pictures)
    assert features.shape == (40, 1280) and features.dtype == torch.float32
    assert torch.allclose(shipped.pictures(pictures[37:]), features[37:], atol=1e-4)
    assert not shipped.aligned and not features.requires_grad
    texts = ["cat", "a very much longer description of a picture of a cat"]
    both = shipped.texts(texts)
    assert both.shape == (2, 384)
    for text, found in zip(texts, both, strict=True):
        assert torch.allclose(shipped.texts([text])[0], found, atol=1e-5)
