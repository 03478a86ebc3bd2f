"""The closed list of MyST that a chapter may use, and its plain rendering.

Sphinx renders every construct on the site. Colab and JupyterLab show MyST as
raw text, so `lower` rewrites it as plain Markdown with the same numbers.
markdown-it finds the blocks; a directive or role outside the list is an error.
"""

import re
from functools import cache

from markdown_it import MarkdownIt
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.myst_blocks import myst_block_plugin
from pybtex.database import parse_file
from pybtex.exceptions import PybtexError
from pybtex.plugin import find_plugin

from pipeline.chapters import ROOT, SourceError

ADMONITIONS = ("note", "tip", "warning", "important")
NUMBERED = ("exercise", "prf:theorem", "prf:lemma", "prf:proposition",
            "prf:definition", "prf:example")
DIRECTIVES = (*ADMONITIONS, *NUMBERED, "prf:proof", "solution")
ROLES = ("eq", "ref", "prf:ref", "cite:p", "cite:t", "doc", "glue:text")

INFO = re.compile(r"\{([\w:-]+)\}\s*(.*)")
OPTION = re.compile(r":([\w-]+):[ \t]*(.*)\n?")
SPANS = re.compile(
    r"\{(?P<role>[\w:.-]+)\}`(?P<body>[^`]+)`"
    r"|(?P<ticks>`+)(?!`)(?:[^\n]|\n(?!\s*\n))+?(?<!`)(?P=ticks)(?!`)"
    r"|(?<![\\$])\$(?![$\s])(?:[^$\n]|\n(?!\s*\n))+\$",
)
OPENS_A_BLOCK = re.compile(r"\$\$|```|[-*+>|] |\d+[.)] ")
TITLED = re.compile(r"(?P<title>.*?)\s*<(?P<target>[^<>]+)>", re.S)


class Lowering:
    """What the plain rendering of one notebook needs to know of the book."""

    def __init__(self, labels, titles, with_solutions):
        self.labels = labels
        self.titles = titles
        self.with_solutions = with_solutions
        self.cited = []

    def __call__(self, text, where="", line=1):
        lines = text.splitlines()
        out, done = [], 0
        for kind, begin, end, token in blocks(text, where, line):
            out.append(self._spans("\n".join(lines[done:begin]), where, line + done))
            out.append(self._block(kind, token, lines[begin:end], where, line + begin))
            done = end
        out.append(self._spans("\n".join(lines[done:]), where, line + done))
        text = "\n".join(part for part in out if part is not None)
        return re.sub(r"\n{3,}", "\n\n", text).strip("\n")

    def _block(self, kind, token, lines, where, line):
        if kind == "equation":
            number = self.labels[token.info].number
            return f"$$\n{token.content.strip()}\n\\tag{{{number}}}\n$$"
        if kind in ("target", "comment"):
            return None
        if kind != "directive":
            return "\n".join(lines)
        name, title, options, body = directive(token)
        head = name.removeprefix("prf:").capitalize()
        if name == "solution":
            if title not in self.labels:
                raise SourceError(f"{where}:{line}: there is no exercise {title}")
            target = self.labels[title].text
            if not self.with_solutions:
                return f"> *The answer to {target} is in the solution notebook.*"
            head, title = f"Solution to {target}", ""
        elif name in NUMBERED:
            head = self.labels[options["label"]].text
        if title:
            head = f"**{head}** ({self._spans(title, where, line)})."
        else:
            head = f"**{head}.**"
        body = self(body, where, line + 1)
        gap = "\n\n" if OPENS_A_BLOCK.match(body) else " "
        boxed = [f"> {x}".rstrip() for x in f"{head}{gap}{body}".splitlines()]
        return "\n".join([*boxed, ""])

    def _spans(self, text, where, line):
        def replace(match):
            if not match["role"]:
                return match[0]
            at = line + text.count("\n", 0, match.start())
            return self._role(match["role"], " ".join(match["body"].split()), where, at)

        return SPANS.sub(replace, text)

    def _role(self, role, body, where, line):
        titled = TITLED.fullmatch(body)
        title, target = (titled["title"], titled["target"]) if titled else ("", body)
        if role in ("eq", "ref", "prf:ref"):
            if target not in self.labels:
                raise SourceError(f"{where}:{line}: there is no label {target}")
            label = self.labels[target]
            if role == "eq":
                return f"({label.number})"
            return f"{title} ({label.text})" if title else label.text
        if role in ("cite:p", "cite:t"):
            keys = [key.strip() for key in body.split(",")]
            self.cited += [key for key in keys if key not in self.cited]
            return citation(keys, role == "cite:t", f"{where}:{line}")
        if role == "doc":
            name = target.rsplit("/", 1)[-1]
            return f"*{title or self.titles.get(name, name)}*"
        return f"[`{body}`, printed above]"


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
                raise SourceError(
                    f"{where}:{line + begin}: an equation in a solution, which "
                    "not every notebook holds, cannot have a label"
                )
            yield from walk(body, where, line + begin + 1)


