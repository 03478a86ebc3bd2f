"""A chapter's MyST as plain Markdown, with the numbers that the site gives."""

import re

from pipeline.errors import BookError
from pipeline.source.myst import NUMBERED, SPANS, blocks, directive

OPENS_A_BLOCK = re.compile(r"\$\$|```|[-*+>|] |\d+[.)] ")
TITLED = re.compile(r"(?P<title>.*?)\s*<(?P<target>[^<>]+)>", re.S)


class Lowering:
    """Rewrites the MyST of one notebook as plain Markdown; collects what it cites.

    Call it with a text, and with the file's name and line for messages. The
    notebook of solutions holds the answers to written exercises.
    """

    def __init__(self, book, with_solutions):
        self.labels, self.bibliography = book.labels, book.bibliography
        self.titles = {chapter.name: chapter.title for chapter in book.chapters}
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
                raise BookError(f"{where}:{line}: there is no exercise {title}")
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
                raise BookError(f"{where}:{line}: there is no label {target}")
            label = self.labels[target]
            if role == "eq":
                return f"({label.number})"
            return f"{title} ({label.text})" if title else label.text
        if role in ("cite:p", "cite:t"):
            keys = [key.strip() for key in body.split(",")]
            self.cited += [key for key in keys if key not in self.cited]
            return self.bibliography.citation(keys, role == "cite:t", f"{where}:{line}")
        if role == "doc":
            name = target.rsplit("/", 1)[-1]
            return f"*{title or self.titles.get(name, name)}*"
        return f"[`{body}`, printed above]"
