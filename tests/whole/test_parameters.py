"""A value that a chapter cannot use is refused before anything is trained."""

import ast

import pytest
import torch

from helpers import CourseError
from pipeline.source.code import parse
from pipeline.source.tags import PARAMETERS
from tests.conftest import BOOK

TRAINING = ("train", "fine_tune", "tuned", "fit", "study", "step", "backward")
NOWHERE = ("no-such/model", "Is the name right, and is there a network?")
WRONG = {
    ("bert_finetuning", "model_name"): [NOWHERE],
    ("language_sampling", "model_name"): [NOWHERE],
    ("text_and_images", "model_name"): [NOWHERE],
    ("text_and_images", "data"): [
        ("flags", "data is one of 'emoji' and 'photographs', not 'flags'"),
    ],
    ("summarization", "data"): [
        ("no-such-set", "is neither \"awards\" nor a folder or a set of the hub"),
    ],
    ("summarization", "model_name"): [NOWHERE],
    ("summarization", "own_summaries"): [
        ("no-such-file.txt", "own_summaries is no file: no-such-file.txt"),
    ],
    ("nmt", "only"): [
        ("GRU 99", "only is one of '', 'GRU 32, small', "),
    ],
}


def test_every_other_parameter_is_tried_below():
    assert WRONG.keys() == {
        (chapter.name, name) for chapter in BOOK.chapters for name in chapter.defaults
        if name not in ("profile", "seed")}


@pytest.fixture
def settings():
    """Torch is set afterwards as it was before."""
    dtype, gradients = torch.get_default_dtype(), torch.is_grad_enabled()
    yield
    torch.set_default_dtype(dtype)
    torch.set_grad_enabled(gradients)


@pytest.mark.parametrize("name, parameter, value, says", [
    (*where, *wrong) for where, tried in WRONG.items() for wrong in tried])
def test_a_wrong_value_is_refused_before_anything_is_trained(
        name, parameter, value, says, settings, no_network, monkeypatch):
    """The chapter's cells, in this process, as far as the one that refuses."""
    monkeypatch.setattr("torch.Tensor.backward",
                        lambda *_, **__: pytest.fail("it trained"))
    names, done = {}, []
    with pytest.raises(CourseError) as stop:
        for cell in BOOK.chapter(name).code:
            exec(compile(cell.blank, cell.id, "exec"), names)
            if PARAMETERS in cell.tags:
                names[parameter] = value
            done += called(cell.blank)
    assert says in str(stop.value)
    assert not [call for call in done if call.startswith(TRAINING)]


def called(code):
    """Return the names that code calls, but for the bodies that it defines."""
    waiting, found = list(parse(code).body), []
    while waiting:
        node = waiting.pop()
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Call):
            found.append(getattr(node.func, "id", getattr(node.func, "attr", "")))
    return found
