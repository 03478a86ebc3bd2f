"""Rich output under IPython, plain text everywhere else."""

import sys


def display(bundle, metadata=None):
    """Show a MIME bundle; without a notebook, print its plain text if any."""
    ipython = sys.modules.get("IPython")
    if ipython and ipython.get_ipython():
        from IPython.display import display as ipython_display

        ipython_display(bundle, raw=True, metadata=metadata or {})
    elif "text/plain" in bundle:
        print(bundle["text/plain"])
