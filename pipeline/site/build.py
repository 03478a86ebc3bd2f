"""Make the book, or do nothing where the site was made from what is there now."""

from pipeline.git import head
from pipeline.site.state import BUILT_FROM, KEY, is_current, key


def make(book, profile="quick"):
    """Bring the site of a profile up to date; return the exit code.

    Raises BookError where a source breaks a rule, data cannot be fetched or the
    site cannot be rendered.
    """
    if not is_current(book, profile):
        from pipeline.site.render import update  # long to import, with Sphinx

        if update(book, profile):
            return 1
        (book.site / KEY).write_text(key(book, profile))
    (book.site / BUILT_FROM).write_text(head(book.root))
    print(f"The book is at {(book.site / 'index.html').as_uri()}")
    return 0
