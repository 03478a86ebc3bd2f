"""Each module imports only what stands above it, late imports included."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# A name stands for a module, or for all of a package that are not named themselves.
ORDER = [f"{package}.{name}" for package, names in {
    "helpers": """
        errors values files notebook scraps figures run records equations sweeps
        data data.registry data.assets data.images data.texts
        models models.loading models.onnx models.efficientnet models.conversion
        models.causal_lm models.seq2seq models.encoder models.towers
        chapters exercises.checks exercises.__init__ exercises __init__""",
    "pipeline": """
        __init__ errors source source.tags source.code source.myst source.bibliography
        source.chapter source.rules source.labels git notebooks tables book
        derive.markdown derive.notebook derive.module derive.measurements derive.pages
        derive.__init__ run run.key run.copies run.plan run.worker run.local run.cluster
        run.prefetch run.execute records records.tolerance records.references
        records.results records.plot records.sweep
        site site.address site.page site.publish site.extension site.build site.pdf
        classroom classroom.copy classroom.sandbox.limits classroom.sandbox.submission
        classroom.sandbox classroom.judge classroom.grade
        new commands __main__""",
}.items() for name in names.split()]
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts): path
           for package in ("helpers", "pipeline")
           for path in (ROOT / package).rglob("*.py") if "scaffold" not in path.parts}


def place(module):
    """Return the index in ORDER of the longest name that covers a module."""
    covers = [name for name in ORDER if f"{module}.".startswith(f"{name}.")]
    assert covers, f"{module} has no place in the order"
    return ORDER.index(max(covers, key=len))


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
    """No helper imports the pipeline, and neither imports solutions or tests."""
    for name in imported(MODULES[module]):
        assert place(name) < place(module), f"{module} imports {name}"
