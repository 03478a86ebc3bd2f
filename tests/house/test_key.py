"""The key of an executed copy: what a run used changes it, and nothing else."""

import pytest

from pipeline.errors import BookError
from pipeline.ipynb import read
from pipeline.run.copies import current, path_of
from pipeline.run.key import key
from pipeline.run.plan import plan
from tests.conftest import BOOK

SOURCE = "book/chapters/tiny.md"


def quick(house):
    """Return the key of the tiny chapter's page as it is now."""
    chapter = house.book.chapter("tiny")
    return key(house.book, chapter, chapter.parameters("quick"))


@pytest.mark.parametrize("path, old, new", [
    (SOURCE, "return x * x", "return x**2"),
    (SOURCE, "float(square(size))", "1 + float(square(2))"),
    (SOURCE, "[nbval-check-output]", "[nbval-check-output, hide-input]"),
    (SOURCE, "size = 3", "size = 4"),
    (SOURCE, "number: 7", "number: 8"),  # the numbers of its equations
    (SOURCE, "import torch\n", "import torch\nfrom helpers import kept_sweep\n"),
    ("helpers/records.py", '"""Results', '"""All results'),
    ("helpers/scraps.py", '"""The scraps', '"""All scraps'),  # by way of records
    ("helpers/exercises/tiny.py", "this doubles x", "this is 2 x"),
    ("requirements.lock", "torch==", "# torch=="),
])
def test_a_run_depends_on_its_code_its_helpers_its_numbers_and_the_lock(
        house, path, old, new):
    before = quick(house)
    house.edit(path, old, new)
    assert quick(house) != before


def test_prose_and_what_the_chapter_does_not_import_change_nothing(house):
    before = quick(house)
    (house.root / "helpers" / "exercises" / "unrelated.py").write_text("# new\n")
    house.edit("helpers/sweeps.py", '"""Results', '"""All results')
    house.edit("helpers/__init__.py", '"""What', '"""All that')
    house.edit(SOURCE, "numbers of one sign", "equal signs")
    assert quick(house) != before  # the table of names is read by every chapter
    house.edit("helpers/__init__.py", '"""All that', '"""What')
    assert quick(house) == before


def test_a_run_depends_on_the_assets_and_the_chapters_that_it_names(house):
    house.edit(SOURCE, "import exercise, explore", "import asset, exercise, explore")
    house.edit(SOURCE, "a, b = torch",
               'asset("mnist"), solution("other")\na, b = torch')
    other = house.root / "book" / "chapters" / "other.md"
    text = (house.root / SOURCE).read_text().replace("number: 7", "number: 8")
    head, _, rest = text.partition("(sec-square)=")
    other.write_text(head + "```{code-cell} ipython3\n:tags: [define]\n\n"
                     'def twice(x):\n    return x + x\n```\n')
    keys = [quick(house)]
    for path, old, new in (("book/chapters/other.md", "x + x", "2 * x"),
                           ("helpers/data/assets.toml", "[mnist]", "[mnist]\nnew = 1")):
        house.edit(path, old, new)
        keys.append(quick(house))
    assert len(set(keys)) == 3
    house.edit("book/chapters/other.md", 'start("tiny"', 'start("other"')
    assert quick(house) == keys[-1]  # of another chapter its definitions alone


def test_each_set_of_parameters_has_a_key_and_a_place_of_its_own(house):
    book, chapter = house.book, house.book.chapter("tiny")
    sets = [chapter.parameters("quick"), chapter.parameters("full"),
            {**chapter.parameters("quick"), "size": 4},
            {**chapter.parameters("quick"), "size": "4"}]
    assert len({key(book, chapter, values) for values in sets}) == 4
    assert len({path_of(book, chapter, values) for values in sets}) == 4


def test_a_page_is_stale_when_the_sweep_that_it_shows_changes(house):
    chapter = BOOK.chapter("nmt")
    page = chapter.parameters("full")
    single = {**page, "only": "GRU 32, small"}
    keys = []
    for text in ("one", "other"):
        (house.root / "helpers" / "kept" / "nmt.json").write_text(text)
        keys.append([key(house.book, chapter, parameters, {"lock": "same"})
                     for parameters in (page, single)])
    assert keys[0][0] != keys[1][0] and keys[0][1] == keys[1][1]


def test_a_copy_is_current_until_it_is_stale_corrupt_or_gone(executed):
    def is_current():
        (task,) = plan(executed.book, [], "quick", {})
        return task.is_current

    path = executed.book.build / "executed" / "quick" / "notebooks" / "tiny.ipynb"
    whole = path.read_text()
    assert is_current()
    assert current(executed.book, executed.book.chapter("tiny"), "quick") == read(path)
    for text in ("{ not json", "{}", whole.replace('"key"', '"no key"')):
        path.write_text(text)
        assert not is_current()
    path.write_text(whole)
    executed.edit(SOURCE, "return x * x", "return x**2")
    for state in ("stale", "missing"):
        assert not is_current()
        with pytest.raises(BookError, match=f"tiny is {state}: run .*--profile quick"):
            current(executed.book, executed.book.chapter("tiny"), "quick")
        path.unlink(missing_ok=True)
