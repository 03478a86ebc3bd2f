"""Tables in Markdown."""

from markdown_it import MarkdownIt

from pipeline.tables import table


def test_a_table_has_its_heads_its_sides_and_a_line_for_each_row():
    assert table(("what", "one", "two"), [("a", 1, 2.5), ("b", "–", "")], "lr") == [
        "| what | one | two |", "|---|---:|---|", "| a | 1 | 2.5 |", "| b | – |  |"]


def test_a_reader_of_markdown_sees_it():
    html = MarkdownIt("commonmark").enable("table").render(
        "\n".join(table(("a", "b"), [(1, 2), (3, 4)], "rr")))
    assert html.count("<tr>") == 3 and html.count('style="text-align:right"') == 6
