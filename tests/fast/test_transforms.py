"""What the site's extension does to a page's document and to its numbers."""

from types import SimpleNamespace

import pytest
from docutils import nodes
from docutils.core import publish_doctree, publish_from_doctree
from sphinx.errors import ExtensionError

from pipeline.site.extension import drop_thebe, open_published
from pipeline.site.numbers import ChapterNumbers, renumber
from pipeline.site.transforms import KeepErrorsWithValues, MarkVerified, mark_verified

CHECK = {"by": "quadrature & <care>", "residual": 1.2e-9, "allowed": 1e-6}
SAYS = ("verified in this page by quadrature & <care>: off by 1.2e-09, "
        "allowed 1.0e-06")


def equations(*labels):
    """Return a document with a displayed formula of each label."""
    document = publish_doctree("Prose.\n\n" + "\n\n".join(
        f".. math:: {label[0]} = 1" for label in labels))
    for block, label in zip(document.findall(nodes.math_block), labels, strict=True):
        block["label"] = label
    return document


def test_a_verified_equation_stands_before_its_mark_in_one_box():
    document = equations("def-a", "b-holds")
    mark_verified(document, {"b-holds": CHECK}, "notebooks/tiny")
    _, plain, box = document.children
    assert isinstance(plain, nodes.math_block) and plain["label"] == "def-a"
    assert box["classes"] == ["verified-equation"]
    block, mark = box.children
    assert block["label"] == "b-holds" and mark["format"] == "html"


def test_a_mark_says_what_was_compared_and_how_exactly():
    document = equations("b-holds")
    mark_verified(document, {"b-holds": CHECK}, "notebooks/tiny")
    html = publish_from_doctree(document, writer_name="html5").decode()
    (mark,) = [line for line in html.splitlines() if "✓" in line]
    escaped = SAYS.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert (f'<span class="verified" role="img" title="{escaped}" '
            f'aria-label="{escaped}">✓</span>') in mark


def test_a_verified_equation_that_the_page_lacks_stops_the_build():
    with pytest.raises(ExtensionError, match="notebooks/tiny shows no equation gone"):
        mark_verified(equations("b-holds"), {"gone": CHECK}, "notebooks/tiny")


def within(document, builder, **metadata):
    """Give a document what Sphinx gives one that it resolves."""
    env = SimpleNamespace(docname="notebooks/tiny",
                          metadata={"notebooks/tiny": metadata})
    env.app = SimpleNamespace(env=env, builder=builder)
    document.settings.env = env
    return document


@pytest.mark.parametrize(("format", "marks"), [("html", 1), ("latex", 0)])
def test_equations_are_marked_where_the_page_is_html(format, marks):
    builder = SimpleNamespace(name=format, format=format)
    document = within(equations("b-holds"), builder, verified={"b-holds": CHECK})
    MarkVerified(document).apply()
    assert len(list(document.findall(nodes.raw))) == marks


def test_no_line_breaks_between_a_value_and_its_error():
    document = publish_doctree("44.1 ± 1.6 per cent::\n\n  GRU = 44.1 ± 1.6\n")
    KeepErrorsWithValues(document).run()
    prose, code = document.children
    assert prose.astext() == "44.1 ±\xa01.6 per cent:"
    assert code.astext() == "GRU = 44.1 ± 1.6"


def numbered(number):
    """Return what Sphinx knows of a chapter that it has given this number."""
    contents = nodes.bullet_list("", *(
        nodes.reference(anchorname=anchor, secnumber=list(found))
        for anchor, found in (("", (number,)), ("#a", (number, 1)))))
    return SimpleNamespace(
        toc_fignumbers={}, toc_secnumbers={"notebooks/tiny": {
            "": (number,), "#a": (number, 1), "#plain": None}},
        titles={"notebooks/tiny": nodes.title(secnumber=[number])},
        tocs={"notebooks/tiny": contents})


def test_a_chapter_is_renumbered_in_its_title_its_contents_and_its_sections():
    env = numbered(1)
    assert renumber(env, "notebooks/tiny", 7)
    assert env.toc_secnumbers["notebooks/tiny"] == {"": (7,), "#a": (7, 1),
                                                    "#plain": None}
    assert env.titles["notebooks/tiny"]["secnumber"] == [7]
    assert [link["secnumber"] for link in env.tocs["notebooks/tiny"]] == [[7], [7, 1]]
    assert not renumber(env, "notebooks/tiny", 7)


def test_what_a_chapter_counts_has_its_number_too():
    env = numbered(1)
    env.toc_fignumbers["notebooks/tiny"] = {"displaymath": {"a": (1, 1), "b": (1, 2)}}
    renumber(env, "notebooks/tiny", 7)
    assert env.toc_fignumbers["notebooks/tiny"]["displaymath"] == {
        "a": (7, 1), "b": (7, 2)}


def test_the_pages_that_are_numbered_anew_are_written_anew():
    chapters = [SimpleNamespace(name="tiny", number=7),
                SimpleNamespace(name="not_in_the_contents", number=8)]
    app = SimpleNamespace(book=SimpleNamespace(chapters=chapters))
    assert ChapterNumbers().get_updated_docs(app, numbered(7)) == []
    assert ChapterNumbers().get_updated_docs(app, numbered(1)) == ["notebooks/tiny"]


def test_a_page_loads_its_own_scripts_and_none_of_thebe():
    own = SimpleNamespace(filename="explore.js", attributes={})
    inline = SimpleNamespace(filename=None, attributes={"body": "const a = 1"})
    context = {"script_files": [
        own, inline, SimpleNamespace(filename="sphinx-thebe.js", attributes={}),
        SimpleNamespace(filename=None, attributes={"body": "const THEBE_JS_URL = 1"})]}
    drop_thebe(None, "book/intro", "page.html", context, None)
    assert context["script_files"] == [own, inline]


def test_the_colab_button_alone_opens_the_published_branch():
    app = SimpleNamespace(
        config=SimpleNamespace(published_branch="pages"),
        book=SimpleNamespace(config={"repository": {"branch": "main"}}))
    source = {"url": "https://example.org/a/b/blob/main/notebooks/tiny.ipynb"}
    colab = {"url": "https://colab.example/github/a/b/blob/main/notebooks/tiny.ipynb"}
    context = {"header_buttons": [{"type": "link", "url": "https://example.org"},
                                  {"type": "group", "buttons": [source, colab]}]}
    open_published(app, "notebooks/tiny", "page.html", context, None)
    assert "/blob/main/" in source["url"]
    assert colab["url"].endswith("/a/b/blob/pages/notebooks/tiny.ipynb")
