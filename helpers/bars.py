"""Progress bars for whoever waits at a prompt."""

from helpers.session import interactive


def progress(iterable, description="", total=None):
    """Wrap `iterable` in a progress bar at an interactive prompt only."""
    from tqdm.auto import tqdm

    return tqdm(
        iterable, desc=description, total=total, disable=not interactive()
    )
