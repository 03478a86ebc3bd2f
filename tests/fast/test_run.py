"""A run may skip the rest of its notebook, and what it stored is read back."""

import pytest
from IPython.core.interactiveshell import InteractiveShell
from nbformat.v4 import new_code_cell, new_notebook, new_output

from helpers import scraps
from helpers.scraps import Scraps, is_reserved

START = 'from helpers import start\nrun = start("any", profile="quick", seed=0)'


@pytest.fixture
def shell():
    """IPython itself, in this process, with a namespace of the test's."""
    shell = InteractiveShell.instance()
    yield shell
    InteractiveShell.clear_instance()


def run(shell, *cells):
    for cell in cells:
        shell.run_cell(cell).raise_error()


def test_what_follows_skip_rest_does_nothing(shell, capsys):
    run(shell, START, "run.skip_rest()")
    assert capsys.readouterr().out.startswith("| run card | |")
    run(shell, "done = 1", "print('run.card() and start(')", "run.card()",
        "%time done = 2", "def later():\n    return start")
    assert capsys.readouterr().out == ""
    assert not {"done", "later"} & shell.user_ns.keys()


def test_a_new_start_under_any_name_ends_the_skipping(shell):
    run(shell, START, "begin = start", "run.skip_rest()",
        "done = 1", "def start_over(): pass", "start_over()")
    assert "done" not in shell.user_ns
    run(shell, "%time 0\n"
        'if True:\n    run = begin("other", profile="full", seed=1)',
        "done = run.chapter")
    assert shell.user_ns["done"] == "other"
    assert shell.ast_transformers == []


def test_another_function_of_the_name_does_not_end_it(shell):
    run(shell, START, "keep, start = start, print", "run.skip_rest()",
        "start('any')", "done = 1")
    assert "done" not in shell.user_ns


def test_a_start_that_fails_lets_the_reader_mend_the_parameters(shell):
    run(shell, START, "run.skip_rest()")
    failed = shell.run_cell('start("any", profile="fast", seed=0)')
    assert "there is no profile 'fast'" in str(failed.error_in_exec)
    run(shell, 'profile = "full"')
    assert shell.user_ns["profile"] == "full"


def test_outside_ipython_nothing_is_skipped(session, capsys):
    session.skip_rest()
    assert capsys.readouterr().out.startswith("| run card | |")


def test_every_kind_of_scrap_is_read_back_as_it_was_written(monkeypatch):
    shown = []
    monkeypatch.setattr(scraps, "display", lambda *bundle: shown.append(bundle))
    scraps.write_record("loss", {"value": 1.5, "text": "1.5"}, "1.5")
    for repetition, by in ((1, "hand"), (2, "counting")):
        scraps.write_verification("a-claim", repetition, {"by": by})
    scraps.write_card({"chapter": "any"})
    scraps.write_rest_skipped()
    names = [bundle[scraps.SCRAP]["name"] for bundle, _ in shown]
    assert names == ["loss", "verify:a-claim", "verify:a-claim#2", "run-card",
                     "rest-skipped"]
    assert [is_reserved(name) for name in names] == [False, True, True, True, True]

    outputs = [new_output("display_data", data, metadata=metadata)
               for data, metadata in shown]
    outputs.append(new_output("stream", text="no scrap"))
    notebook = new_notebook(cells=[new_code_cell(outputs=outputs)])
    assert Scraps.of(notebook) == Scraps(
        records={"loss": {"value": 1.5, "text": "1.5"}}, card={"chapter": "any"},
        verified={"a-claim": [{"by": "hand"}, {"by": "counting"}]},
        rest_skipped=True)
    assert Scraps.of(new_notebook()) == Scraps({}, {}, {}, False)
