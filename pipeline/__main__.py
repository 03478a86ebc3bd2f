"""The commands: python -m pipeline new | derive | run | references | …"""

import argparse
import sys

from pipeline.chapters import SourceError

SCHEDULER = ("run on the cluster of this dask scheduler, as tcp://HOST:PORT; local "
             "starts one here")


def parser():
    """Return the parser of the command line, which lists every command."""
    parser = argparse.ArgumentParser(prog="python -m pipeline", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    new = commands.add_parser("new", help="begin a chapter that passes every gate")
    new.add_argument("name", metavar="NAME")
    new.add_argument("--number", type=int, metavar="N",
                     help="its number; by default the first that nothing has")

    derive = commands.add_parser("derive", help="write what follows from the sources")
    derive.add_argument("--check", action="store_true",
                        help="write nothing; fail when something is out of step")

    run = commands.add_parser("run", help="execute notebooks that are not fresh")
    run.add_argument("chapters", nargs="*", metavar="CHAPTER")
    run.add_argument("--profile", default="quick")
    run.add_argument("-p", dest="parameters", nargs=2, action="append", default=[],
                     metavar=("NAME", "VALUE"))
    run.add_argument("--workers", type=int, default=2)
    run.add_argument("--scheduler", metavar="ADDRESS", help=SCHEDULER)

    sweep = commands.add_parser(
        "sweep", help="execute a chapter with every combination of values"
    )
    sweep.add_argument("chapter", metavar="CHAPTER")
    sweep.add_argument("--profile", default="quick")
    sweep.add_argument("-p", dest="choices", nargs="+", action="append", default=[],
                       metavar=("NAME", "VALUE"), required=True)
    sweep.add_argument("--workers", type=int, default=2)
    sweep.add_argument("--scheduler", metavar="ADDRESS", help=SCHEDULER)
    sweep.add_argument("--keep", action="store_true",
                       help="keep the results in helpers/kept, for kept_sweep")

    fetch = commands.add_parser("assets", help="fetch the data that chapters use")
    fetch.add_argument("chapters", nargs="*", metavar="CHAPTER")
    fetch.add_argument("--profile", default="quick")

    references = commands.add_parser(
        "references", help="store the compared outputs of the quick run in solutions/"
    )
    references.add_argument("chapters", nargs="*", metavar="CHAPTER")

    results = commands.add_parser(
        "results", help="keep the records of the full run in book/results/"
    )
    results.add_argument("chapters", nargs="*", metavar="CHAPTER")

    copy = commands.add_parser("class", help="write a copy without solutions")
    copy.add_argument("folder", metavar="DIR")
    copy.add_argument("chapters", nargs="*", metavar="CHAPTER")
    copy.add_argument("--seed", type=int, metavar="N",
                      help="of its notebooks; by default a fresh one")

    grade = commands.add_parser("grade", help="grade a folder of submitted notebooks")
    grade.add_argument("chapter", metavar="CHAPTER")
    grade.add_argument("folder", metavar="FOLDER")
    grade.add_argument("--seconds", type=int, default=60,
                       help="of computing for each exercise")
    grade.add_argument("--megabytes", type=int, default=4000,
                       help="of memory for each exercise")
    grade.add_argument("--workers", type=int, default=2)
    grade.add_argument("--to", metavar="DIR", help="by default build/grades")

    repository = commands.add_parser(
        "repository", help="set the address of the repository and what follows from it"
    )
    repository.add_argument("url", metavar="URL")
    repository.add_argument("--branch")

    pdf = commands.add_parser("pdf", help="print the built site, or pages of it")
    pdf.add_argument("pages", nargs="*", metavar="PAGE",
                     help="such as notebooks/vae; all by default")
    pdf.add_argument("--to", metavar="FILE", help="by default _build/book.pdf")

    publish = commands.add_parser(
        "publish", help="gather the site and notebooks pinned to this commit"
    )
    publish.add_argument("folder", nargs="?", default="build/published")
    return parser


def main(arguments=None):
    options = parser().parse_args(arguments)
    try:
        return globals()[f"_{options.command}"](options)
    except SourceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _new(options):
    from pipeline.new import new

    for path in new(options.name, options.number):
        print(f"wrote: {path}")
    print("CONTRIBUTING.md says what comes next")
    return 0


def _derive(options):
    from pipeline.derive import derive

    changed = derive(check=options.check)
    for path in changed:
        print(f"{'out of step' if options.check else 'wrote'}: {path}")
    if options.check and changed:
        stems = sorted({path.stem for path in changed})
        print(f"the source of {', '.join(stems)} changed: run "
              "python -m pipeline derive", file=sys.stderr)
        return 1
    return 0


def _run(options):
    from pipeline.execute import run

    return run(options.chapters, options.profile, dict(options.parameters),
               options.workers, options.scheduler)


def _sweep(options):
    from pipeline.sweep import sweep

    choices = {}
    for name, *values in options.choices:
        if not values:
            raise SourceError(f"-p {name} needs at least one value")
        if name in choices:
            raise SourceError(f"{name} is given twice: put its values after one -p")
        choices[name] = values
    return sweep(options.chapter, options.profile, choices, options.workers,
                 options.keep, options.scheduler)


def _assets(options):
    from pipeline.fetch import fetch

    return fetch(options.chapters, options.profile)


def _references(options):
    from pipeline.regression import store_references

    for path in store_references(options.chapters):
        print(f"stored references: {path}")
    return 0


def _results(options):
    from pipeline.derive import derive
    from pipeline.results import keep

    for path in keep(options.chapters) + derive():
        print(f"wrote: {path}")
    return 0


def _class(options):
    from pipeline.classroom import copy_for_class

    print(copy_for_class(options.folder, options.chapters, options.seed))
    return 0


def _grade(options):
    from pipeline.grade import grade

    print(grade(options.chapter, options.folder, options.seconds, options.megabytes,
                options.workers, options.to))
    return 0


def _repository(options):
    from pipeline.publish import set_repository

    for path in set_repository(options.url, options.branch):
        print(f"wrote: {path}")
    return 0


def _pdf(options):
    from pipeline.pdf import pdf

    print(pdf(options.to, options.pages))
    return 0


def _publish(options):
    from pipeline.publish import publish

    print(publish(options.folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
