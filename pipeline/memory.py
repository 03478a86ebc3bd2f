"""What was made of a text, kept until the text or the code that made it changes."""

import contextlib
import pickle

from helpers.files import sha256, write_whole
from pipeline.hashing import sha


class Memory:
    """Values in the files of one folder, each with a key of what it was made from.

    The key covers the contents of the files `code`, too. Values are pickled. A file
    that cannot be read or written costs time and nothing else.
    """

    def __init__(self, folder, code):
        self.folder = folder
        self._code = [sha256(path) for path in sorted(code)]

    def recall(self, name, texts, make):
        """Return what `make()` makes of these texts, from the file `name` if it can."""
        key = sha("\0".join([*self._code, *texts]).encode())
        path = self.folder / f"{name}.pickle"
        with contextlib.suppress(Exception):  # pickle raises anything on bad bytes
            known, value = pickle.loads(path.read_bytes())
            if known == key:
                return value
        value = make()
        with contextlib.suppress(OSError), write_whole(path) as part:
            part.write_bytes(pickle.dumps((key, value)))
        return value
