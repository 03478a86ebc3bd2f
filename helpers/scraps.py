"""The scraps of an executed notebook: their format, written and read here alone.

A scrap is a named piece of data in the output of a cell, in the format of the
scrapbook package, which is also what `glue` reads. Besides the records, which
have names of the author's choice, a run stores its card, its verified
equations and whether it skipped its last cells, under reserved names.
"""

from dataclasses import dataclass, field

from helpers.notebook import display

SCRAP = "application/scrapbook.scrap.json+json"
GLUE = "application/papermill.record/"
CARD = "run-card"
REST_SKIPPED = "rest-skipped"
VERIFIED = "verify:"  # then the label and, from the second check on, "#2", …


def is_reserved(name):
    """Tell whether a scrap of this name is something else than a record."""
    return name in (CARD, REST_SKIPPED) or name.startswith(VERIFIED)


def write_record(name, data, text):
    """Store a record; `text` is what glue puts into the prose of the site."""
    _write(name, data, repr(text))


def write_verification(label, repetition, data):
    """Store what the check number `repetition`, from 1, of an equation found."""
    again = f"#{repetition}" if repetition > 1 else ""
    _write(f"{VERIFIED}{label}{again}", data)


def write_card(facts):
    """Store the facts of the run card, a dict of texts."""
    _write(CARD, facts)


def write_rest_skipped():
    """Store that the cells after this one are skipped."""
    _write(REST_SKIPPED, True)


@dataclass
class Scraps:
    """What an executed notebook stored.

    `records` maps a name to a dict of value, se, interval, tol, unit and text,
    `card` holds the facts of the run card, empty if there is none, `verified`
    maps a label to the data of its checks in their order, and `rest_skipped`
    tells whether the run skipped its last cells.
    """

    records: dict = field(default_factory=dict)
    card: dict = field(default_factory=dict)
    verified: dict = field(default_factory=dict)
    rest_skipped: bool = False

    @classmethod
    def of(cls, notebook):
        """Read the scraps of an nbformat notebook; of one name the last counts."""
        found = {}
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                if scrap := output.get("data", {}).get(SCRAP):
                    found[scrap["name"]] = scrap["data"]
        scraps = cls(card=found.pop(CARD, {}),
                     rest_skipped=bool(found.pop(REST_SKIPPED, False)))
        for name, data in found.items():
            if name.startswith(VERIFIED):
                label = name.removeprefix(VERIFIED).partition("#")[0]
                scraps.verified.setdefault(label, []).append(data)
            else:
                scraps.records[name] = data
        return scraps


def _write(name, data, text=""):
    """Write one scrap into the output of this cell; nothing is shown."""
    scrap = {"name": name, "data": data, "encoder": "json", "version": 1}
    display(
        {SCRAP: scrap, GLUE + "text/plain": text},
        {"scrapbook": {"name": name, "data": True, "display": False,
                       "mime_prefix": GLUE}},
    )
