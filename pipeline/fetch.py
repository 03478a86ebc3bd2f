"""Fetch, before anything runs, the data and weights that chapters name."""

from helpers.assets import asset
from helpers.errors import CourseError
from pipeline.chapters import SourceError, choose
from pipeline.labels import constants_passed


def fetch(names):
    """Fetch the assets of the chapters named, or of all; return 0.

    Raises SourceError when one of them cannot be had; the others are kept.
    """
    wanted = sorted({name for chapter in choose(names)
                     for name in constants_passed(chapter, "asset")})
    for name in wanted:
        try:
            print(f"{name}: {asset(name)}")
        except CourseError as error:
            raise SourceError(str(error)) from None
    return 0
