"""One reader for causal language models, whichever format they come in."""

import contextlib
import hashlib
import json
import os
import shutil
from pathlib import Path

from helpers.assets import cache_folder, sha256
from helpers.errors import CourseError
from helpers.weights.reading import place_of, quiet

SUMS = "sha256.json"


def load_causal_lm(source):
    """Return a language model and its tokenizer: float32, evaluation mode, CPU.

    `source` is a GGUF file, a folder in the hub's format, or the name of a
    model on the hub, the one case in which a network is used. A GGUF file is
    converted once; the result is kept beside the assets, checked by hash, and
    made again when it is damaged. Raises CourseError for a model that cannot
    be had.
    """
    source = place_of(source)
    with quiet():
        if not isinstance(source, Path):
            return _from_hub(source)
        if source.is_dir():
            return _from_folder(source)
        return _from_gguf(source)


def _from_folder(folder):
    try:
        return _read(folder)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise CourseError(
            f"{folder} could not be read as a model in the hub's format: {error}"
        ) from error


def _from_gguf(path):
    folder = _converted(path)
    if _intact(folder):
        with contextlib.suppress(OSError, ValueError):
            return _read(folder)
    try:
        model, tokenizer = _read(path.parent, gguf_file=path.name)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise CourseError(f"{path} could not be read as GGUF: {error}") from error
    # the weights are plain numbers now, and may be saved as such
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    _keep(model, tokenizer, folder)
    return model, tokenizer


def _converted(path):
    """Return the folder of a conversion, named by all that decides it."""
    from transformers import __version__

    content = sha256(path) + sha256(Path(__file__)) + __version__
    key = hashlib.sha256(content.encode()).hexdigest()[:16]
    return cache_folder() / "converted" / f"{path.stem}-{key}"


def _keep(model, tokenizer, folder):
    """Save a conversion under its name, whole or not at all.

    Where that is not possible, as in a cache that is full or read-only, the
    next run converts again.
    """
    from safetensors import SafetensorError

    part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    try:
        part.mkdir(parents=True)
        model.save_pretrained(part)
        tokenizer.save_pretrained(part)
        sums = {file.name: sha256(file) for file in part.iterdir()}
        (part / SUMS).write_text(json.dumps(sums))
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(part, folder)
    except (OSError, SafetensorError):
        if not _intact(folder):  # nobody else was quicker
            print(f"the converted model cannot be kept in {folder.parent}: "
                  "the next run will convert it again")
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _intact(folder):
    """Tell whether a conversion is all there, byte for byte."""
    try:
        sums = json.loads((folder / SUMS).read_text())
        return bool(sums) and all(sha256(folder / name) == digest
                                  for name, digest in sums.items())
    except (OSError, ValueError, AttributeError, TypeError):
        return False


def _from_hub(name):
    try:
        return _read(name, local_files_only=False)
    except (OSError, ValueError) as error:
        raise CourseError(
            f"the model {name!r} could not be had: it is neither a file or a "
            "folder here nor in the hub's cache, and the hub did not deliver "
            "it. Is the name right, and is there a network?"
        ) from error


def _read(where, local_files_only=True, **options):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    options["local_files_only"] = local_files_only
    tokenizer = AutoTokenizer.from_pretrained(where, **options)
    model = AutoModelForCausalLM.from_pretrained(
        where, dtype=torch.float32, **options)
    return model.eval(), tokenizer
