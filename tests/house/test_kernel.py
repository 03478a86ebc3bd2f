"""A kernel, asked as a front end asks and as a batch executor does."""

from jupyter_client.manager import start_new_kernel

IN_A_KERNEL = """
import matplotlib.pyplot as plt
import numpy as np
from helpers import explore, start
start("comparing_distributions", profile="quick", seed=0)
def draw(slope):
    fig, ax = plt.subplots()
    ax.plot([0, 1], [0, slope])
    return fig
explore(draw, [0.5, 1.0], label="slope", caption="A line.", alt=str)
"""


def test_a_kernel_knows_whether_somebody_sits_at_it():
    """A front end lets the kernel ask for input; a batch executor does not."""
    manager, client = start_new_kernel(kernel_name="python3")

    def shown(front_end):
        found = []
        client.execute_interactive(
            IN_A_KERNEL, allow_stdin=front_end, timeout=60,
            output_hook=lambda m: found.append(m["content"].get("data", {})))
        return found

    try:
        for front_end in (True, False):
            data = shown(front_end)
            widgets = [d for d in data
                       if "application/vnd.jupyter.widget-view+json" in d]
            pages = [d for d in data if "course-explore" in d.get("text/html", "")]
            assert (len(widgets), len(pages)) == ((1, 0) if front_end else (0, 1))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