def blocks(text, where, line):
    """Yield (kind, first line, line after, token) of the special blocks.

    Raises SourceError for a construct that is not on the closed list.
    """
    running = _without_blocks(text)
    if "$$" in re.sub(r"(`+).+?\1", "", running):
        raise SourceError(
            f"{where}:{line}: a display formula needs a blank line before it, its "
            "$$ on lines of their own, and no list around it"
        )
    for match in SPANS.finditer(running):
        if match["role"] and match["role"] not in ROLES:
            raise SourceError(
                f"{where}:{line + text.count(chr(10), 0, text.find(match[0]))}: the "
                f"role {{{match['role']}}} is not one of {', '.join(ROLES)}"
            )
    for token in _tokens(text):
        if token.map is None:
            continue
        at = f"{where}:{line + token.map[0]}"
        if token.type == "fence" and token.info.startswith("{"):
            name = INFO.match(token.info)[1] if INFO.match(token.info) else token.info
            if name not in DIRECTIVES:
                raise SourceError(
                    f"{at}: the directive {{{name}}} is not one of "
                    f"{', '.join(DIRECTIVES)}"
                )
            kind = "directive"
            _, _, options, body = directive(token)
            if set(options) - {"label", "class"} or body.startswith("---"):
                raise SourceError(f"{at}: {{{name}}} takes :label: and :class: only")
            if name in NUMBERED and "label" not in options:
                raise SourceError(f"{at}: a numbered {{{name}}} needs a :label:")
        elif token.type == "math_block_label":
            kind = "equation"
        elif token.type == "myst_target":
            kind = "target"
        elif token.type == "myst_line_comment":
            kind = "comment"
        elif token.type == "amsmath":
            raise SourceError(f"{at}: write $$ … $$ with aligned inside")
        elif token.type == "heading_open":
            yield "heading", token.map[0], token.map[0], token
            continue
        elif token.type in ("fence", "code_block", "math_block"):
            kind = "verbatim"
        elif token.type == "html_block" or ":::" in text.splitlines()[token.map[0]][:4]:
            raise SourceError(f"{at}: raw HTML and colon fences show as text in Colab")
        else:
            continue
        if token.level and kind != "verbatim":
            raise SourceError(f"{at}: a {kind} inside a list or a quote")
        yield kind, *token.map, token


def directive(token):
    """Split a directive's fence into name, title, options and body."""
    name, title = INFO.match(token.info).groups()
    body, options = token.content, {}
    while (option := OPTION.match(body)):
        options[option[1]] = option[2].strip()
        body = body[option.end():]
    return name, title.strip(), options, body.strip("\n")


def citation(keys, textual, where=""):
    """Write citations in the author-year style of the site."""
    written = []
    for key in keys:
        if key not in bibliography().entries:
            raise SourceError(f"{where}: references.bib has no entry {key}")
        entry = bibliography().entries[key]
        people = [" ".join(p.prelast_names + p.last_names)
                  for p in entry.persons.get("author", entry.persons.get("editor", []))]
        if len(people) > 2:
            people = [f"{people[0]} *et al.*"]
        authors, year = " and ".join(people), entry.fields["year"]
        written.append(f"{authors} [{year}]" if textual else f"{authors}, {year}")
    return ", ".join(written) if textual else f"[{'; '.join(written)}]"


def references(keys):
    """Return the cited works as a Markdown list."""
    style, backend = _style()
    entries = [bibliography().entries[key] for key in sorted(keys)]
    lines = [" ".join(entry.text.render(backend).split())
             for entry in style.format_entries(entries)]
    return "\n".join("- " + re.sub(r"\\([.()\-])", r"\1", line) for line in lines)


@cache
def bibliography():
    try:
        return parse_file(str(ROOT / "book" / "references.bib"))
    except PybtexError as error:
        raise SourceError(f"references.bib: {error}") from error


@cache
def _style():
    return (find_plugin("pybtex.style.formatting", "plain")(),
            find_plugin("pybtex.backends", "markdown")())


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
