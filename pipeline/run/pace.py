"""How fast this machine is just now, so that budgets mean the same on any."""

import time

STEPS = 2_000_000
REFERENCE = 0.13  # core seconds of `pace` on the machine that the budgets speak of


def pace():
    """Return the core seconds that a fixed calculation takes.

    A machine that others use, too, takes longer for each instruction, also in
    core seconds.
    """
    began, total = time.process_time(), 0
    for step in range(STEPS):
        total += step
    return time.process_time() - began


def on_reference(core_seconds, measured):
    """Return what core seconds would be where `pace` is REFERENCE, not `measured`."""
    return core_seconds * REFERENCE / measured
