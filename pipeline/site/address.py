"""The address of the repository, which stands in _config.yml and nowhere else."""

import re
from urllib.parse import urlsplit

from pipeline.book import Book
from pipeline.derive import derive
from pipeline.errors import BookError


def set_address(book, url, branch=None):
    """Write the address into _config.yml and derive again.

    Returns the paths that changed. Raises BookError for an address that is
    not https://HOST/OWNER/NAME.
    """
    parts = urlsplit(url.rstrip("/").removesuffix(".git"))
    if parts.scheme != "https" or not re.fullmatch(r"/[\w.-]+/[\w.-]+", parts.path):
        raise BookError(f"{url} is not of the form https://HOST/OWNER/NAME")
    path = book.root / "_config.yml"
    before = path.read_text()
    after = re.sub(r"(?m)^(repository:\n  url: ).*$", rf"\g<1>{parts.geturl()}", before)
    if branch:
        after = re.sub(r"(?m)^(  branch: ).*$", rf"\g<1>{branch}", after, count=1)
    path.write_text(after)
    changed = [book.relative(path)] if after != before else []
    return changed + derive(Book(book.root))
