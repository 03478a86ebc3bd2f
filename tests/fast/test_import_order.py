"""Each module imports only what stands above it, late imports included."""

import ast
from pathlib import Path

import pytest

from pipeline.layers import ORDER, place

ROOT = Path(__file__).resolve().parents[2]
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts): path
           for package in {name.partition(".")[0] for name in ORDER}
           for path in (ROOT / package).rglob("*.py")
           if path.parent.name != "scaffold"}  # templates of another place


def imported(path):
    """Return the modules of ours that a file imports anywhere."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in getattr(node, "names", [])
                 if isinstance(node, (ast.Import, ast.ImportFrom))]
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            inner = [f"{node.module}.{name}" for name in names]
            names = [name if {name, f"{name}.__init__"} & MODULES.keys()
                     else node.module for name in inner]
        for name in names:
            if name.partition(".")[0] in ("helpers", "pipeline", "solutions", "tests"):
                yield f"{name}.__init__" if f"{name}.__init__" in MODULES else name


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_only_what_stands_above_it(module):
    for name in imported(MODULES[module]):
        assert place(name) < place(module), f"{module} imports {name}"
