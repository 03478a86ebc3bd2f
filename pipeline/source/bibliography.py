"""Works cited, in the author-year style that the site has."""

import re
from functools import cache, cached_property

from pipeline.errors import BookError


class Bibliography:
    """The entries of one BibTeX file, read when they are first asked for."""

    def __init__(self, path):
        self.path = path

    @cached_property
    def entries(self):
        """The entries by key. Raises BookError for a file that is not BibTeX."""
        from pybtex.database import parse_file
        from pybtex.exceptions import PybtexError

        try:
            return parse_file(str(self.path)).entries
        except PybtexError as error:
            raise BookError(f"{self.path.name}: {error}") from error

    def citation(self, keys, textual, where=""):
        """Return a citation as text: `A [1951]` if textual, else `[A, 1951]`.

        Raises BookError, with `where`, for a key that has no entry.
        """
        cited = []
        for key in keys:
            if key not in self.entries:
                raise BookError(f"{where}: {self.path.name} has no entry {key}")
            entry = self.entries[key]
            people = [" ".join(p.prelast_names + p.last_names) for p in
                      entry.persons.get("author", entry.persons.get("editor", []))]
            if len(people) > 2:
                people = [f"{people[0]} *et al.*"]
            authors, year = " and ".join(people), entry.fields["year"]
            cited.append(f"{authors} [{year}]" if textual else f"{authors}, {year}")
        return ", ".join(cited) if textual else f"[{'; '.join(cited)}]"

    def listing(self, keys):
        """Return the cited works as a Markdown list, in the style's order."""
        style, _ = _style()
        works = style.sort([self.entries[key] for key in sorted(keys)])
        return "\n".join(f"- {self._work(work.key)}" for work in works)

    @cache  # noqa: B019 - a book is read once
    def _work(self, key):
        """Return a work as text."""
        style, backend = _style()
        (entry,) = style.format_entries([self.entries[key]])
        text = " ".join(entry.text.render(backend).split())
        return re.sub(r"\\([.()\-])", r"\1", text)


@cache
def _style():
    from pybtex.plugin import find_plugin

    return (find_plugin("pybtex.style.formatting", "plain")(),
            find_plugin("pybtex.backends", "markdown")())
