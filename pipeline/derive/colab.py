"""The cell that installs the course where it is missing, as in Colab."""

from pipeline.ipynb import code_cell
from pipeline.source.tags import BOOTSTRAP

INSTALL = '''\
# On a fresh machine such as Colab this installs the course; elsewhere nothing.
try:
    from helpers import start
except ImportError:
    import os
    import subprocess
    import sys

    source = os.environ.get(
        "COURSE_SOURCE",
        "git+{url}@{ref}",
    )
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", source], check=True
    )'''


def bootstrap(book, ref=None):
    """Make the cell that installs the course from where it is published."""
    repository = book.config["repository"]
    code = INSTALL.format(url=repository["url"], ref=ref or repository["branch"])
    return code_cell(code, BOOTSTRAP, [BOOTSTRAP])
