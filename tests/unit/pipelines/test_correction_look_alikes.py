"""A right mask on one frame makes no others worse where two look-alikes meet."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import vseg
from tests.scenes import mask_iou
from vseg.config import TrackConfig
from vseg.pipelines.job import TrackJob
from vseg.pipelines.track import track
from vseg.synthetic import SyntheticVideo, identity_scenes
from vseg.synthetic.trajectory import Trajectory
from vseg.types import Mask, Prompt, Timecode

pytestmark = pytest.mark.integration

SKIPPED = 24
"""Frames of the crossing before the two meet."""
CORRECTED = 8


@pytest.fixture(scope="module")
def scene() -> SyntheticVideo:
    """Two look-alikes that meet around frame 12, the second behind the first."""
    crossing = identity_scenes()["cross-2"]
    assert crossing.trajectories is not None
    later = tuple(
        Trajectory(tuple((frame - SKIPPED, x, y) for frame, x, y in each.waypoints))
        for each in crossing.trajectories
    )
    return SyntheticVideo(replace(crossing, num_frames=28, trajectories=later))


def test_what_strays_does_not_replace_what_was_right(
    scene: SyntheticVideo, clip: Path, tmp_path: Path
) -> None:
    model = vseg.load_model("nano", short_side=240, dtype="float32")
    prompts = [Prompt(i, Timecode(frame=0), Mask(scene.truth(0) == i)) for i in (1, 2)]
    settings = TrackConfig(short_side=240, dtype="float32", preview=False)
    path = tmp_path / "run"
    track(TrackJob(str(clip), path, tuple(prompts), settings), model=model)

    def similarity() -> list[float]:
        run = vseg.open_run(path)
        return [mask_iou(run[f][2], scene.truth(f) == 2) for f in range(len(scene))]

    before = similarity()
    with vseg.open_run(path).edit() as edit:
        edit.prompt(2, CORRECTED, mask=scene.truth(CORRECTED) == 2)
    after = similarity()
    assert min(before) > 0.5
    assert np.mean(after) > np.mean(before) - 0.02
