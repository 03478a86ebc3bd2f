"""Encoders: ONNX files, folders and names; nothing loads in silence."""

import struct

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
)

from helpers import CourseError, fresh, load_encoder, shortened

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "one", "plus", "two"]
SHAPE = dict(vocab_size=8, hidden_size=64, num_hidden_layers=2,
             num_attention_heads=1, intermediate_size=96,
             max_position_embeddings=12)


@pytest.fixture
def bert():
    torch.manual_seed(0)
    return BertModel(BertConfig(**SHAPE)).eval()


@pytest.fixture
def words():
    tokenizer = Tokenizer(models.WordLevel(
        {word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


@pytest.fixture
def folder(tmp_path, bert, words):
    """The hub's format."""
    path = tmp_path / "some-bert"
    bert.save_pretrained(path)
    PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]",
                            pad_token="[PAD]"
                            ).save_pretrained(path)
    return path


def varint(number):
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def field(number, content):
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    content = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(content)) + content


def tensor(name, value, raw=True):
    """A TensorProto; scalars as exporters write them, outside of raw_data."""
    value = np.asarray(value)
    kind = {"float32": 1, "uint8": 2, "int8": 3}[value.dtype.name]
    content = b"".join(field(1, size) for size in value.shape) + field(2, kind)
    if raw:
        content += field(9, value.tobytes())
    elif kind == 1:
        content += field(4, struct.pack("<f", value))
    else:
        content += field(5, varint(int(value) % 2**64))
    return field(5, content + field(8, name))


def node(operation, name, *inputs):
    return field(1, b"".join(field(1, text) for text in inputs)
                 + field(3, name) + field(4, operation))


def onnx_folder(path, words, state, quantise=None):
    """Write a BERT's weights as torch's exporter does, with its tokenizer.

    `quantise` is None, np.int8 or np.uint8: eight bits with one scale each.
    """
    graph = field(1, field(4, "Constant")) + tensor("rubbish", np.float32([1, 2]))

    def add(name, value):
        if quantise is None or value.ndim < 2:
            return name, tensor(name, value)
        low, high = (-127, 127) if quantise is np.int8 else (0, 255)
        scale = np.float32(np.ptp(value) / (high - low))
        zero = np.round(low - value.min() / scale)
        whole = np.clip(np.round(value / scale + zero), low, high)
        parts = [tensor(f"{name}_scale", scale, raw=False),
                 tensor(f"{name}_zero_point", quantise(zero), raw=False),
                 tensor(f"{name}_quantized", whole.astype(quantise))]
        return f"{name}_quantized", b"".join(parts)

    for number, (name, value) in enumerate(state.items()):
        value = value.numpy()
        linear = name.endswith("weight") and value.ndim == 2 and (
            "embeddings" not in name)
        if not linear:
            graph += add(f"bert.{name}", value)[1]
        elif name.startswith("pooler") and quantise is None:  # Gemm keeps names
            graph += tensor(f"bert.{name}", value) + node(
                "Gemm", "/bert/pooler/dense/Gemm", "x", f"bert.{name}")
        else:
            inner, data = add(f"onnx::MatMul_{number}", value.T.copy())
            path_ = "/bert/" + name.removesuffix(".weight").replace(".", "/")
            path_ = path_.replace("layer/", "layer.")
            graph += data + node("MatMul" if quantise is None else
                                 "MatMulInteger", f"{path_}/MatMul", "x", inner)
    graph += tensor("classifier.weight", np.ones((2, 64), np.float32))
    path.mkdir()
    (path / "model.onnx").write_bytes(field(1, 8) + field(7, graph))
    words.save(str(path / "tokenizer.json"))
    return path


def hidden(model):
    with torch.no_grad():
        return model(input_ids=torch.tensor([[2, 5, 6, 7, 3]])).last_hidden_state


def test_a_folder_of_the_hub_is_read_as_it_is(folder, bert, no_network, capfd):
    model, tokenizer = load_encoder(folder)
    assert not model.training and torch.equal(hidden(model), hidden(bert))
    assert tokenizer("one plus two").input_ids == [5, 6, 7]
    assert capfd.readouterr() == ("", "")


def test_onnx_fills_a_bert_exactly(tmp_path, words, bert):
    model, tokenizer = load_encoder(
        onnx_folder(tmp_path / "onnx", words, bert.state_dict()))
    assert not model.training
    for name, value in bert.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name
    assert tokenizer("one plus two").input_ids == [2, 5, 6, 7, 3]
    assert tokenizer.mask_token_id == 4


