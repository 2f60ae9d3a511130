"""The size at which nano encodes a frame."""

from vseg.errors import UsageError

_LONGEST = 6
"""Longest side of a frame as encoded, in short sides; a round value, not tuned."""


def model_hw(video_hw: tuple[int, ...], short_side: int) -> tuple[int, int]:
    """The size frames are scaled to: multiples of 16, so that cells cover them without
    padding.

    A strip longer than `_LONGEST` short sides is scaled by its long side: its cells would be
    too many.
    """
    scale = min(short_side / min(video_hw), _LONGEST * short_side / max(video_hw))
    h, w = (max(16, round(side * scale / 16) * 16) for side in video_hw)
    return h, w


def check_short_side(short_side: int) -> None:
    """Raise UsageError for a short side that frames cannot be scaled to."""
    if not isinstance(short_side, int) or short_side < 64 or short_side % 16:
        raise UsageError(f"short side {short_side!r} is not a multiple of 16 from 64 up")
