"""A person edits one source; everything else follows from it."""

import re

import nbformat
import pytest

from pipeline.book import NOTEBOOKS
from pipeline.derive import derive
from pipeline.source.myst import DIRECTIVES, ROLES
from pipeline.source.tags import COMPARED, MEANING, tags_of
from tests.conftest import BOOK

TINY_SOLUTION = "return x * x"


def notebook(house, kind):
    return nbformat.read(house.root / kind / "tiny.ipynb", 4)


def prose(book):
    return "\n\n".join(c.source for c in book.cells if c.cell_type == "markdown")


def code(book):
    return "\n".join(c.source for c in book.cells if c.cell_type == "code")


def test_what_is_derived_is_in_step():
    assert derive(BOOK, check=True) == []


def test_an_edit_of_a_source_is_noticed_and_named(house):
    assert house.pipeline("derive", "--check").stdout == ""
    house.edit(house.source, "numbers of one sign", "numbers of the same sign")
    done = house.pipeline("derive", "--check", check=False)
    assert done.returncode == 1 and "tiny" in done.stderr
    house.pipeline("derive")
    house.pipeline("derive", "--check")


def test_an_edit_of_a_derived_file_is_noticed(house):
    house.edit("solutions/tiny.py", TINY_SOLUTION, "return 2 * x")
    done = house.pipeline("derive", "--check", check=False)
    assert done.returncode == 1 and "solutions/tiny.py" in done.stdout


def test_the_notebook_is_blank_and_the_solution_filled(house):
    blank, filled = (code(notebook(house, kind)) for kind in NOTEBOOKS)
    assert "todo()  # your code here" in blank and TINY_SOLUTION not in blank
    assert TINY_SOLUTION in filled and "todo()  #" not in filled
    assert "SOLUTION" not in blank + filled


def test_the_module_holds_the_define_cells_without_the_decorator(house):
    done = house.python("-c", "from solutions.tiny import square; print(square(3))")
    assert done.stdout.strip() == "9"
    text = (house.root / "solutions" / "tiny.py").read_text()
    assert "exercise" not in text and "verify" not in text


def test_the_prose_is_plain_and_numbered(house):
    text = prose(notebook(house, "notebooks"))
    for part in (r"\tag{7.1}", r"\tag{7.2}", "defined in (7.1)",
                 "> **Theorem 7.1** (Squares of sums).", "as Theorem 7.1 says",
                 "> **Exercise 7.1** (The square).", "[Kullback and Leibler, 1951]",
                 "[`square of the size`, printed above]", "see Exercise 7.1",
                 "*A tiny chapter*", "and Squares.",
                 "stays as it is in code", "The Annals of Mathematical Statistics"):
        assert part in text
    outside_code = re.sub(r"`[^`]*`", "", text)
    assert "```{" not in text and not re.search(r"\{[\w:]+\}`", outside_code)


def test_answers_in_words_are_in_the_solutions_alone(house):
    blank, filled = (prose(notebook(house, kind)) for kind in NOTEBOOKS)
    assert "product of two numbers" not in blank
    assert "The answer to Exercise 7.2 is in the solution notebook" in blank
    assert "> **Solution to Exercise 7.2.** Because a product" in filled


@pytest.mark.parametrize("text, says", [
    ("```{figure} x.png\n```", "directive {figure}"),
    ("See {numref}`ex-tiny-square`.", "role {numref}"),
    ("<div>raw</div>", "raw HTML"),
    (":::note\nx\n:::", "colon fences"),
    ("See {eq}`nowhere`.", "no label nowhere"),
    ("After {cite:p}`nobody1900`.", "no entry nobody1900"),
    ("$$\nx\n$$ (def-square)", "already"),
    ("- a list\n\n  $$\n  x\n  $$ (def-x)", "inside a list"),
    ("Glued to text\n$$\nx\n$$ (cd-swallowed)", "a blank line before it"),
    ("\\begin{align}\nx\n\\end{align}", "aligned inside"),
    ("```{exercise} X\n:nonumber:\nx\n```", "takes :label: and :class: only"),
    ("```{prf:theorem} Nameless\nx\n```", "needs a :label:"),
    ("```{solution} ex-nothing\nx\n```", "no exercise ex-nothing"),
    ("It costs $5.\n\nSee {bogus}`x` for 6$.", "role {bogus}"),
])
def test_what_colab_cannot_show_is_refused_with_its_line(house, text, says):
    house.edit(house.source, "(sec-square)=", f"{text}\n\n(sec-square)=")
    done = house.pipeline("derive", check=False)
    assert done.returncode == 1
    assert says in done.stderr and "tiny.md" in done.stderr