@pytest.mark.parametrize("kind", [np.int8, np.uint8])
def test_eight_bits_are_off_by_half_a_step_at_most(tmp_path, words, bert, kind):
    state = bert.state_dict()
    model, _ = load_encoder(onnx_folder(tmp_path / "onnx", words, state, kind))
    for name, value in model.state_dict().items():
        step = (state[name].max() - state[name].min()) / 254
        gap = (value - state[name]).abs().max()
        assert gap <= 0.51 * step if value.ndim > 1 else gap == 0, name


def test_a_bert_without_pooler_is_read_without(tmp_path, words, bert):
    state = {name: value for name, value in bert.state_dict().items()
             if not name.startswith("pooler")}
    model, _ = load_encoder(onnx_folder(tmp_path / "onnx", words, state))
    assert model.pooler is None
    assert torch.equal(hidden(model), hidden(bert))


def test_what_is_no_bert_or_no_onnx_is_named(tmp_path, words, bert):
    state = bert.state_dict()
    table = {name: value for name, value in state.items()
             if "word_embeddings" not in name}
    with pytest.raises(CourseError, match="it is no BERT"):
        load_encoder(onnx_folder(tmp_path / "a", words, table))
    del state["encoder.layer.1.output.dense.bias"]
    with pytest.raises(CourseError, match="does not fill a BERT.*Missing"):
        load_encoder(onnx_folder(tmp_path / "b", words, state))
    (tmp_path / "b" / "model.onnx").write_bytes(b"nothing of the kind")
    with pytest.raises(CourseError, match="could not be read as ONNX"):
        load_encoder(tmp_path / "b")
    (tmp_path / "b" / "other.onnx").touch()
    with pytest.raises(CourseError, match="more than one"):
        load_encoder(tmp_path / "b")


def test_a_load_that_takes_nothing_is_an_error(folder, bert, no_network):
    """The keys of a RoBERTa, read into the class of BERT."""
    from safetensors.torch import load_file, save_file

    file = folder / "model.safetensors"
    save_file({f"roberta.{name}": value
               for name, value in load_file(file).items()}, file,
              metadata={"format": "pt"})
    with pytest.raises(CourseError, match="takes none.*roberta.*allow_empty"):
        load_encoder(folder, kind="BertModel")
    model, _ = load_encoder(folder, kind="BertModel", allow_empty=True)
    assert not torch.allclose(hidden(model), hidden(bert), atol=0.1)


def test_what_is_nowhere_is_named(tmp_path, no_network):
    with pytest.raises(CourseError, match="neither a folder here nor"):
        load_encoder("no-such/encoder")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CourseError, match="could not be read as a model"):
        load_encoder(tmp_path / "empty")


def test_a_shortened_table_changes_nothing_that_is_read(folder, bert):
    model, tokenizer = load_encoder(folder)
    model, read = shortened(model, tokenizer, ["one plus", "two"])
    assert model.get_input_embeddings().weight.shape == (4, 64)
    words = read(["one plus", "two"])
    assert words["attention_mask"].tolist() == [[1, 1], [1, 0]]
    with torch.no_grad():
        ours = model(**words).last_hidden_state
        theirs = bert(input_ids=torch.tensor([[5, 6], [7, 0]]),
                      attention_mask=words["attention_mask"]).last_hidden_state
    assert torch.equal(ours, theirs)
    model(**words).last_hidden_state.sum().backward()
    assert model.get_input_embeddings().weight.grad is not None


def test_a_fresh_encoder_has_the_shape_and_not_the_weights(folder, bert):
    model, _ = shortened(*load_encoder(folder), ["one plus"])
    torch.manual_seed(3)
    state = torch.get_rng_state()
    one, two, other = fresh(model, 5), fresh(model, 5), fresh(model, 6)
    assert torch.equal(torch.get_rng_state(), state)
    for name, value in model.state_dict().items():
        assert one.state_dict()[name].shape == value.shape
        assert torch.equal(one.state_dict()[name], two.state_dict()[name])
        if value.ndim == 2 and len(value) > 2:
            assert not torch.equal(one.state_dict()[name], value)
            assert not torch.equal(one.state_dict()[name],
                                   other.state_dict()[name])
