"""Number equations, theorems and exercises, and refuse an unverified claim."""

from dataclasses import dataclass

from pipeline.errors import BookError

DEFINITION = "def-"


@dataclass
class Label:
    """A labelled thing: its printed name (such as "Exercise 2.1") and kind."""

    name: str
    kind: str
    number: str
    chapter: str
    text: str

    @property
    def is_claim(self):
        return self.kind == "equation" and not self.name.startswith(DEFINITION)


def collect(chapters):
    """Return every label of the book by name, numbered as the site does."""
    labels = {}
    for chapter in chapters:
        counts = {}
        for cell in chapter.cells:
            for kind, name, title in cell.labelled:
                if kind == "section":
                    number, text = "", title
                else:
                    counts[kind] = counts.get(kind, 0) + 1
                    number = f"{chapter.number}.{counts[kind]}"
                    text = f"{kind.capitalize()} {number}"
                if name in labels:
                    raise BookError(
                        f"{chapter.path.name}: the label {name} is already "
                        f"used in {labels[name].chapter}"
                    )
                labels[name] = Label(name, kind, number, chapter.name, text)
    return labels


def refuse_unverified(chapters, labels):
    """Raise BookError for a claim without a check and an unknown label."""
    for chapter in chapters:
        equations = {label.name: label for label in labels.values()
                     if label.kind == "equation" and label.chapter == chapter.name}
        verified = chapter.passed_to("verify")
        for name in verified:
            if name not in equations:
                raise BookError(
                    f"{chapter.path.name}: verify(\"{name}\", …) names no "
                    "equation of this chapter"
                )
        for name, label in equations.items():
            if label.is_claim and name not in verified:
                raise BookError(
                    f"{chapter.path.name}: nothing verifies the claim {name}, "
                    f"equation ({label.number}). Add a verify() cell, or call it "
                    f"{DEFINITION}… if it is a definition"
                )
