"""Where the masks of a pass count, and where the stored ones stay."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jaxtyping import Bool

from tests.review_runs import frame_of, square, write_run
from vseg.frame_masks import FrameMasks
from vseg.pipelines.correction_gaps import Gap
from vseg.pipelines.correction_overlaps import CorrectionOverlaps
from vseg.pipelines.correction_pass import CorrectionPass, PassEnd
from vseg.pipelines.correction_session import SessionSetup
from vseg.pipelines.propagation_settings import PropagationSettings
from vseg.pipelines.seam import AGREED_FRAMES
from vseg.results.draft import RevisionDraft
from vseg.results.stored_rows import StoredRows
from vseg.results.track_spool import TrackSpool
from vseg.session.session import Session
from vseg.types import Frame

FRAMES = 20
MINE = square(4, 6)
OTHER = square(24, 4, 20)
NONE = np.zeros_like(MINE)


class NoFrames(SessionSetup):
    """Of no clip: nothing is read."""

    def frames(self, start: int, end: int, *, reverse: bool) -> Iterator[Frame]:
        return iter(())


class FixedTrack(Session):
    """Shows object 1 with one mask and quality on every frame."""

    def __init__(self, mask: Bool[np.ndarray, "H W"], quality: float) -> None:
        self.mask = mask
        self.quality = quality
        self.tracked = 0

    def propagate(self, *_: Any, **__: Any) -> Iterator[FrameMasks]:
        for index in range(1, FRAMES):
            self.tracked += 1
            yield frame_of(index, {1: self.mask}, {1: self.quality}, False)

    def remove(self, obj: int) -> None:
        """As if it had been there."""


def ended(run: Path, track: FixedTrack) -> PassEnd:
    """The end of a pass forward from frame 0, on which half of the mask was wrong."""
    draft = RevisionDraft(run)
    one = CorrectionPass(
        object.__new__(NoFrames),
        StoredRows(draft),
        CorrectionOverlaps(draft, {1}),
        TrackSpool(draft.scratch, draft.header),
        lambda: None,
        PropagationSettings(),
    )
    gap = Gap(1, 0, FRAMES, False, None)
    (end,) = one.run(track, [gap], {1: 0.5})
    return end


def test_a_track_that_takes_up_another_object_is_the_stored_one_without_it(
    tmp_path: Path,
) -> None:
    run = write_run(tmp_path / "run", [{1: MINE, 2: OTHER}] * FRAMES)
    track = FixedTrack(MINE | OTHER, 0.99)
    assert ended(run, track).end == 1
    assert track.tracked == AGREED_FRAMES


def test_a_track_that_is_on_another_object_is_doubted(tmp_path: Path) -> None:
    """What it has beside the other is a rest."""
    run = write_run(tmp_path / "run", [{1: MINE, 2: OTHER}] * FRAMES, scores={1: 0.3, 2: 0.9})
    beyond = square(23, 3, 22)
    assert ended(run, FixedTrack(beyond, 0.9)).end == 1
    alone = write_run(tmp_path / "alone", [{1: MINE}] * FRAMES, scores={1: 0.3})
    assert ended(alone, FixedTrack(beyond, 0.9)).end == FRAMES


@pytest.mark.parametrize(("quality", "end"), [(0.4, 1), (0.6, FRAMES)])
def test_an_absence_stays_beside_a_mask_of_low_quality(
    tmp_path: Path, quality: float, end: int
) -> None:
    run = write_run(tmp_path / "run", [{1: MINE, 2: OTHER}, *[{1: NONE, 2: OTHER}] * 19])
    assert ended(run, FixedTrack(MINE, quality)).end == end
