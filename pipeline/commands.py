"""The commands of python -m pipeline, in one table."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.book import here
from pipeline.classroom.sandbox.limits import MEGABYTES, SECONDS
from pipeline.errors import BookError


@dataclass(frozen=True)
class Command:
    """What one command is called with, and the function that it calls.

    The function takes the book and the options, and returns the exit code.
    """

    name: str
    help: str
    arguments: tuple
    function: Callable


def argument(*names, **options):
    """Return an argument as argparse takes it."""
    return names, options


CHAPTER = argument("chapter", metavar="CHAPTER")
CHAPTERS = argument("chapters", nargs="*", metavar="CHAPTER")
PROFILE = argument("--profile", default="quick")
WORKERS = argument("--workers", type=int, default=2)
SCHEDULER = argument("--scheduler", metavar="ADDRESS",
                     help="run on the cluster of this dask scheduler, as "
                          "tcp://HOST:PORT; local starts one here")


def _new(book, options):
    from pipeline.new import new

    for path in new(book, options.name, options.number):
        print(f"wrote: {path}")
    print("CONTRIBUTING.md says what comes next")
    return 0


def _derive(book, options):
    from pipeline.derive import derive

    changed = derive(book, check=options.check)
    for path in changed:
        print(f"{'out of step' if options.check else 'wrote'}: {path}")
    if options.check and changed:
        stems = sorted({path.stem for path in changed})
        print(f"the source of {', '.join(stems)} changed: run "
              "python -m pipeline derive", file=sys.stderr)
        return 1
    return 0


def _assets(book, options):
    from pipeline.run.prefetch import prefetch

    return prefetch(book, options.chapters, options.profile)


def _run(book, options):
    from pipeline.run.execute import run

    return run(book, options.chapters, options.profile, dict(options.parameters),
               options.workers, options.scheduler)


def _sweep(book, options):
    from pipeline.records.sweep import sweep

    choices = {}
    for name, *values in options.choices:
        if not values:
            raise BookError(f"-p {name} needs at least one value")
        if name in choices:
            raise BookError(f"{name} is given twice: put its values after one -p")
        choices[name] = values
    return sweep(book, options.chapter, options.profile, choices, options.workers,
                 options.keep, options.scheduler)


def _references(book, options):
    from pipeline.records.references import store_references

    for path in store_references(book, options.chapters):
        print(f"stored references: {path}")
    return 0


def _results(book, options):
    from pipeline.derive import derive
    from pipeline.records.results import keep

    for path in keep(book, options.chapters) + derive(book):
        print(f"wrote: {path}")
    return 0


def _book(book, options):
    from pipeline.site.build import make

    return make(book, options.profile)


def _preview(book, options):
    from pipeline.site.preview import preview

    return preview(book, options.chapter, options.profile, options.port)


def _pdf(book, options):
    from pipeline.site.pdf import pdf

    print(pdf(book, options.to, options.pages))
    return 0


def _class(book, options):
    from pipeline.classroom.copy import copy_for_class

    print(copy_for_class(book, options.folder, options.chapters, options.seed))
    return 0


def _grade(book, options):
    from pipeline.classroom.grade import grade

    print(grade(book, options.chapter, options.folder, options.seconds,
                options.megabytes, options.workers, options.to))
    return 0


def _repository(book, options):
    from pipeline.site.address import set_address

    for path in set_address(book, options.url, options.branch):
        print(f"wrote: {path}")
    return 0


def _publish(book, options):
    from pipeline.site.publish import publish

    print(publish(book, options.folder))
    return 0


COMMANDS = (
    Command("new", "begin a chapter that passes every gate", (
        argument("name", metavar="NAME"),
        argument("--number", type=int, metavar="N",
                 help="its number; by default the one after the last"),
    ), _new),
    Command("derive", "write what follows from the sources", (
        argument("--check", action="store_true",
                 help="write nothing; fail when something is out of step"),
    ), _derive),
    Command("assets", "fetch the data that chapters use", (CHAPTERS, PROFILE), _assets),
    Command("run", "execute notebooks that are not current", (
        CHAPTERS, PROFILE,
        argument("-p", dest="parameters", nargs=2, action="append", default=[],
                 metavar=("NAME", "VALUE")),
        WORKERS, SCHEDULER,
    ), _run),
    Command("sweep", "execute a chapter with every combination of values", (
        CHAPTER, PROFILE,
        argument("-p", dest="choices", nargs="+", action="append", default=[],
                 metavar=("NAME", "VALUE"), required=True),
        WORKERS, SCHEDULER,
        argument("--keep", action="store_true",
                 help="keep the results in helpers/kept, for kept_sweep"),
    ), _sweep),
    Command("references", "store the compared outputs of the quick run in solutions/",
            (CHAPTERS,), _references),
    Command("results", "keep the records of the full run in book/results/",
            (CHAPTERS,), _results),
    Command("book", "derive, fetch, execute and build, as far as anything changed",
            (PROFILE,), _book),
    Command("preview", "show a chapter in a browser, anew with each save", (
        CHAPTER, PROFILE,
        argument("--port", type=int, default=8000, help="of 127.0.0.1"),
    ), _preview),
    Command("pdf", "print the built site, or pages of it", (
        argument("pages", nargs="*", metavar="PAGE",
                 help="such as notebooks/vae; all by default"),
        argument("--to", metavar="FILE", help="by default _build/book.pdf"),
    ), _pdf),
    Command("class", "write a copy without solutions", (
        argument("folder", metavar="DIR"), CHAPTERS,
        argument("--seed", type=int, metavar="N",
                 help="of its notebooks; by default a fresh one"),
    ), _class),
    Command("grade", "grade a folder of submitted notebooks", (
        CHAPTER,
        argument("folder", metavar="FOLDER"),
        argument("--seconds", type=int, default=SECONDS,
                 help="of computing for each exercise"),
        argument("--megabytes", type=int, default=MEGABYTES,
                 help="of memory for each exercise"),
        WORKERS,
        argument("--to", metavar="DIR", help="by default build/grades"),
    ), _grade),
    Command("repository", "set the address of the repository and what follows from it",
            (argument("url", metavar="URL"), argument("--branch")), _repository),
    Command("publish", "gather the site and notebooks pinned to this commit",
            (argument("folder", nargs="?", default="build/published"),), _publish),
)


def parser():
    """Return the parser of the command line, which lists every command."""
    parser = argparse.ArgumentParser(prog="python -m pipeline", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        added = commands.add_parser(command.name, help=command.help)
        for names, options in command.arguments:
            added.add_argument(*names, **options)
        added.set_defaults(function=command.function)
    return parser


def main(arguments=None, book=None):
    """Run one command on a book, by default the one that this code lies in."""
    options = parser().parse_args(arguments)
    try:
        return options.function(book or here(), options)
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
