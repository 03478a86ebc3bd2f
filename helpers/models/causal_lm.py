"""A reader of causal language models in several formats."""

from pathlib import Path

from helpers.errors import CourseError
from helpers.models.conversion import Conversion
from helpers.models.loading import locate, quiet


def load_causal_lm(source):
    """Return a language model and its tokenizer: float32, evaluation mode, CPU.

    `source` is a GGUF file, a folder in the hub's format, or the name of a
    model on the hub, the one case in which a network is used. A GGUF file is
    converted once; the result is cached, checked by hash, and made again when
    it is damaged. Raises CourseError for a model that cannot be loaded.
    """
    source = locate(source)
    with quiet():
        if not isinstance(source, Path):
            return _from_hub(source)
        if source.is_dir():
            return _from_folder(source)
        return conversion(source).load()


def conversion(path):
    """Return the Conversion of a GGUF file."""
    return Conversion([path], [__file__], _read, lambda: _convert(path))


def _from_folder(folder):
    try:
        return _read(folder)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise CourseError(
            f"{folder} could not be read as a model in the hub's format: {error}"
        ) from error


def _convert(path):
    try:
        model, tokenizer = _read(path.parent, gguf_file=path.name)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise CourseError(f"{path} could not be read as GGUF: {error}") from error
    # the weights are plain numbers now, and may be saved as such
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    return model, tokenizer


def _from_hub(name):
    try:
        return _read(name, local_files_only=False)
    except (OSError, ValueError) as error:
        raise CourseError(
            f"the model {name!r} could not be loaded: it is neither a file or "
            "a folder here nor in the hub's cache, and it could not be fetched "
            "from the hub. Is the name right, and is there a network?"
        ) from error


def _read(where, local_files_only=True, **options):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    options["local_files_only"] = local_files_only
    tokenizer = AutoTokenizer.from_pretrained(where, **options)
    model = AutoModelForCausalLM.from_pretrained(
        where, dtype=torch.float32, **options)
    return model.eval(), tokenizer
