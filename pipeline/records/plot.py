"""Draw the table of a sweep: how its records differ from setting to setting."""

import math

import matplotlib.pyplot as plt

from helpers.figures import use_house_style

COLUMNS = 3  # of panels


def draw(columns, path):
    """Write a panel for each number that varies; return whether there is any.

    A panel shows the mean in each setting, and its standard error where there
    are several runs. Without any panel, the file at `path` is removed.
    """
    varying = {name: found for name, found in _numbers(columns).items()
               if len({data["mean"] for data in found.values()}) > 1}
    path.unlink(missing_ok=True)
    if not varying:
        return False
    use_house_style()
    across, down = min(COLUMNS, len(varying)), math.ceil(len(varying) / COLUMNS)
    figure, axes = plt.subplots(down, across, squeeze=False,
                                figsize=(3.2 * across, 2.6 * down))
    for panel, (name, found) in zip(axes.flat, varying.items(), strict=False):
        heights = [data["mean"] for data in found.values()]
        errors = [data["se"] or 0 for data in found.values()]
        panel.errorbar(list(found), heights, errors, fmt="o", capsize=3)
        panel.set_title(name, fontsize=10)
        panel.margins(x=0.2)
        panel.tick_params(axis="x", labelrotation=30 if len(found) > 3 else 0,
                          labelsize=8)
    for empty in axes.flat[len(varying):]:
        empty.remove()
    figure.savefig(path)
    plt.close(figure)
    return True


def _numbers(columns):
    """Return the records that are numbers, each with its data by setting.

    Several parameters of a setting become lines of its label.
    """
    found = {}
    for setting, records in columns.items():
        for name, data in records.items():
            if isinstance(data["mean"], (int, float)):
                found.setdefault(name, {})[setting.replace(", ", "\n")] = data
    return found
