"""HOTA, IDF1 and CLEAR of clips as values ready for a table.

Enters: IdentityClips by name.  Leaves: a row per clip, and one for all of them counted as one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vseg.metrics.clear import ClearCounts, count_clear
from vseg.metrics.hota import Hota, HotaCounts, count_hota
from vseg.metrics.identity_clip import IdentityClip
from vseg.metrics.idf1 import IdentityCounts, count_identity


@dataclass(frozen=True, slots=True)
class IdentityRow:
    """One clip (or "all").  The measures are fractions in [0, 1]; MOTA may be negative."""

    clip: str
    num_frames: int
    hota: Hota
    identity: IdentityCounts
    clear: ClearCounts


def identity_rows(clips: Mapping[str, IdentityClip]) -> list[IdentityRow]:
    """One row per clip, then all clips together."""
    rows = [_row(name, [clip]) for name, clip in clips.items()]
    return [*rows, _row("all", list(clips.values()))]


def _row(name: str, clips: Sequence[IdentityClip]) -> IdentityRow:
    return IdentityRow(
        name,
        sum(len(clip.frames) for clip in clips),
        HotaCounts.total([count_hota(clip) for clip in clips]).score(),
        IdentityCounts.total([count_identity(clip) for clip in clips]),
        ClearCounts.total([count_clear(clip) for clip in clips]),
    )
