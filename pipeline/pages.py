"""The pages of the book that are written by machine."""

import ast

from helpers.assets import manifest
from pipeline.chapters import SourceError, parse


def data():
    """Return the page that lists the data, from the manifest."""
    lines = ["# Data", "",
             "Every data set and every set of weights of the book is pinned, and "
             "checked by its hash each time it is read. What does not come with "
             "the course's own packages is fetched once, from the registry that "
             "holds it, into one cache folder, which `COURSE_CACHE` moves. This "
             "page is written from `helpers/assets.toml`.", ""]
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
