"""Where the code runs (kernel, terminal or batch), and what is shown there."""

import sys


def shell():
    """Return IPython's shell, or None outside IPython."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def in_notebook():
    """Tell whether this is a kernel, whose front end shows rich output."""
    return hasattr(shell(), "kernel")


def interactive():
    """Tell whether a person sits at this prompt, so that progress is welcome.

    A batch executor (papermill, nbval) forbids standard input to the kernel;
    a notebook front end allows it.
    """
    if in_notebook():
        return bool(getattr(shell().kernel, "_allow_stdin", False))
    return sys.stdin is not None and sys.stdin.isatty()


def progress(iterable, description="", total=None):
    """Wrap `iterable` in a progress bar, shown at an interactive prompt only.

    >>> [epoch for epoch in progress(range(3), "training")]
    [0, 1, 2]
    """
    from tqdm.auto import tqdm

    return tqdm(
        iterable, desc=description, total=total, disable=not interactive()
    )


def display(bundle, metadata=None):
    """Show a MIME bundle; outside IPython, print its plain text if it has any.

    `bundle` maps MIME types to data, `metadata` is the display's metadata.

    >>> display({"text/html": "<b>bold</b>", "text/plain": "bold"})
    bold
    """
    if shell():
        from IPython.display import display as ipython_display

        ipython_display(bundle, raw=True, metadata=metadata or {})
    elif "text/plain" in bundle:
        print(bundle["text/plain"])
