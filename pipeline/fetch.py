"""Fetch, before anything runs, the data and weights that chapters name."""

from importlib import import_module

from helpers.data.assets import asset, describe
from helpers.errors import CourseError
from pipeline.chapters import SourceError
from pipeline.execute import choose_for
from pipeline.labels import constants_passed


def fetch(names, profile):
    """Fetch the assets that a run of these chapters needs; return 0.

    One whose entry does not name the profile in `ahead` is left to the run that
    asks for it. One that a reader of helpers.models converts once, as its
    entry's `prepare` says, is converted here, so that no run pays for it. Raises
    SourceError when one of them cannot be fetched; the others are kept.
    """
    wanted = sorted({name for chapter in choose_for(names, profile)
                     for name in constants_passed(chapter, "asset")})
    for name in wanted:
        try:
            entry = describe(name)
            if profile not in entry.get("ahead", [profile]):
                continue
            path = asset(name)
            print(f"{name}: {path}")
            if reader := entry.get("prepare"):
                import_module(f"helpers.models.{reader}").conversion(path).make()
        except CourseError as error:
            raise SourceError(str(error)) from None
    return 0
