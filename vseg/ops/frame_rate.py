"""Frame rates as people write them."""

from fractions import Fraction

_LARGEST_DENOMINATOR = 1001
"""The largest of the broadcast rates (30000/1001 and its kin)."""


def written_rate(rate: float | int | Fraction) -> Fraction:
    """The rate as a fraction of small numbers, above 0.

    Of less than a frame a second it is the seconds from frame to frame that are rounded: a
    frame every half hour would become none.
    """
    exact = Fraction(rate)
    if exact >= 1:
        return exact.limit_denominator(_LARGEST_DENOMINATOR)
    return 1 / (1 / exact).limit_denominator(_LARGEST_DENOMINATOR)
