"""Convert a model once: the result is cached, and checked by hash."""

import contextlib
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from helpers.data.assets import cache_folder
from helpers.files import sha256, write_whole
from helpers.models.loading import quiet

SUMS = "sha256.json"


@dataclass(frozen=True)
class Conversion:
    """A cached conversion of files into a model and its tokenizer.

    `convert()` makes the two, `read(folder)` loads them from the cache. They
    are made again when the cached files are damaged, and when one of the
    `files`, one of the modules at the paths `readers` or the version of
    transformers has changed.
    """

    files: list[Path]
    readers: list[str]
    read: Callable
    convert: Callable

    def make(self):
        """Convert unless the cache is intact, which is checked without loading."""
        if not _intact(self.folder):
            with quiet():
                self.load()

    def load(self):
        """Return the model and its tokenizer, from the cache or converted."""
        folder = self.folder
        if _intact(folder):
            with contextlib.suppress(OSError, ValueError):
                return self.read(folder)
        model, tokenizer = self.convert()
        _store(model, tokenizer, folder)
        return model, tokenizer

    @property
    def folder(self):
        """The cache folder, named by a hash of everything the result depends on."""
        hashes = map(sha256, [*self.files, *map(Path, self.readers)])
        content = "".join(hashes) + version("transformers")
        key = hashlib.sha256(content.encode()).hexdigest()[:16]
        return cache_folder() / "converted" / f"{self.files[0].stem}-{key}"


def _store(model, tokenizer, folder):
    """Save a conversion under its name, whole or not at all.

    Where that is not possible, as in a cache that is full or read-only, the
    next run converts again.
    """
    from safetensors import SafetensorError

    try:
        with write_whole(folder) as part:
            part.mkdir()
            model.save_pretrained(part)
            tokenizer.save_pretrained(part)
            sums = {file.name: sha256(file) for file in part.iterdir()}
            (part / SUMS).write_text(json.dumps(sums))
    except (OSError, SafetensorError):
        if not _intact(folder):  # another process may have stored it meanwhile
            print(f"the converted model cannot be stored in {folder.parent}: "
                  "the next run will convert it again")


def _intact(folder):
    """Tell whether a cached conversion is complete, byte for byte."""
    try:
        sums = json.loads((folder / SUMS).read_text())
        return bool(sums) and all(sha256(folder / name) == digest
                                  for name, digest in sums.items())
    except (OSError, ValueError, AttributeError, TypeError):
        return False
