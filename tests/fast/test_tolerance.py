"""Two printed records are equal within the tolerance that the reference states."""

import pytest

from pipeline.records.tolerance import within_tolerance


@pytest.mark.parametrize("rest, same", [
    (" ± 0.30 nats", True), (" ± 0.45 nats", True), (" ± 0.03 nats", False),
    (" ± 0.30 bits", False), (" nats", False),
])
def test_units_and_standard_errors_are_compared_too(rest, same):
    reference = "kl = 2.00 ± 0.30 nats  [tol 0.2]\n"
    text = f"kl = 2.10{rest}  [tol 0.2]\n"
    assert (within_tolerance(text, reference) == reference) is same


@pytest.mark.parametrize("text, same", [
    ("gain = 2.40 ± 0.03  [tol 0.48]", True),  # two seeds that happen to agree
    ("gain = 2  [tol 0.4]", True),  # and two that agree to the last digit
    ("gain = 2.40 ± 0.90  [tol 0.48]", False),
    ("gain = 2.60 ± 0.30  [tol 9]", False),
])
def test_an_error_from_few_seeds_and_a_tolerance_in_proportion(text, same):
    reference = "gain = 2.00 ± 0.30  [tol 0.5]"
    assert (within_tolerance(text, reference) == reference) is same


@pytest.mark.parametrize("text, same", [
    ("gain = 9.5 [6.4, 12.0] points  [tol 0.5]", True),
    ("gain = 9.2 points  [tol 0.5]", True),  # no spread at all: none is printed
    ("gain = 9.2 [6.0, 12.9] points  [tol 0.5]", False),
    ("gain = 9.2 [-6.0, 12.3] points  [tol 0.5]", False),
    ("gain = 9.2 [6.0, 12.3] per cent  [tol 0.5]", False),
])
def test_both_ends_of_an_interval_are_compared(text, same):
    reference = "gain = 9.2 [6.0, 12.3] points  [tol 0.5]"
    assert (within_tolerance(text, reference) == reference) is same


REFERENCE = "✓ x\nloss = 1.50  [tol 0.1]\nkl = −2.0 nats  [tol 0.5]\n"


@pytest.mark.parametrize("text, same", [
    ("✓ x\nloss = 1.50  [tol 0.1]\nkl = −2.0 nats  [tol 0.5]\n", True),
    ("✓ x\nloss = 1.60  [tol 0.1]\nkl = −1.5 nats  [tol 0.5]\n", True),
    ("✓ x\nloss = 1.61  [tol 0.1]\nkl = −2.0 nats  [tol 0.5]\n", False),
    ("✓ x\nloss = 1.50  [tol 0.1]\nkl = 2.0 nats  [tol 0.5]\n", False),
    ("✓ x\nloss = 9.99  [tol 100]\nkl = −2.0 nats  [tol 0.5]\n", False),
    ("✓ x\nloss = nan  [tol 0.1]\nkl = −2.0 nats  [tol 0.5]\n", False),
    ("✓ y\nloss = 1.50  [tol 0.1]\nkl = −2.0 nats  [tol 0.5]\n", False),
    ("✓ x\nkl = −2.0 nats  [tol 0.5]\n", False),
])
def test_tolerance_forgives_what_it_says_and_no_more(text, same):
    assert (within_tolerance(text, REFERENCE) == REFERENCE) is same
