"""The closed list of MyST constructs that a chapter may use, and their parser.

Sphinx renders every construct on the site. Colab and JupyterLab show MyST as raw
text, so `pipeline.derive.markdown` rewrites it for them. markdown-it finds the
blocks; a directive or role outside of the list is an error.
"""

import re
from functools import cache

from markdown_it import MarkdownIt
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.myst_blocks import myst_block_plugin

from pipeline.errors import BookError

ADMONITIONS = ("note", "tip", "warning", "important")
NUMBERED = ("exercise", "prf:theorem", "prf:lemma", "prf:proposition",
            "prf:definition", "prf:example")
DIRECTIVES = {
    **dict.fromkeys(ADMONITIONS, "a box with this heading"),
    **dict.fromkeys(NUMBERED, "numbered within its chapter; needs a `:label:`"),
    "prf:proof": "a proof",
    "solution": "the answer to the exercise that it names: folded on the page, in the "
                "solution notebook only",
}
ROLES = {
    "eq": "the number of an equation, in parentheses",
    "ref": "a labelled section or exercise, by its title or number",
    "prf:ref": "a numbered theorem, lemma, proposition, definition or example",
    "cite:p": "works cited in brackets",
    "cite:t": "works cited as part of the sentence",
    "doc": "another page of the book",
    "glue:text": "a record of the run, as its line has it",
}

KINDS = {"math_block_label": "equation", "myst_target": "target",
         "myst_line_comment": "comment",
         **dict.fromkeys(("fence", "code_block", "math_block"), "verbatim")}

INFO = re.compile(r"\{([\w:-]+)\}\s*(.*)")
OPTION = re.compile(r":([\w-]+):[ \t]*(.*)\n?")
SPANS = re.compile(
    r"\{(?P<role>[\w:.-]+)\}`(?P<body>[^`]+)`"
    r"|(?P<ticks>`+)(?!`)(?:[^\n]|\n(?!\s*\n))+?(?<!`)(?P=ticks)(?!`)"
    r"|(?<![\\$])\$(?![$\s])(?:[^$\n]|\n(?!\s*\n))+\$",
)


def walk(text, where, line):
    """Yield (kind, label, title) of what is numbered or labelled, in order."""
    target, lines = None, text.splitlines()
    for kind, begin, _, token in blocks(text, where, line):
        if kind == "target":
            target = token.content
        elif kind == "heading" and target:
            yield "section", target, lines[begin].lstrip("# ")
            target = None
        elif kind == "equation":
            yield "equation", token.info, ""
        elif kind == "directive":
            name, title, options, body = directive(token)
            if name in NUMBERED:
                yield name.removeprefix("prf:"), options["label"], title
            if name == "solution" and any(
                k == "equation" for k, *_ in walk(body, where, line + begin)
            ):
                raise BookError(
                    f"{where}:{line + begin}: an equation in a solution, which "
                    "not every notebook holds, cannot have a label"
                )
            yield from walk(body, where, line + begin + 1)


def blocks(text, where, line):
    """Yield (kind, first line, line after, token) of the special blocks.

    Raises BookError for a construct that is not on the closed list.
    """
    _refuse_in_running_text(text, where, line)
    for token in _tokens(text):
        if token.map is None:
            continue
        at = f"{where}:{line + token.map[0]}"
        if token.type == "heading_open":
            yield "heading", token.map[0], token.map[0], token
        elif kind := _kind(token, text, at):
            if token.level and kind != "verbatim":
                raise BookError(f"{at}: a {kind} inside a list or a quote")
            yield kind, *token.map, token


def _refuse_in_running_text(text, where, line):
    """Raise BookError for a role off the list, and for $$ that opens no block."""
    running = _without_blocks(text)
    if "$$" in re.sub(r"(`+).+?\1", "", running):
        raise BookError(
            f"{where}:{line}: a display formula needs a blank line before it, its "
            "$$ on lines of their own, and no list around it"
        )
    for match in SPANS.finditer(running):
        if match["role"] and match["role"] not in ROLES:
            raise BookError(
                f"{where}:{line + text.count(chr(10), 0, text.find(match[0]))}: the "
                f"role {{{match['role']}}} is not one of {', '.join(ROLES)}"
            )


def _kind(token, text, at):
    """Return the kind of a block, or None for plain Markdown."""
    if token.type == "fence" and token.info.startswith("{"):
        _refuse_directive(token, at)
        return "directive"
    if token.type == "amsmath":
        raise BookError(f"{at}: write $$ … $$ with aligned inside")
    if token.type in KINDS:
        return KINDS[token.type]
    if token.type == "html_block" or ":::" in text.splitlines()[token.map[0]][:4]:
        raise BookError(f"{at}: raw HTML and colon fences show as text in Colab")
    return None


def _refuse_directive(token, at):
    """Raise BookError for a directive off the list, and for wrong options."""
    name = INFO.match(token.info)[1] if INFO.match(token.info) else token.info
    if name not in DIRECTIVES:
        raise BookError(f"{at}: the directive {{{name}}} is not one of "
                        f"{', '.join(DIRECTIVES)}")
    _, _, options, body = directive(token)
    if set(options) - {"label", "class"} or body.startswith("---"):
        raise BookError(f"{at}: {{{name}}} takes :label: and :class: only")
    if name in NUMBERED and "label" not in options:
        raise BookError(f"{at}: a numbered {{{name}}} needs a :label:")


def directive(token):
    """Split a directive's fence into name, title, options and body."""
    name, title = INFO.match(token.info).groups()
    body, options = token.content, {}
    while (option := OPTION.match(body)):
        options[option[1]] = option[2].strip()
        body = body[option.end():]
    return name, title.strip(), options, body.strip("\n")


@cache
def _tokens(text):
    return _parser().parse(text)


@cache
def _parser():
    return (
        MarkdownIt("commonmark")
        .enable("table")
        .use(dollarmath_plugin)
        .use(amsmath_plugin)
        .use(myst_block_plugin)
    )


def _without_blocks(text):
    """Blank out fenced and display blocks, so that only running text is left."""
    lines = text.splitlines()
    for token in _tokens(text):
        if token.type in ("fence", "code_block", "math_block", "math_block_label"):
            for at in range(*token.map):
                lines[at] = ""
    return "\n".join(lines)