@pytest.mark.parametrize("old, new, says", [
    ("import torch\n", "import torch\ntorch.manual_seed(0)\n", "define"),
    ("    ### END SOLUTION\n", "", "partner"),
    ("    return x * x\n", "    return x *\n", "invalid syntax"),
    ("  number: 7\n", "  number: seven\n", "number"),
    ("size = 3", "size = max(3, 2)", "constants"),
    ("[parameters]", "[]", "parameters cell"),
    ("# A tiny chapter", "A tiny chapter", "begins with # Title"),
    ("    ### BEGIN SOLUTION\n    return x * x\n    ### END SOLUTION\n",
     "    return x * x\n", "square has no ### BEGIN SOLUTION"),
    (":tags: [nbval-check-output]\n", "", "needs the tag nbval-check-output"),
    ("[define, hide-input]", "[define, hide_input]",
     f"the tag hide_input is not one of {', '.join(MEANING)}"),
    ("[define, hide-input]", "[bootstrap]", "the tag bootstrap is not one of"),
    ('verify("tiny-sum"', 'verify("tiny-sun"', "names no equation"),
    ('verify("tiny-sum"', "verify(name", "a name in quotes"),
    (', by="', ', by="" or "', "says in quotes, after by="),
    ("import torch\n", "from helpers.records import store\n", "from helpers import"),
    ("import torch\n", "from solutions.tiny import square\n", "solution("),
    ("import torch\n", "from helpers import verify as v\n", "from helpers import"),
])
def test_a_malformed_source_gets_one_clear_message(house, old, new, says):
    house.edit(house.source, old, new)
    done = house.pipeline("derive", check=False)
    assert done.returncode == 1 and says in done.stderr
    assert "tiny.md" in done.stderr


def test_a_claim_that_nothing_verifies_is_refused(house):
    house.edit(house.source, 'verify("tiny-sum", square(a + b), '
               'a * a + 2 * a * b + b * b, by="arithmetic")\n', "")
    done = house.pipeline("derive", check=False)
    assert done.returncode == 1
    assert "nothing verifies the claim tiny-sum, equation (7.2)" in done.stderr


def test_a_malformed_derived_notebook_loses_nothing(house):
    path = house.root / "solutions" / "tiny.ipynb"
    path.write_text("{ not json")
    done = house.pipeline("derive", check=False)
    assert done.returncode == 1 and "solutions/tiny.ipynb" in done.stderr
    assert path.read_text() == "{ not json"


def test_what_a_person_did_in_a_notebook_is_kept(house):
    mine = house.root / "notebooks" / "tiny-Copy1.ipynb"
    mine.write_text((house.root / "notebooks" / "tiny.ipynb").read_text().replace(
        "todo()  # your code here", "return 7"))
    house.edit("notebooks/tiny.ipynb", "todo()  # your code here", "return x * x")
    done = house.pipeline("derive")
    assert "kept as notebooks/tiny.yours-1.ipynb" in done.stdout
    assert "return x * x" in (house.root / "notebooks/tiny.yours-1.ipynb").read_text()
    assert mine.exists()
    assert house.pipeline("derive", "--check").stdout == ""


def test_what_a_removed_chapter_left_is_removed(house):
    house.source.rename(house.source.with_name("other.md"))
    house.pipeline("derive")
    names = sorted(path.name for path in (house.root / "notebooks").iterdir())
    assert names == ["other.ipynb"]


BOXED = """```{prf:theorem} First
:label: thm-first
$$
x = 1 .
$$ (def-one)
```
right after it

```{note}
- a list
- of two
```

% a remark to authors

It costs $5 or 6$ and, a paragraph on,

{eq}`def-one`.
"""


def test_boxes_begin_and_end_where_they_should(house):
    house.edit(house.source, "(sec-square)=", f"{BOXED}\n(sec-square)=")
    house.pipeline("derive")
    text = prose(notebook(house, "notebooks"))
    assert "> **Theorem 7.1** (First).\n>\n> $$\n> x = 1 .\n> \\tag{7.1}" in text
    assert "\n\nright after it" in text and "> **Note.**\n>\n> - a list" in text
    assert "remark" not in text and "paragraph on,\n\n(7.1)." in text


def test_no_myst_is_left_in_the_books_own_notebooks():
    roles = "|".join(map(re.escape, ROLES))
    directives = "|".join(map(re.escape, DIRECTIVES))
    for chapter in BOOK.chapters:
        for kind in NOTEBOOKS:
            path = BOOK.notebook(kind, chapter.name)
            text = prose(nbformat.read(path, 4))
            left = re.search(rf"\{{({roles})\}}`|`{{3,}}\{{({directives})\}}", text)
            assert left is None, f"{path.name}: {left[0]}"


def test_committed_notebooks_carry_no_output_but_references():
    for chapter in BOOK.chapters:
        for kind in NOTEBOOKS:
            for cell in nbformat.read(BOOK.notebook(kind, chapter.name), 4).cells:
                if kind == "notebooks" or COMPARED not in tags_of(cell):
                    assert not cell.get("outputs")


def test_the_page_of_equations_lists_each_label_with_its_checks():
    page = (BOOK.root / "book" / "equations.md").read_text()
    for label in BOOK.labels.values():
        if label.kind == "equation":
            (row,) = [line for line in page.splitlines()
                      if f"| `{label.name}` |" in line]
            assert row.endswith("| a definition |") is not label.is_claim
