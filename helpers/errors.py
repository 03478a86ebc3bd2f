"""The one kind of error that a reader is meant to read."""


class CourseError(Exception):
    """An error whose message says what to do next.

    IPython shows the message without the traceback, which would be that of
    the helpers and not of the reader's own code.
    """

    def _render_traceback_(self):
        return [f"{type(self).__name__}: {self}"]


def names(known):
    """Render known names for a message: `a, b and c`, or `none`."""
    known = [str(name) for name in known]
    if len(known) < 2:
        return known[0] if known else "none"
    return f"{', '.join(known[:-1])} and {known[-1]}"
