"""What the readers share: where a model lies, and peace while it is read."""

import contextlib
from functools import partialmethod
from pathlib import Path

from helpers.errors import CourseError


def place_of(source):
    """Return the Path of a `source` that is here, and the name of any other.

    Raises CourseError for what can be neither a path nor a name.
    """
    if not (source and isinstance(source, (str, Path))):
        raise CourseError(f"a model goes by its name or its path, not by {source!r}")
    return Path(source) if Path(source).exists() else source


@contextlib.contextmanager
def quiet():
    """Keep progress bars and advice to developers off a reader's page."""
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
