"""Convert a model once: the result is kept beside the assets, checked by hash."""

import contextlib
import hashlib
import json
import os
import shutil
from pathlib import Path

from helpers.assets import cache_folder, sha256

SUMS = "sha256.json"


def converted_once(files, readers, read, convert):
    """Return the model and the tokenizer that `convert()` makes of files.

    The result is saved; from then on `read(folder)` has it back. It is made
    again when it is damaged, and when one of the files, one of the modules at the
    paths `readers` or the version of transformers has changed.
    """
    folder = _folder([*files, *map(Path, readers)], files[0].stem)
    if _intact(folder):
        with contextlib.suppress(OSError, ValueError):
            return read(folder)
    model, tokenizer = convert()
    _keep(model, tokenizer, folder)
    return model, tokenizer


def _folder(files, name):
    """Return the folder of a conversion, named by all that decides it."""
    from transformers import __version__

    content = "".join(map(sha256, files)) + __version__
    key = hashlib.sha256(content.encode()).hexdigest()[:16]
    return cache_folder() / "converted" / f"{name}-{key}"


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
