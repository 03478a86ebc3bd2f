"""One run of a chapter: its profile, its seed, its device, what it used, its card."""

import ast
import os
import platform
import random
import resource
import sys
import time
from dataclasses import dataclass, field
from importlib import metadata

from helpers.errors import CourseError, names
from helpers.notebook import display, in_notebook, interactive, shell
from helpers.scraps import write_card, write_rest_skipped

PROFILES = ("quick", "full")
PACKAGES = ("torch", "numpy", "scipy", "matplotlib", "transformers", "datasets")
INJECTED = "# Parameters"  # papermill begins the cell that it injects with this

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
        """Return the value given for this run's profile.

        Raises CourseError unless each profile of the chapter has a value.

        >>> run = start("gan", profile="quick", seed=0)
        >>> run.pick(quick=5, full=50)
        5
        """
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

        >>> run = start("text_and_images", profile="quick", seed=0)
        >>> run.choice("data", "emoji", ("emoji", "photographs"))
        'emoji'
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
        """Show and store the run card, and skip the cells after this one.

        For a run with a parameter that asks for one experiment alone, as a
        sweep makes. From here on a cell does nothing, until one calls `start`.
        Outside IPython nothing is skipped.
        """
        self.card()
        write_rest_skipped()
        if shell() is not None:
            _stop_skipping()
            shell().ast_transformers.append(_SkipUntilStart())

    def card(self):
        """Display the run card and store it in the executed notebook.

        Wall time is in seconds since `start`, peak memory in MB of the
        process. `pipeline` passes the commit and the hash of the lock through
        the environment; for a run outside it they are not known.
        """
        facts = {
            "chapter": self.chapter,
            "profile": self.profile,
            "seed": str(self.seed),
            "commit": os.environ.get("COURSE_COMMIT", "not known"),
            "lock": os.environ.get("COURSE_LOCK", "not known"),
            **_machine(self.device),
            "versions": _versions(),
            "wall time": f"{time.perf_counter() - self.started:.0f} s",
            "peak memory": f"{_peak_megabytes():.0f} MB",
            "data": ", ".join(f"{name} {digest[:12]}"
                              for name, digest in self.data.items()) or "none",
        }
        write_card(facts)
        lines = ["| run card | |", "|---|---|"]
        lines += [f"| {name} | {fact} |" for name, fact in facts.items()]
        text = "\n".join(lines)
        display({"text/markdown": text, "text/plain": text})


def start(chapter, *, profile, seed, extra_profile=None):
    """Begin a run: seed every generator, fix threads, device and figure style.

    `profile` is "quick" or "full" (or the chapter's `extra_profile`), `seed`
    a whole number from 0 to 2³² − 1. Raises CourseError for any other value, and
    for a parameter passed to the notebook that it does not have or that is not
    of the kind of its default.

    >>> run = start("gan", profile="quick", seed=0)
    >>> run.chapter, run.profile, run.seed
    ('gan', 'quick', 0)
    """
    global _current
    _stop_skipping()
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
    import numpy as np
    import torch

    from helpers.figures import use_house_style

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
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


class _SkipUntilStart(ast.NodeTransformer):
    """Empties a cell that calls `start` under none of the reader's names for it."""

    def visit(self, cell):
        names = shell().user_ns
        if not any(isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
                   and names.get(node.func.id) is start for node in ast.walk(cell)):
            cell.body = []
        return cell


def _stop_skipping():
    if shell() is not None:
        shell().ast_transformers[:] = [
            transformer for transformer in shell().ast_transformers
            if not isinstance(transformer, _SkipUntilStart)]


def _refuse_wrong_parameters():
    """Raise CourseError for a parameter that papermill should not have passed.

    papermill itself only warns of an unknown one, and takes any value. In a
    batch kernel the first cell that ran holds the notebook's parameters, and
    the second one is what papermill injected, if it did.
    """
    if interactive() or not in_notebook():
        return
    _, defaults, injected, *_ = [*shell().user_ns.get("In", ()), "", "", ""]
    if injected.splitlines()[:1] != [INJECTED]:
        return
    known, passed = _assigned(defaults), _assigned(injected)
    unknown = sorted(passed.keys() - known.keys())
    if unknown:
        raise CourseError(
            f"this notebook has no parameter {names(unknown)}; "
            f"it has {names(sorted(known))}"
        )
    for name, value in passed.items():
        if isinstance(known[name], str) and not isinstance(value, str):
            raise CourseError(
                f"{name} is a text, by default {known[name]!r}, and not {value!r}"
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


def _machine(device):
    import torch

    name = (torch.cuda.get_device_name(device) if device.type == "cuda"
            else f"CPU, {platform.machine()}")
    return {"device": name, "threads": str(torch.get_num_threads())}


def _versions():
    found = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        if package in sys.modules:
            found.append(f"{package} {metadata.version(package)}")
    return ", ".join(found)


def _peak_megabytes():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
