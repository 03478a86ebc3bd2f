"""The book: one tree of files, and where everything in it lies."""

import tomllib
from collections import namedtuple
from functools import cached_property
from pathlib import Path

import yaml

from helpers.errors import names
from pipeline.errors import BookError
from pipeline.memory import Memory
from pipeline.source import labels as labelling
from pipeline.source.bibliography import Bibliography
from pipeline.source.chapter import parsed
from pipeline.source.code import helper_imports
from pipeline.source.rules import refuse_bad_cells

Module = namedtuple("Module", "path imports")
NOTEBOOKS = ("notebooks", "solutions")  # the two that are derived of each chapter


class Book:
    """The course in the folder `root`: its configuration, contents and chapters.

    A book is a snapshot. Each part is read when it is first asked for and stays
    as it was then; make another Book to see what was edited since.
    """

    def __init__(self, root):
        self.root = Path(root).resolve()

    @cached_property
    def config(self):
        """_config.yml."""
        return yaml.safe_load((self.root / "_config.yml").read_text())

    @cached_property
    def contents(self):
        """_toc.yml."""
        return yaml.safe_load((self.root / "_toc.yml").read_text())

    @property
    def pages(self):
        """The names of the pages in their order, such as notebooks/vae."""
        return [self.contents["root"],
                *(page["file"] for part in self.contents["parts"]
                  for page in part["chapters"])]

    @cached_property
    def chapters(self):
        """The chapters in the order of their numbers.

        Raises BookError for a source that breaks a rule.
        """
        chapters = sorted((self._read(path) for path in self.sources.glob("*.md")),
                          key=lambda chapter: chapter.number)
        numbers = [chapter.number for chapter in chapters]
        if len(set(numbers)) < len(numbers):
            raise BookError("two chapters have the same number")
        return chapters

    def _read(self, path):
        """Return the chapter of a source that keeps the rules."""
        text = path.read_text()

        def checked():
            chapter = parsed(path, text)
            refuse_bad_cells(chapter)
            return chapter

        return self.memory.recall(f"chapter-{path.stem}", [str(path), text], checked)

    @cached_property
    def memory(self):
        """What was made of these sources before, by this code and these packages."""
        here = Path(__file__).parent
        return Memory(self.root / "_build" / "memory", [
            *here.glob("source/*.py"), *here.glob("derive/*.py"), here / "ipynb.py",
            here.parent / "helpers" / "__init__.py",  # whose table imports follow
            here.parent / "requirements.lock"])

    @cached_property
    def helper_modules(self):
        """The modules of helpers by name, each with its path and what it imports."""
        paths = sorted(self.helpers.rglob("*.py"))
        texts = [path.read_text() for path in paths]
        imports = self.memory.recall(
            "imports", texts, lambda: list(map(helper_imports, texts)))
        names = [".".join(self.relative(path).with_suffix("").parts)
                 .removesuffix(".__init__") for path in paths]
        return dict(zip(names, map(Module, paths, imports), strict=True))

    @cached_property
    def labels(self):
        """Every label by name, numbered as the site does."""
        return labelling.collect(self.chapters)

    @cached_property
    def bibliography(self):
        """The works that may be cited."""
        return Bibliography(self.root / "book" / "references.bib")

    @cached_property
    def assets(self):
        """The entries of the manifest of data and weights, by name."""
        manifest = self.helpers / "data" / "assets.toml"
        return tomllib.loads(manifest.read_text())

    def chapter(self, name):
        """Return a chapter. Raises BookError, naming those that there are."""
        found = {chapter.name: chapter for chapter in self.chapters}
        if name not in found:
            raise BookError(
                f"there is no chapter {name!r}; the chapters are {', '.join(found)}"
            )
        return found[name]

    def choose(self, wanted, profile=None):
        """Return the chapters of these names, or all when none is named.

        With a `profile`, all means those that have it. Raises BookError for an
        unknown name, and for a profile that a chosen chapter does not have.
        """
        chapters = [self.chapter(name) for name in wanted] or self.chapters
        if profile is None:
            return chapters
        having = [chapter for chapter in chapters if profile in chapter.profiles]
        if not having or (wanted and having != chapters):
            known = sorted({p for chapter in chapters for p in chapter.profiles})
            raise BookError(
                f"there is no profile {profile!r}; the profiles are {names(known)}"
            )
        return having

    def relative(self, path):
        """Return a path as messages show it."""
        return Path(path).relative_to(self.root)

    # What a person writes.

    @property
    def sources(self):
        return self.root / "book" / "chapters"

    @property
    def helpers(self):
        return self.root / "helpers"

    @property
    def lock(self):
        return self.root / "requirements.lock"

    @property
    def published(self):
        """What the source documents report."""
        return self.root / "book" / "published.toml"

    # What runs left, and what is kept of them.

    @property
    def results(self):
        return self.root / "book" / "results"

    @property
    def kept(self):
        """The folder of kept sweeps."""
        return self.helpers / "kept"

    @property
    def build(self):
        return self.root / "build"

    @property
    def site(self):
        return self.root / "_build" / "html"

    # What is derived.

    def notebook(self, kind, name):
        """Return the path of a derived notebook of one of the two kinds."""
        return self.root / kind / f"{name}.ipynb"

    def module(self, name):
        """Return the path of a chapter's module of solutions."""
        return self.root / "solutions" / f"{name}.py"

    # What is made of it.

    def executed(self, variant, name):
        """Return the path of a chapter's executed copy.

        `variant` is a profile, or one with parameters that are not the defaults.
        """
        return self.build / "executed" / variant / "notebooks" / f"{name}.ipynb"

    def page(self, name):
        """Return the path of a page of the site, such as notebooks/vae."""
        return self.site / f"{name}.html"


def here():
    """Return the book that this code lies in."""
    return Book(Path(__file__).parents[1])
