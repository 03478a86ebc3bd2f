"""Convert a model once: the result is kept beside the assets, checked by hash."""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from helpers.assets import cache_folder, sha256
from helpers.weights.reading import quiet

SUMS = "sha256.json"


@dataclass(frozen=True)
class Conversion:
    """A model and its tokenizer that `convert()` makes of files, and is kept.

    From then on `read(folder)` has them back. They are made again when what is
    kept is damaged, and when one of the `files`, one of the modules at the paths
    `readers` or the version of transformers has changed.
    """

    files: list[Path]
    readers: list[str]
    read: Callable
    convert: Callable

    def make(self):
        """Convert, unless it is done: what is kept is checked and not read."""
        if not _intact(self.folder):
            with quiet():
                self.load()

    def load(self):
        """Return the model and its tokenizer, read or made."""
        folder = self.folder
        if _intact(folder):
            with contextlib.suppress(OSError, ValueError):
                return self.read(folder)
        model, tokenizer = self.convert()
        _keep(model, tokenizer, folder)
        return model, tokenizer

    @property
    def folder(self):
        """The folder of the conversion, named by all that decides it."""
        hashes = map(sha256, [*self.files, *map(Path, self.readers)])
        content = "".join(hashes) + version("transformers")
        key = hashlib.sha256(content.encode()).hexdigest()[:16]
        return cache_folder() / "converted" / f"{self.files[0].stem}-{key}"


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
