"""Write files whole or not at all, and know them by their hashes."""

import contextlib
import hashlib
import os
import shutil
from pathlib import Path


@contextlib.contextmanager
def write_whole(path, keep_suffix=False):
    """Yield a temporary path that becomes `path` when the block ends well.

    The block makes it as a file or as a folder. It lies beside `path`, whose
    parent folders are made, and its name ends in ".part", or in the suffix of
    `path` where a writer looks at that. On success it replaces an old file or
    folder; on failure it is removed, and `path` stays as it was. Raises
    OSError where the parent or the temporary path cannot be written.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with write_whole(Path(folder.name, "new", "note.txt")) as part:
    ...     _ = part.write_text("all of it")
    >>> Path(folder.name, "new", "note.txt").read_text()
    'all of it'
    >>> folder.cleanup()
    """
    path = Path(path)
    suffix = f".part{path.suffix}" if keep_suffix else ".part"
    maker = f"{os.getpid()}-{os.urandom(4).hex()}"  # machines may share a folder
    part = path.with_name(f"{path.name}.{maker}{suffix}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield part
        if part.is_dir() and path.is_dir():  # a folder replaces only an empty one
            shutil.rmtree(path, ignore_errors=True)
        os.replace(part, path)
    finally:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                part.unlink()


def sha256(path):
    """Return the SHA-256 hash of a file as hexadecimal text.

    >>> sha256(os.devnull)[:12]
    'e3b0c44298fc'
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
