"""The pages of the book that are written by machine."""

import ast

from helpers.data.assets import manifest
from pipeline.chapters import ROOT, SourceError, parse

SCALE = ROOT / "book" / "results" / "scale.json"
SOAK = ROOT / "book" / "results" / "soak.json"
WAYS = {"one loop": "papermill, one loop", "two loops": "papermill, two loops",
        "local": "`sweep`, two processes", "cluster": "`sweep`, two dask workers"}


def data():
    """Return the page that lists the data, from the manifest."""
    lines = ["# Data", "",
             "Every data set and every set of weights of the book is pinned, and "
             "checked by its hash each time it is read. What does not come with "
             "the course's own packages is fetched once, from the registry that "
             "holds it, into one cache folder, which `COURSE_CACHE` moves. This "
             "page is written from `helpers/data/assets.toml`.", ""]
    for name, entry in manifest().items():
        cited = entry.get("citation")
        lines += [f"## {name}", "", f"{entry['title']}.", "",
                  "| | |", "|---|---|"]
        for source in entry["sources"]:
            lines.append(f"| {source['kind']} | `{source['package']}` "
                         f"{source['version']} |")
            lines += [f"| file | `{member}`, sha256 `{digest[:16]}…` |"
                      for member, digest in source["members"].items()]
        lines.append(f"| terms | {entry['terms']} |")
        if cited:
            lines.append(f"| cite | {{cite:t}}`{cited}` |")
        lines.append("")
    return "\n".join(lines)


def equations(chapters, labels):
    """Return the page that lists every labelled equation with its checks."""
    mine = {chapter.name: [label for label in labels.values()
                           if label.kind == "equation"
                           and label.chapter == chapter.name]
            for chapter in chapters}
    every = [label for found in mine.values() for label in found]
    claims = sum(label.is_claim for label in every)
    lines = ["# Equations", "",
             f"The book labels {len(every)} equations so far. Of these, "
             f"{len(every) - claims} are definitions, and {claims} are claims. A "
             "claim is verified in its chapter: what the formula says is computed, "
             "and compared with the same quantity reached by another road. The "
             "table names that road, or each of them where there are several. A "
             "build stops at a claim that nothing verifies, and at one that does "
             "not hold. This page is written from the chapters' sources.", ""]
    for chapter in chapters:
        roads = checks(chapter)
        lines += [f"## {chapter.number} {chapter.title}", "",
                  "| equation | label | checked by |", "|---|---|---|"]
        for label in mine[chapter.name]:
            says = "; ".join(roads.get(label.name, ["a definition"]))
            lines.append(f"| {{eq}}`{label.name}` | `{label.name}` | {says} |")
        lines.append("")
    return "\n".join(lines)


def checks(chapter):
    """Return, for each label that a chapter verifies, the roads it names.

    Raises SourceError for a road that is not written out.
    """
    roads, texts = {}, {}
    for cell in chapter.code:
        tree = parse(cell.filled)
        texts |= _texts(tree)
        for call in ast.walk(tree):
            if not (isinstance(call, ast.Call)
                    and getattr(call.func, "id", "") == "verify"):
                continue
            label = call.args[0].value
            by = {word.arg: word.value for word in call.keywords}.get("by")
            text = texts.get(getattr(by, "id", None), getattr(by, "value", None))
            if not isinstance(text, str):
                raise SourceError(
                    f"{chapter.path.name}:{cell.line}: verify(\"{label}\", …) says "
                    "in quotes, after by=, which second road was taken"
                )
            roads.setdefault(label, {})[text] = True
    return roads


def _texts(tree):
    """Return the names to which a cell assigns a text, with the text."""
    pairs = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            (target,), value = node.targets[:1], node.value
            pairs += (zip(target.elts, value.elts, strict=False)
                      if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
                      else [(target, value)])
    return {target.id: value.value for target, value in pairs
            if isinstance(target, ast.Name) and isinstance(value, ast.Constant)}


def scale(measured):
    """Return the table of what each way to execute a notebook costs.

    `measured` is what tests.benchmarks.benchmark_scale found. What is beyond
    bare papermill is beyond two loops of it side by side.
    """
    rows = {(row["way"], row["notebooks"]): row for row in measured["rows"]}
    counts = list(dict.fromkeys(number for _, number in rows))
    heads = [f"{number} notebooks" for number in counts]
    lines = [f"| | {' | '.join(heads)} |", "|---|" + "---:|" * len(counts)]
    for figure, name in (("seconds", "seconds"), ("core_seconds", "core seconds")):
        for way, title in WAYS.items():
            cells = [_beyond(rows[way, number][figure] / number,
                             rows["two loops", number][figure] / number,
                             way in ("local", "cluster")) for number in counts]
            lines.append(f"| {name} of a notebook, {title} | {' | '.join(cells)} |")
    few, many = counts[0], counts[-1]
    growth = [[(rows[way, number]["core_seconds"]
                - rows["two loops", number]["core_seconds"]) / number
               for number in (few, many)] for way in ("local", "cluster")]
    (here_few, here_many), (there_few, there_many) = growth
    rest = [row["rest"] for row in measured["rows"]]
    return "\n".join([*lines, "", (
        f"From {few} to {many} notebooks, the core seconds of each beyond papermill "
        f"go from {here_few:.2f} to {here_many:.2f} in processes of this machine, and "
        f"from {there_few:.2f} to {there_many:.2f} on a cluster."), "", (
        f"Measured on {measured['cores']} cores with Python {measured['Python']}, "
        f"papermill {measured['papermill']} and distributed "
        f"{measured['distributed']}, while other programs kept {min(rest):.1f} to "
        f"{max(rest):.1f} cores busy."), ""])


def _beyond(own, base, compared):
    """Write a cost of one notebook, and by how much it exceeds the base."""
    more = f"{own - base:+.2f}".replace("-", "−")
    return f"{own:.2f}" + (f" ({more}, {own / base:.1f}×)" if compared else "")


def soak(measured):
    """Return the tables of how far runs of the same notebooks lie apart.

    `measured` is what tests.soak found.
    """
    lines = ["| chapter | records | differ, twice | farthest | differ, two threads "
             "| farthest |", "|---|---:|---:|---:|---:|---:|"]
    outside = []
    for name, pairs in measured["chapters"].items():
        twice, threads = pairs["twice"], pairs["threads"]
        lines.append(f"| {name} | {twice['records']} | {twice['unequal']} | "
                     f"{_share(twice)} | {threads['unequal']} | {_share(threads)} |")
        outside += [f"{name}, {what}: {', '.join(pair['beyond'])}"
                    for what, pair in (("twice", twice), ("two threads", threads))
                    if pair["beyond"]]
    lines += ["", "Beyond their tolerance: " + ("; ".join(outside) or "none") + ".",
              "", f"Measured on {measured['cores']} cores with Python "
              f"{measured['Python']}.", ""]
    broken = measured["interrupted"]
    if broken is None:
        return "\n".join(lines)
    stops = ", ".join(f"{stop['by']} after {stop['after']} s"
                      for stop in broken["stopped"])
    same = [("" if broken[what] else "not ") + f"the {what}"
            for what in ("same files", "same words")]
    return "\n".join([*lines, (
        f"A build stopped by {stops}, and begun again each time, ended with "
        f"{' and '.join(same)} as one that was left alone, and left "
        f"{broken['left over']} half-written files."), ""])


def _share(pair):
    return f"{pair['most']:.2g}" if pair["unequal"] else "0"
