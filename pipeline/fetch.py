"""Fetch, before anything runs, the data and weights that chapters name."""

from helpers.assets import asset
from helpers.errors import CourseError
from pipeline.chapters import SourceError
from pipeline.execute import choose_for
from pipeline.labels import constants_passed


def fetch(names, profile):
    """Fetch the assets that a run of these chapters needs; return 0.

    Raises SourceError when one of them cannot be had; the others are kept.
    """
    wanted = sorted({name for chapter in choose_for(names, profile)
                     for name in constants_passed(chapter, "asset")})
    for name in wanted:
        try:
            print(f"{name}: {asset(name)}")
        except CourseError as error:
            raise SourceError(str(error)) from None
    return 0
