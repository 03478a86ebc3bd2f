"""The steps of CONTRIBUTING.md lead to a chapter that passes every gate."""

import subprocess

from tests.conftest import ROOT
from tests.fast.test_documents import commands, words


def test_the_ten_steps_lead_to_a_chapter_that_passes_every_gate(whole_house):
    """Steps 1 to 8, with a name as long as a name may be and nothing replaced."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    steps = text[text.index("1. **Begin"):text.index("9. **Tell")]
    for command in commands(steps):
        named = command.replace("NAME", "a_share_and_its_standard_error")
        done = subprocess.run(words(named), cwd=whole_house.root, timeout=240,
                              env=whole_house.environment, capture_output=True,
                              text=True)
        assert done.returncode == 0, f"{named}\n{done.stdout}{done.stderr}"
