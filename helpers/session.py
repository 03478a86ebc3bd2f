"""One run of a chapter: its profile, its seed, its device and what it used."""

import ast
import os
import random
import sys
import time
from dataclasses import dataclass, field

from helpers.errors import CourseError, names

PROFILES = ("quick", "full")

_current = None


@dataclass
class Run:
    """What `start` returns: the run that every other helper refers to."""

    chapter: str
    profile: str
    seed: int
    profiles: tuple
    device: object
    started: float = field(default_factory=time.perf_counter)
    records: dict = field(default_factory=dict)
    data: dict = field(default_factory=dict)
    checks: dict = field(default_factory=dict)
    hints: dict = field(default_factory=dict)

    def pick(self, **choices):
        """Return the value of this run's profile: `run.pick(quick=5, full=50)`."""
        missing = set(self.profiles) ^ set(choices)
        if missing:
            raise CourseError(
                f"pick() takes one value for each of {names(self.profiles)}; "
                f"here {names(sorted(missing))} is missing or not known"
            )
        return choices[self.profile]

    def choice(self, name, value, allowed):
        """Return the value of the parameter `name` if it is one of `allowed`.

        Raises CourseError otherwise, naming those that are.
        """
        if value not in list(allowed):
            raise CourseError(
                f"{name} is one of {names(map(repr, allowed))}, not {value!r}"
            )
        return value

    def generator(self, offset=0):
        """Return a torch generator of its own, seeded with `seed + offset`."""
        import torch

        return torch.Generator().manual_seed(self.seed + offset)

    def skip_rest(self):
        """Let the cells after this one do nothing, up to the run card.

        For a run with a parameter that asks for one experiment alone, as a
        sweep makes. Outside of IPython nothing is skipped.
        """
        from helpers.records import store

        store("rest-skipped", True)
        if _shell() is not None:
            _shell().input_transformers_cleanup.append(
                lambda lines: lines if "run.card()" in "".join(lines) else []
            )

    def card(self):
        """Display the run card and store it in the executed notebook."""
        from helpers.runcard import card

        return card(self)


def start(chapter, *, profile, seed, extra_profile=None):
    """Begin a run: seed every generator, fix threads, device and figure style.

    `profile` is "quick" or "full" (or the chapter's `extra_profile`), `seed`
    a whole number from 0 to 2³² − 1. Raises CourseError for any other value, and
    for a parameter passed to the notebook that it does not have or that is not
    of the kind of its default.
    """
    global _current
    profiles = PROFILES + ((extra_profile,) if extra_profile else ())
    _refuse_wrong_parameters()
    if profile not in profiles:
        raise CourseError(
            f"there is no profile {profile!r}; the profiles of this chapter "
            f"are {names(profiles)}"
        )
    if isinstance(seed, bool) or not (isinstance(seed, int) and 0 <= seed < 2**32):
        raise CourseError(
            f"seed must be a whole number from 0 to 2³² − 1, not {seed!r}"
        )

    # Here and not above: whoever only reads records need not wait for torch.
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    from helpers.figures import use_house_style

    use_house_style()
    _current = Run(chapter, profile, seed, profiles, device)
    return _current


def current():
    """Return the run that `start` began; raise CourseError before it did."""
    if _current is None:
        raise CourseError("run the cell with start(...) first, near the top")
    return _current


def started():
    """Tell whether `start` has begun a run."""
    return _current is not None


def interactive():
    """Tell whether a person sits at this prompt, so that progress is welcome.

    A batch executor (papermill, nbval) forbids standard input to the kernel;
    a notebook front end allows it.
    """
    if in_notebook():
        return bool(getattr(_shell().kernel, "_allow_stdin", False))
    return sys.stdin is not None and sys.stdin.isatty()


def in_notebook():
    """Tell whether this is a kernel, whose front end shows rich output."""
    return hasattr(_shell(), "kernel")


def _shell():
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def _refuse_wrong_parameters():
    """papermill only warns of an unknown parameter, and takes any value."""
    shell = _shell()
    cells = list(shell.user_ns.get("In", ())) if shell is not None else []
    for position, cell in enumerate(cells):
        if cell.splitlines()[:1] == ["# Parameters"]:
            known = {name: value for before in cells[:position]
                     for name, value in _assigned(before).items()}
            passed = _assigned(cell)
            unknown = sorted(passed.keys() - known.keys())
            if unknown:
                raise CourseError(
                    f"this notebook has no parameter {names(unknown)}; "
                    f"it has {names(sorted(known))}"
                )
            for name, value in passed.items():
                if isinstance(known[name], str) and not isinstance(value, str):
                    raise CourseError(
                        f"{name} is a text, by default {known[name]!r}, and not "
                        f"{value!r}"
                    )


def _assigned(cell):
    """Return the names to which code assigns, with the constants or None."""
    try:
        tree = ast.parse(cell)
    except SyntaxError:
        return {}
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                found[node.targets[0].id] = None
    return found
