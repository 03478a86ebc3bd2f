"""The numbers of chapters on the site: those that their sources say."""

from sphinx.environment.collectors import EnvironmentCollector


class ChapterNumbers(EnvironmentCollector):
    """Numbers each chapter as its source does, also while others are missing.

    It comes after the collector of the contents, which counts the chapters that
    there are, and before anything is written.
    """

    def clear_doc(self, app, env, docname):
        """Nothing is kept of a page."""

    def merge_other(self, app, env, docnames, other):
        """Nothing is kept of a page."""

    def process_doc(self, app, doctree):
        """Nothing is kept of a page."""

    def get_updated_docs(self, app, env):
        """Renumber the chapters; return the pages that this changes."""
        numbers = {f"notebooks/{chapter.name}": chapter.number
                   for chapter in app.book.chapters}
        return [page for page, number in numbers.items() if renumber(env, page, number)]


def renumber(env, page, number):
    """Put this number first in every number on a page; tell if it was another.

    These are the numbers of the page's title and sections, here and in the
    contents, and of what it counts: equations, exercises, theorems.
    """
    found = env.toc_secnumbers.get(page)
    if not found:  # the contents do not number it
        return False
    for node in [env.titles[page], *env.tocs[page].findall()]:
        if getattr(node, "attributes", {}).get("secnumber"):
            node["secnumber"] = [number, *node["secnumber"][1:]]
    env.toc_secnumbers[page] = _beginning_with(number, found)
    counted = env.toc_fignumbers.get(page, {})
    for kind in counted:
        counted[kind] = _beginning_with(number, counted[kind])
    return env.toc_secnumbers[page] != found


def _beginning_with(number, numbers):
    return {anchor: old and (number, *old[1:]) for anchor, old in numbers.items()}
