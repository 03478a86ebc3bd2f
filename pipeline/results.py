"""Full runs kept as small JSON, and the page that sets them beside the sources."""

import json
import tomllib

from pipeline import executed
from pipeline.chapters import ROOT, SourceError, choose

RESULTS = ROOT / "book" / "results"
PUBLISHED = ROOT / "book" / "published.toml"
ASIDE = ("run-card", "rest-skipped")  # and what verify stored
FIELDS = {"document", "place", "what", "published", "chapter", "records", "differs"}


def keep(names=(), profile="full"):
    """Keep the records of each chapter's fresh run in book/results.

    `names` are those of the chapters wanted; all when none is named. Returns
    the paths that changed. Raises SourceError for an unknown chapter and when
    a run is missing or stale.
    """
    changed = []
    for chapter in choose(names):
        run = executed.fresh(chapter, {**chapter.defaults, "profile": profile})
        path = RESULTS / f"{chapter.name}.json"
        text = json.dumps(summary(run), indent=1, ensure_ascii=False) + "\n"
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            changed.append(path.relative_to(ROOT))
    return changed


def summary(run):
    """Return a run's card and its records, of an executed notebook."""
    scraps = executed.scraps(run)
    spent = run.metadata["course"]["core_seconds"]
    return {
        "run": {**scraps["run-card"], "core seconds": f"{spent:.0f} s"},
        "records": {name: {key: data[key] for key in ("value", "se", "unit", "text")}
                    for name, data in scraps.items()
                    if name not in ASIDE and "text" in data},
    }


def load(chapters):
    """Return what is kept of each chapter that has a run, by name."""
    paths = {chapter.name: RESULTS / f"{chapter.name}.json" for chapter in chapters}
    return {name: json.loads(path.read_text())
            for name, path in paths.items() if path.exists()}


def published():
    """Return the figures of the source documents, as written by hand."""
    return tomllib.loads(PUBLISHED.read_text())["figure"] if PUBLISHED.exists() else []


def page(chapters):
    """Return the page that sets each published figure beside ours.

    Raises SourceError for an entry of published.toml that names a chapter or
    a record which is not there.
    """
    kept, every = load(chapters), {chapter.name: chapter for chapter in chapters}
    lines = ["# Results", "",
             "What the source documents report, and what this course measures in "
             "the full profile. A figure of ours is a mean over seeds with its "
             "standard error wherever the claim is about a method, and brackets hold "
             "the bootstrap's interval of 95 percent over documents; the last column "
             "says what differs. The table at the end says which run made the "
             "figures. This page is written from `book/published.toml` and from "
             "the runs kept in `book/results`.", ""]
    documents = {}
    for entry in published():
        documents.setdefault(_sound(entry, every)["document"], []).append(entry)
    for document, entries in documents.items():
        lines += [f"## {document}", "",
                  "| where | what | published | this course | what differs |",
                  "|---|---|---:|---:|---|"]
        for entry in entries:
            chapter = every[entry["chapter"]]
            link = f"{{doc}}`{chapter.number} </notebooks/{chapter.name}>`"
            lines.append(f"| {entry['place']}, chapter {link} | {entry['what']} | "
                         f"{entry['published']} | {_ours(entry, kept)} | "
                         f"{entry['differs']} |")
        lines.append("")
    lines += ["## The runs", "",
              "| chapter | commit | device | core seconds | peak memory | versions |",
              "|---|---|---|---:|---:|---|"]
    for chapter in chapters:
        heading = f"| {{doc}}`{chapter.number} </notebooks/{chapter.name}>` |"
        if chapter.name in kept:
            run = kept[chapter.name]["run"]
            lines.append(f"{heading} {run['commit']} | {run['device']}, "
                         f"{run['threads']} thread | {run['core seconds']} | "
                         f"{run['peak memory']} | {run['versions']} |")
        else:
            lines.append(f"{heading} no full run is kept yet | | | | |")
    return "\n".join([*lines, ""])


def _sound(entry, chapters):
    """Return an entry of published.toml that is whole."""
    what = entry.get("what", "an entry")
    if entry.keys() != FIELDS:
        wrong = ", ".join(sorted(entry.keys() ^ FIELDS))
        raise SourceError(f"book/published.toml: {what!r}: {wrong} missing or unknown")
    if entry["chapter"] not in chapters:
        raise SourceError(f"book/published.toml: {what!r}: there is no chapter "
                          f"{entry['chapter']!r}")
    return entry


def _ours(entry, kept):
    """Return our figures in the words of the run."""
    if entry["chapter"] not in kept:
        return "not yet"
    records = kept[entry["chapter"]]["records"]
    for name in entry["records"]:
        if name not in records:
            raise SourceError(f"book/published.toml: {entry['what']!r}: the run of "
                              f"{entry['chapter']} has no record {name!r}")
    return " / ".join(records[name]["text"] for name in entry["records"])
