"""What the readers of models share: a source's place, and quiet loading."""

import contextlib
from functools import partialmethod
from pathlib import Path

from helpers.errors import CourseError


def locate(source):
    """Return a `source` as a Path if it exists here, else as the name it is.

    Raises CourseError for what can be neither a path nor a name.
    """
    if not (source and isinstance(source, (str, Path))):
        raise CourseError(f"a model goes by its name or its path, not by {source!r}")
    return Path(source) if Path(source).exists() else source


@contextlib.contextmanager
def quiet():
    """Turn off the progress bars and warnings of transformers in a block."""
    from tqdm.auto import tqdm
    from transformers import logging

    begin, level = tqdm.__init__, logging.get_verbosity()
    tqdm.__init__ = partialmethod(begin, disable=True)
    logging.set_verbosity_error()
    try:
        yield
    finally:
        tqdm.__init__ = begin
        logging.set_verbosity(level)
