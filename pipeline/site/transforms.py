"""What is done to a page's document after Sphinx has read it."""

from html import escape

from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform

VERIFIED = "verified"  # in a page's metadata: the first check of each equation


class MarkVerified(SphinxPostTransform):
    """Put a ✓ beside the number of each equation that the page's run verified."""

    default_priority = 600  # when nothing else moves equations any more
    formats = ("html",)

    def run(self, **kwargs):
        page = self.env.docname
        checks = self.env.metadata[page].get(VERIFIED, {})
        mark_verified(self.document, checks, page)


class KeepErrorsWithValues(SphinxPostTransform):
    """Let no line break between a value's ± and its error."""

    default_priority = 600  # when outputs and records are there

    def run(self, **kwargs):
        for text in list(self.document.findall(nodes.Text)):
            if " ± " in text and not isinstance(text.parent, nodes.literal_block):
                kept = text.replace(" ± ", " ±\N{NO-BREAK SPACE}")
                text.parent.replace(text, nodes.Text(kept))


def mark_verified(document, checks, page):
    """Put each equation with a check into a container, followed by its mark.

    `checks` maps a label to a dict of `by`, `residual` and `allowed`. Raises
    ExtensionError for a label that no equation of the page has.
    """
    equations = {block["label"]: block for block in document.findall(nodes.math_block)
                 if block.get("label")}
    for label, check in checks.items():
        if label not in equations:
            raise ExtensionError(f"{page} shows no equation {label} to mark")
        block = equations[label]
        box = nodes.container(classes=["verified-equation"])
        block.replace_self(box)
        box += [block, nodes.raw("", _mark(check), format="html")]


def _mark(check):
    says = escape(f"verified in this page by {check['by']}: off by "
                  f"{check['residual']:.1e}, allowed {check['allowed']:.1e}")
    return (f'<span class="verified" role="img" title="{says}" '
            f'aria-label="{says}">✓</span>')
