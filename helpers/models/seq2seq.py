"""A reader of T5 encoder–decoders in several formats."""

from pathlib import Path

from helpers.errors import CourseError
from helpers.models import onnx
from helpers.models.conversion import Conversion
from helpers.models.loading import locate, quiet
from helpers.models.onnx import read_onnx_weights

PARTS = {"encoder.onnx": ("enc.", "encoder."), "decoder.onnx": ("m.", "")}
HEAD_WIDTH = 64  # of every small T5; an ONNX file does not say it


def load_seq2seq(source):
    """Return a summarizer and its tokenizer: float32, evaluation mode, CPU.

    `source` is a folder in the hub's format, a folder with encoder.onnx,
    decoder.onnx and tokenizer.json of a T5, or the name of a model on the
    hub, the one case in which a network is used. ONNX files are converted
    once; the result is cached, checked by hash, and made again when it is
    damaged. Raises CourseError for a model that cannot be loaded.
    """
    source = locate(source)
    with quiet():
        if isinstance(source, Path) and (source / "encoder.onnx").is_file():
            return conversion(source).load()
        try:
            return _read(source)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            where = "as a model in the hub's format" if isinstance(source, Path) else (
                "as a model: it is neither a folder here nor could it be fetched "
                "from the hub. Is the name right, and is there a network?")
            raise CourseError(f"{source} could not be read {where} ({error})"
                              ) from error


def conversion(folder):
    """Return the Conversion of a folder of ONNX files."""
    files = [folder / name for name in (*PARTS, "tokenizer.json")]
    return Conversion(files, [__file__, onnx.__file__], _read,
                      lambda: _from_onnx(folder))


def _read(source):
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    local = isinstance(source, Path)
    tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=local)
    model = AutoModelForSeq2SeqLM.from_pretrained(
        source, local_files_only=local, dtype=torch.float32)
    return model.eval(), tokenizer


def _from_onnx(folder):
    """Build the T5 that fits the shapes of the files' weights, and load them.

    The encoder's file and the decoder's name their modules differently. Both
    hold the shared embedding matrix; the output layer has a matrix of its own.
    """
    import torch
    from tokenizers import Tokenizer
    from torch import nn
    from transformers import (
        PreTrainedTokenizerFast,
        T5Config,
        T5ForConditionalGeneration,
    )

    weights = {}
    for name, (prefix, place) in PARTS.items():
        weights |= {place + key.removeprefix(prefix): torch.from_numpy(value)
                    for key, value in read_onnx_weights(folder / name).items()
                    if key.startswith(prefix)}
    try:
        first = "encoder.block.0.layer"
        width = weights[f"{first}.0.SelfAttention.q.weight"].shape
        model = T5ForConditionalGeneration(T5Config(
            vocab_size=len(weights["shared.weight"]), d_model=width[1],
            d_kv=HEAD_WIDTH, num_heads=width[0] // HEAD_WIDTH,
            d_ff=len(weights[f"{first}.1.DenseReluDense.wi_0.weight"]),
            num_layers=_depth(weights, "encoder"),
            num_decoder_layers=_depth(weights, "decoder"),
            feed_forward_proj="gated-gelu", decoder_start_token_id=0,
            tie_word_embeddings=False))  # means: do not scale before the logits
        model.lm_head = nn.Linear(*width[1:], len(weights["lm_head.weight"]), False)
        weights["decoder.embed_tokens.weight"] = weights["shared.weight"]
        model.load_state_dict(weights)
    except (KeyError, IndexError, RuntimeError) as error:
        said = " ".join(str(error).split())
        raise CourseError(f"{folder} does not fill a T5: {said}") from error
    words = Tokenizer.from_file(str(folder / "tokenizer.json"))
    words.no_truncation()
    words.no_padding()
    return model.eval(), PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="</s>",
        unk_token="<unk>")


def _depth(weights, side):
    return len({name.split(".")[2] for name in weights
                if name.startswith(f"{side}.block.")})
