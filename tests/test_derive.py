"""A person edits one source; everything else follows from it."""

import re

import nbformat
import pytest

from pipeline.chapters import ROOT, load_all
from pipeline.derive import KINDS, derive
from pipeline.myst import DIRECTIVES, ROLES

TINY_SOLUTION = "return x * x"


def notebook(house, kind):
    return nbformat.read(house.root / kind / "tiny.ipynb", 4)


def prose(book):
    return "\n\n".join(c.source for c in book.cells if c.cell_type == "markdown")


def code(book):
    return "\n".join(c.source for c in book.cells if c.cell_type == "code")


def test_what_is_derived_is_in_step():
    assert derive(check=True) == []


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
    blank, filled = (code(notebook(house, kind)) for kind in KINDS)
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
    blank, filled = (prose(notebook(house, kind)) for kind in KINDS)
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
])
def test_what_colab_cannot_show_is_refused_with_its_line(house, text, says):
    house.edit(house.source, "(sec-square)=", f"{text}\n\n(sec-square)=")
    done = house.pipeline("derive", check=False)
    assert done.returncode == 1
    assert says in done.stderr and "tiny.md" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("old, new, says", [
    ("import torch\n", "import torch\ntorch.manual_seed(0)\n", "define"),
    ("    ### END SOLUTION\n", "", "partner"),
    ("    return x * x\n", "    return x *\n", "invalid syntax"),
    ("  number: 7\n", "  number: seven\n", "number"),
    ("size = 3", "size = max(3, 2)", "constants"),
    ("[parameters]", "[]", "parameters cell"),
])
def test_a_malformed_source_gets_one_clear_message(house, old, new, says):
    house.edit(house.source, old, new)
    done = house.pipeline("derive", check=False)
    assert done.returncode == 1 and says in done.stderr
    assert "tiny.md" in done.stderr and "Traceback" not in done.stderr


def test_a_malformed_derived_notebook_loses_nothing(house):
    path = house.root / "solutions" / "tiny.ipynb"
    path.write_text("{ not json")
    done = house.pipeline("derive", check=False)
    assert done.returncode == 1 and "solutions/tiny.ipynb" in done.stderr
    assert path.read_text() == "{ not json"


def test_no_myst_is_left_in_the_books_own_notebooks():
    roles = "|".join(map(re.escape, ROLES))
    directives = "|".join(map(re.escape, DIRECTIVES))
    for chapter in load_all():
        for kind in KINDS:
            path = ROOT / kind / f"{chapter.name}.ipynb"
            text = prose(nbformat.read(path, 4))
            left = re.search(rf"\{{({roles})\}}`|`{{3,}}\{{({directives})\}}", text)
            assert left is None, f"{path.name}: {left[0]}"


def test_committed_notebooks_carry_no_output_but_references():
    for chapter in load_all():
        for kind in KINDS:
            for cell in nbformat.read(ROOT / kind / f"{chapter.name}.ipynb", 4).cells:
                compared = "nbval-check-output" in cell.metadata.get("tags", [])
                if kind == "notebooks" or not compared:
                    assert not cell.get("outputs")
