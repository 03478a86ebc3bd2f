"""Tables of what benchmarks measured, for the pages that include them."""

from pipeline.tables import table

METHODS = {"one loop": "papermill, one loop", "two loops": "papermill, two loops",
           "local": "`sweep`, two processes", "cluster": "`sweep`, two dask workers"}
COMPARED = ("local", "cluster")  # with papermill alone in two parallel loops
FIGURES = {"seconds": "seconds", "core_seconds": "core seconds"}


def scale(measured):
    """Return the table of the cost of each way to execute a notebook.

    `measured` is what tests.benchmarks.benchmark_scale found. Overheads are
    those over papermill alone in two parallel loops.
    """
    spent = {(row["way"], row["notebooks"]): row for row in measured["rows"]}
    counts = list(dict.fromkeys(count for _, count in spent))

    def cost(figure, method, count):
        return spent[method, count][figure] / count

    rows = [[f"{title} of a notebook, {name}", *(
        _beyond(cost(figure, method, count), cost(figure, "two loops", count),
                method in COMPARED) for count in counts)]
        for figure, title in FIGURES.items() for method, name in METHODS.items()]
    (here_few, here_many), (there_few, there_many) = (
        [cost("core_seconds", method, count) - cost("core_seconds", "two loops", count)
         for count in (counts[0], counts[-1])] for method in COMPARED)
    rest = [row["rest"] for row in measured["rows"]]
    return "\n".join([
        *table(["", *(f"{count} notebooks" for count in counts)], rows,
               "l" + "r" * len(counts)), "",
        f"From {counts[0]} to {counts[-1]} notebooks, the core seconds of each beyond "
        f"papermill go from {here_few:.2f} to {here_many:.2f} in processes of this "
        f"machine, and from {there_few:.2f} to {there_many:.2f} on a cluster.", "",
        f"Measured on {measured['cores']} cores with Python {measured['Python']}, "
        f"papermill {measured['papermill']} and distributed "
        f"{measured['distributed']}, while other programs kept {min(rest):.1f} to "
        f"{max(rest):.1f} cores busy.", ""])


def _beyond(own, base, compared):
    """Write the cost of one notebook, and its overhead over the base."""
    more = f"{own - base:+.2f}".replace("-", "−")
    return f"{own:.2f}" + (f" ({more}, {own / base:.1f}×)" if compared else "")


def soak(measured):
    """Return the tables of the differences between runs of the same notebooks.

    `measured` is what tests.soak found.
    """
    rows, beyond = [], []
    for name, pairs in measured["chapters"].items():
        twice, threads = pairs["twice"], pairs["threads"]
        rows.append((name, twice["records"], twice["unequal"], _farthest(twice),
                     threads["unequal"], _farthest(threads)))
        beyond += [f"{name}, {what}: {', '.join(pair['beyond'])}"
                   for what, pair in (("twice", twice), ("two threads", threads))
                   if pair["beyond"]]
    heads = ("chapter", "records", "differ, twice", "at most",
             "differ, two threads", "at most")
    lines = [*table(heads, rows, "lrrrrr"), "",
             "Beyond their tolerance: " + ("; ".join(beyond) or "none") + ".", "",
             f"Measured on {measured['cores']} cores with Python "
             f"{measured['Python']}.", ""]
    if measured["interrupted"] is not None:
        lines += [_interrupted(measured["interrupted"]), ""]
    return "\n".join(lines)


def _farthest(pair):
    return f"{pair['most']:.2g}" if pair["unequal"] else "0"


def _interrupted(build):
    stops = ", ".join(f"{stop['by']} after {stop['after']} s"
                      for stop in build["stopped"])
    same = [("" if build[what] else "not ") + f"the {what}"
            for what in ("same files", "same words")]
    return (f"A build interrupted by {stops}, and restarted each time, ended with "
            f"{' and '.join(same)} as an uninterrupted one, and left "
            f"{build['left over']} half-written files.")


PAGES = {"scale": scale, "soak": soak}
