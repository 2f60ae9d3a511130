"""Rates are rounded to what people write, and never to none."""

from fractions import Fraction

import pytest

from vseg.ops.frame_rate import written_rate


@pytest.mark.parametrize(
    ("rate", "written"),
    [
        (29.97002997, Fraction(30000, 1001)),
        (25.0000001, Fraction(25)),
        (1, Fraction(1)),
        (0.5, Fraction(1, 2)),
        (0.3, Fraction(3, 10)),
        (1 / 1800, Fraction(1, 1800)),
        (Fraction(1, 10**8), Fraction(1, 10**8)),
    ],
)
def test_a_rate_becomes_the_fraction_that_is_meant(
    rate: float | int | Fraction, written: Fraction
) -> None:
    assert written_rate(rate) == written
