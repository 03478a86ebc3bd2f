"""Give nbval its tolerance, wherever pytest is started in this repository."""

from nbval import plugin

from pipeline import regression

if not getattr(plugin, "knows_tolerance", False):
    regression.install(plugin)
    plugin.knows_tolerance = True
