"""The numbers of chapters on the site: those that their sources say."""

from sphinx.environment.collectors import EnvironmentCollector
from sphinx.environment.collectors.toctree import TocTreeCollector


class ChapterNumbers(EnvironmentCollector):
    """Numbers each chapter as its source does, also while others are missing.

    It comes after the collector of the contents, which counts the chapters that
    there are, and before anything that is written.
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
        changed = [page for page, number in numbers.items()
                   if renumber(env, page, number)]
        return changed and changed + TocTreeCollector().assign_figure_numbers(env)


def renumber(env, page, number):
    """Give a page and its sections this first number; tell whether it is another."""
    found = env.toc_secnumbers.get(page, {})
    kept = {anchor: old and (number, *old[1:]) for anchor, old in found.items()}
    titled = [env.titles[page], *env.tocs[page].findall()] if found else []
    for node in titled:
        if getattr(node, "attributes", {}).get("secnumber"):
            node["secnumber"] = [number, *node["secnumber"][1:]]
    if kept == found:
        return False
    env.toc_secnumbers[page] = kept
    return True
