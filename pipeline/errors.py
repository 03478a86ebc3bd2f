"""The one kind of error that ends a command with a message and no traceback."""


class BookError(Exception):
    """Something in the course that a person must fix; the message says what."""
