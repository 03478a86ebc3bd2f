"""The tags that a code cell may have, and what each of them means."""

PARAMETERS = "parameters"
DEFINE = "define"
COMPARED = "nbval-check-output"
HIDE_INPUT = "hide-input"
HIDE_OUTPUT = "hide-output"
BOOTSTRAP = "bootstrap"

MEANING = {
    PARAMETERS: "constants that papermill may replace: one cell per chapter, folded",
    DEFINE: "imports, functions and classes, also for the solution module; every "
            "exercise has this tag by itself",
    COMPARED: "records or verifies: nbval compares what it prints",
    HIDE_INPUT: "the page folds its code",
    HIDE_OUTPUT: "the page folds its output",
}
DERIVED = {BOOTSTRAP: "installs the course where it is missing, as in Colab"}
FOLDED = (PARAMETERS, HIDE_INPUT)


def tags_of(cell):
    """Return the tags of a notebook's cell."""
    return cell.metadata.get("tags", [])
