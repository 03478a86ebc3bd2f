"""Give nbval its tolerance, wherever pytest is started in this repository."""

from nbval import plugin

from pipeline.records import references

if not getattr(plugin, "knows_tolerance", False):
    references.install(plugin)
    plugin.knows_tolerance = True
