"""The names of helpers: each is there, documented, and of its own module."""

import subprocess
import sys

import pytest

import helpers
from tests.conftest import ROOT

IMPORTED_ALONE = """
import os, datasets, torch, transformers  # once, for they are slow
import helpers
for name in helpers.__all__:
    child = os.fork()
    if not child:
        it = getattr(helpers, name)
        assert it.__doc__ and callable(it), name
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, name
"""


def test_every_name_of_helpers_is_there_and_documented():
    """Each in a process of its own: a module must not take its function's name."""
    subprocess.run([sys.executable, "-c", IMPORTED_ALONE], check=True, cwd=ROOT)
    with pytest.raises(AttributeError, match="it has CourseError, start"):
        helpers.nothing  # noqa: B018
