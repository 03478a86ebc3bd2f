"""Docstrings on the site: plain text with `code` in it, as the course writes them.

Sphinx reads docstrings as reStructuredText, in which a single backtick, a star
or a bar means something else.
"""

import re

SIGNS = re.compile(r"`([^`]+)`|[\\*|_\"]")


def setup(app):
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", as_restructuredtext)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def as_restructuredtext(app, what, name, thing, options, lines):
    """Rewrite the lines of a docstring in place; its examples stay as they are."""
    parts = re.split(r"(\n\s*\n)", "\n".join(lines))
    lines[:] = "".join(
        part if part.startswith(">>>") else SIGNS.sub(_marked, part)
        for part in parts).split("\n")


def _marked(match):
    return f"``{match[1]}``" if match[1] else f"\\{match[0]}"
