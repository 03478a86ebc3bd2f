"""The order of imports: a module may import only what stands above it.

A name stands for a module, or for all of a package that is not named itself. A
test holds the code to this order, and the page "How the course is made" lists
the modules in it.
"""

HELPERS = """
errors values files notebook scraps figures run records equations sweeps
data data.registry data.assets data.images data.texts
models models.loading models.onnx models.efficientnet models.conversion
models.causal_lm models.seq2seq models.encoder models.towers
chapters exercises.checks exercises.__init__ exercises
__init__
"""
PIPELINE = """
errors hashing git tables ipynb layers memory
source.tags source.code source.myst source.labels source.chapter source.rules
source.bibliography source book
derive.measurements derive.module derive.markdown derive.colab derive.notebook
derive.pages derive.drawing derive.making derive
run.key run.copies run.plan run.local run.cluster run.worker run.execute
run.prefetch run
records.tolerance records.references records.results records.plot records.sweep
records
site.address site.state site.publish site.page site.docstrings site.numbers
site.transforms site.extension site.render site.build site.preview site.pdf site
classroom.copy classroom.sandbox.limits classroom.sandbox.submission
classroom.sandbox.guest classroom.sandbox.host classroom.sandbox
classroom.judge classroom.grade classroom
new commands __main__ __init__
"""
ORDER = tuple(f"{package}.{name}"
              for package, names in (("helpers", HELPERS), ("pipeline", PIPELINE))
              for name in names.split())


def place(module):
    """Return the index in ORDER of the longest name that covers a module.

    Raises LookupError for a module without a place.
    """
    covers = [name for name in ORDER if f"{module}.".startswith(f"{name}.")]
    if not covers:
        raise LookupError(f"{module} has no place in pipeline/layers.py")
    return ORDER.index(max(covers, key=len))
