"""What was made of a text is not made again, and never outlives what it was made of."""

import pytest

from pipeline.memory import Memory


@pytest.fixture
def desk(tmp_path):
    """Return a function that recalls a text's capitals, and the list of its makings."""
    code, made = tmp_path / "code.py", []
    code.write_text("first")

    def recall(text, folder="memory"):
        def make():
            made.append(text)
            return text.upper()

        return Memory(tmp_path / folder, [code]).recall("capitals", [text], make)

    recall.made, recall.code = made, code
    recall.file = tmp_path / "memory" / "capitals.pickle"
    return recall


def test_a_value_is_made_once_for_a_text(desk):
    assert [desk("a"), desk("a"), desk("b"), desk("b")] == ["A", "A", "B", "B"]
    assert desk.made == ["a", "b"]


def test_a_change_of_the_code_makes_it_again(desk):
    desk("a")
    desk.code.write_text("second")
    assert desk("a") == "A" and desk.made == ["a", "a"]


@pytest.mark.parametrize("content", [b"", b"no pickle", b"\x80\x04N."])
def test_a_damaged_file_costs_time_alone(desk, content):
    desk("a")
    desk.file.write_bytes(content)
    assert desk("a") == "A" and desk("a") == "A" and desk.made == ["a", "a"]


def test_a_folder_that_cannot_be_written_costs_time_alone(desk, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert desk("a", "file") == "A" and desk("a", "file") == "A"
    assert desk.made == ["a", "a"]
