"""Fetch, before anything runs, the data and weights that chapters name."""

from importlib import import_module

from helpers.data.assets import asset
from helpers.errors import CourseError
from pipeline.errors import BookError


def prefetch(book, wanted=(), profile="quick"):
    """Fetch the assets that a run of these chapters needs; return 0.

    An asset whose entry has `ahead` is fetched only for the profiles named there;
    other runs fetch it themselves. One whose entry has `prepare` is converted
    here, once, by that reader of helpers.models. Raises BookError when one of
    them cannot be fetched; the others stay in the cache.
    """
    for name in needed(book, wanted, profile):
        try:
            path = asset(name)
            print(f"{name}: {path}")
            if reader := book.assets[name].get("prepare"):
                import_module(f"helpers.models.{reader}").conversion(path).make()
        except CourseError as error:
            raise BookError(str(error)) from None
    return 0


def needed(book, wanted, profile):
    """Return the names of the assets that a run of these chapters needs."""
    named = {name for chapter in book.choose(wanted, profile)
             for name in chapter.passed_to("asset")}
    return [name for name in sorted(named)
            if profile in book.assets.get(name, {}).get("ahead", [profile])]
