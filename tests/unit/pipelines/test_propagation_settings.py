"""How far a correction reaches, and what is kept where it is ended early."""

from pathlib import Path

import numpy as np
import pytest

import vseg
from tests.scenes import two_objects
from vseg.config import TrackConfig
from vseg.errors import OutputError
from vseg.frame_masks import FrameMasks
from vseg.interfaces.model import Model
from vseg.pipelines.correction_settings import CorrectionSettings
from vseg.pipelines.empty_run import create_empty_run
from vseg.pipelines.propagation_settings import PropagationSettings, Reach
from vseg.pipelines.run_edit import RunEdit
from vseg.results.run import Run
from vseg.synthetic import SyntheticVideo
from vseg.types import Mask, MaskCrop

pytestmark = pytest.mark.integration

FRAMES = 12
MIDDLE = 5
CONFIG = TrackConfig(short_side=96, dtype="float32", shard_frames=4)


@pytest.fixture(scope="module")
def scene() -> SyntheticVideo:
    return two_objects(FRAMES)


@pytest.fixture
def run(clip: Path, model: Model, tmp_path: Path) -> Path:
    return create_empty_run(str(clip), tmp_path / "run", model, CONFIG).path


def truth(scene: SyntheticVideo, obj: int, frame: int) -> Mask:
    return Mask(scene.draw(frame).labels == obj)


def propagate(
    run: Path,
    model: Model,
    settings: PropagationSettings,
    masks: dict[tuple[int, int], Mask],
) -> RunEdit:
    with RunEdit(run, CorrectionSettings(model=model)) as edit:
        for obj in sorted({obj for obj, _ in masks} - {*Run(run).object_ids}):
            edit.add(obj=obj)
        for (obj, frame), mask in masks.items():
            edit.prompt(obj, frame, [mask])
        for _ in edit.propagate(settings):
            pass
    return edit


def held(run: Path, obj: int) -> list[int]:
    """The frames on which the object has a row."""
    return [row.frame for row in Run(run).track(obj)]


def test_empty_run_holds_every_frame_and_no_object(run: Path, clip: Path) -> None:
    opened = vseg.open_run(run)
    assert [*opened.frame_numbers()] == [*range(FRAMES)]
    assert opened.header.finished and not opened.objects
    with vseg.open_video(clip) as video:
        assert [*opened.frame_times()] == [video.time_at(i) for i in range(FRAMES)]


def test_empty_run_replaces_none(run: Path, clip: Path, model: Model) -> None:
    with pytest.raises(OutputError, match="already holds a run"):
        create_empty_run(str(clip), run, model, CONFIG)


@pytest.mark.parametrize(
    ("reach", "frames"),
    [
        (Reach(), range(FRAMES)),
        (Reach("forward"), range(MIDDLE, FRAMES)),
        (Reach("backward"), range(MIDDLE + 1)),
        (Reach(first=3, end=8), range(3, 8)),
        (Reach("forward", end=8), range(MIDDLE, 8)),
        (Reach("backward", first=MIDDLE, end=8), range(MIDDLE, MIDDLE + 1)),
    ],
)
def test_masks_reach_as_far_as_asked(
    scene: SyntheticVideo, run: Path, model: Model, reach: Reach, frames: range
) -> None:
    masks = {(1, MIDDLE): truth(scene, 1, MIDDLE)}
    seen: list[int] = []

    def note(shown: FrameMasks) -> None:
        seen.append(shown.frame_index)

    propagate(run, model, PropagationSettings(reach, on_masks=note), masks)
    assert held(run, 1) == [*frames]
    assert sorted(seen) == [*frames] and seen[0] == MIDDLE


@pytest.mark.parametrize("side", [40, 20])
def test_a_mask_that_was_seen_stands_unless_it_is_small(
    run: Path, model: Model, side: int
) -> None:
    """What is smaller than 32 pixels is decoded again, in a crop."""
    seen = MaskCrop(60, 30, np.ones((15, side), dtype=bool))
    settings = PropagationSettings(Reach(end=MIDDLE + 2), seen=lambda obj, frame: seen)
    with RunEdit(run, CorrectionSettings(model=model)) as edit:
        edit.add(obj=1)
        edit.prompt(1, MIDDLE, points=[(70, 37)])
        assert list(edit.propagate(settings))
    stored = Run(run)[MIDDLE].crop(1)
    assert (stored.xywh == seen.xywh) == (side == 40)


def test_what_was_tracked_before_the_end_stays(
    scene: SyntheticVideo, run: Path, model: Model
) -> None:
    masks = {(obj, frame): truth(scene, obj, frame) for obj, frame in [(1, 3), (2, 8)]}
    seen: list[int] = []

    def note(shown: FrameMasks) -> None:
        seen.append(shown.frame_index)

    settings = PropagationSettings(cut=lambda: len(seen) >= 3, on_masks=note)
    edit = propagate(run, model, settings, masks)
    assert edit.revision is not None
    assert held(run, 1) == [3, 4, 5] and held(run, 2) == []
    assert edit.cut == {1, 2}
    assert [(p.object_id, p.frame_index) for p in edit.left] == [(2, 8)]
    stored = Run(run)
    assert [(p.object_id, p.frame_index) for p in stored.prompts] == [(1, 3)]
    assert [spans.anchors for spans in stored.spans] == [(3,), ()]


def test_what_was_ended_goes_on_where_it_is_unending(
    scene: SyntheticVideo, run: Path, model: Model
) -> None:
    first = {(1, 3): truth(scene, 1, 3)}
    propagate(run, model, PropagationSettings(Reach("forward", end=6)), first)
    again = {(1, 5): truth(scene, 1, 5)}
    propagate(run, model, PropagationSettings(Reach("forward")), again)
    assert held(run, 1) == [3, 4, 5]  # the object ends where its rows end
    reach = Reach("forward", unending=frozenset({1}))
    propagate(run, model, PropagationSettings(reach), again)
    assert held(run, 1) == [*range(3, FRAMES)]


def test_end_before_the_first_frame_changes_nothing(
    scene: SyntheticVideo, run: Path, model: Model
) -> None:
    propagate(run, model, PropagationSettings(), {(1, 3): truth(scene, 1, 3)})
    edit = propagate(
        run, model, PropagationSettings(cut=lambda: True), {(1, 8): truth(scene, 1, 8)}
    )
    assert edit.revision is None and Run(run).revision == 1
