"""Every value is turned into an array, into a text and into a file in one way."""

from fractions import Fraction

import numpy as np
import pytest
import sympy
import torch

from helpers.exercises.checks import agree
from helpers.files import write_whole
from helpers.values import as_array, as_scalar, text_of


@pytest.mark.parametrize("value, numbers", [
    (3, 3.0), (True, 1.0), (Fraction(1, 4), 0.25), (sympy.Rational(1, 2), 0.5),
    (10**30, 1e30), (np.float32(0.5), 0.5), (range(3), [0, 1, 2]), ([], []),
    (torch.tensor([1.5, 2], dtype=torch.bfloat16, requires_grad=True), [1.5, 2]),
    ([torch.ones(2), (1, np.int8(2))], [[1, 1], [1, 2]]),
    (sympy.Matrix([[1, 2]]), [[1, 2]]),
])
def test_a_real_value_becomes_an_array_of_float64(value, numbers):
    array = as_array(value)
    assert array.dtype == np.float64 and array.tolist() == numbers


@pytest.mark.parametrize("value", [
    None, "1", b"1", 1j, np.array([1j]), torch.tensor(1j), [1, None], ["1"], {}, {1},
    sympy.Symbol("x"), sympy.I, [[1], [1, 2]], object(), np.array(["1"]), len])
def test_what_is_not_real_is_refused(value):
    with pytest.raises(TypeError):
        as_array(value)
    assert not agree(value, 1.0, 1e-5, 1e-7)


@pytest.mark.parametrize("value, scalar", [
    (torch.tensor([3]), 3), (np.float32(0.5), 0.5), (np.bool_(True), True), ("a", "a")])
def test_a_value_of_one_element_keeps_its_kind(value, scalar):
    assert as_scalar(value) == scalar and type(as_scalar(value)) is type(scalar)


@pytest.mark.parametrize("value, text", [
    (None, "None"), ("two", "'two'"), (4, "4"), (1 / 3, "0.333333"),
    (torch.arange(8.0), "[0, 1, 2, 3, 4, 5, …] of shape (8,)"),
    (([1.0, 2.0], True), "((1, 2), True)"), (1j, "1j"),
    (sympy.Symbol("x" * 300), "x" * 200 + " …"),
])
def test_a_value_is_written_in_short(value, text):
    assert text_of(value) == text


@pytest.mark.parametrize("folder", [True, False])
def test_what_is_written_replaces_the_old_whole_or_not_at_all(tmp_path, folder):
    path = tmp_path / "new" / "thing.txt"

    def write(text, **options):
        with write_whole(path, **options) as part:
            if folder:
                part.mkdir()
            (part / "file" if folder else part).write_text(text)
            if text == "bad":
                raise RuntimeError("stop")
        return part.name

    def read():
        return (path / "file" if folder else path).read_text()

    assert write("one").endswith(".part") and read() == "one"
    assert write("two", keep_suffix=True).endswith(".part.txt") and read() == "two"
    with pytest.raises(RuntimeError, match="stop"):
        write("bad")
    assert read() == "two" and list(path.parent.iterdir()) == [path]


def test_a_block_that_writes_nothing_leaves_nothing(tmp_path):
    with pytest.raises(OSError), write_whole(tmp_path / "thing"):
        pass
    assert list(tmp_path.iterdir()) == []
