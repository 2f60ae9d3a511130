"""A correction changes the span around it and nothing else, whatever the model."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Bool

import vseg
from tests.clips import write_damaged
from tests.sam_models import saved_model
from tests.scenes import mask_iou, two_objects
from tests.unit.pipelines.test_run_edit import content, rows
from vseg.build import load_model, open_video
from vseg.config import CropSettings, IdentitySettings, MemorySettings, TrackConfig
from vseg.errors import (
    BadPrompt,
    BadRun,
    UnknownObject,
    UsageError,
    VsegError,
    WeightsMismatch,
)
from vseg.interfaces.model import Model
from vseg.ops.codec import encode_mask
from vseg.pipelines.correction_session import SessionSetup
from vseg.pipelines.correction_settings import CorrectionSettings
from vseg.pipelines.job import ProgressCallbacks, TrackJob
from vseg.pipelines.run_edit import RunEdit
from vseg.pipelines.track import track
from vseg.prompts.simulate import innermost
from vseg.results import MaskRow
from vseg.results.draft import RevisionDraft
from vseg.results.layout import read_header
from vseg.results.mask_rows import FrameRecord
from vseg.results.revision_chain import go_to
from vseg.synthetic import SyntheticVideo
from vseg.types import Box, Mask, MaskCrop, Points, Prompt, Timecode

pytestmark = pytest.mark.integration

FRAMES = 24
MIDDLE = 12


@pytest.fixture(scope="module")
def scene() -> SyntheticVideo:
    return two_objects(FRAMES)


def truth(scene: SyntheticVideo, obj: int, frame: int) -> Mask:
    return Mask(scene.draw(frame).labels == obj)


def tracked(clip: Path, out: Path, model: Model, prompts: list[Prompt]) -> Path:
    settings = TrackConfig(short_side=96, dtype="float32", preview=False, shard_frames=4)
    track(TrackJob(str(clip), out, tuple(prompts), settings), model=model)
    return out


@pytest.fixture(scope="module")
def strayed_run(
    scene: SyntheticVideo,
    clip: Path,
    model: Model,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Object 2 is as it was tracked; object 1 is far off from frame 8 on."""
    prompts = [Prompt(i, Timecode(frame=0), truth(scene, i, 0)) for i in (1, 2)]
    path = tracked(clip, tmp_path_factory.mktemp("strayed") / "run", model, prompts)
    wrong = np.zeros((96, 160), dtype=bool)
    wrong[80:95, 2:22] = True
    crop = MaskCrop.of(wrong)

    x, y, width, height = crop.xywh
    payload = encode_mask(crop)

    def off(row: MaskRow) -> MaskRow:
        place = replace(row, x=x, y=y, width=width, height=height)
        return replace(place, payload=payload, area=crop.area)

    def strayed(record: FrameRecord) -> list[MaskRow]:
        return [off(row) if row.object_id == 1 else row for row in record.rows]

    draft = RevisionDraft(path)
    draft.rewrite(8, FRAMES, strayed)
    draft.commit(["--test"])
    return path


@pytest.fixture
def run(strayed_run: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copytree(strayed_run, tmp_path / "run"))


def edit(run: Path, model: Model) -> RunEdit:
    return RunEdit(run, CorrectionSettings(model=model))


def test_only_the_span_around_a_prompt_changes(
    scene: SyntheticVideo, run: Path, model: Model
) -> None:
    before = rows(run)
    with edit(run, model) as opened:
        opened.prompt(1, MIDDLE, mask=truth(scene, 1, MIDDLE).mask)
        spans = list(opened.propagate())
    after = rows(run)
    changed = {key for key, row in after.items() if before.get(key) != row}
    assert before.keys() == after.keys()
    assert {obj for obj, _ in changed} == {1}
    named = {MIDDLE} | {f for span in spans for f in range(span.first, span.end)}
    assert {frame for _, frame in changed} <= named
    assert (1, MIDDLE) in changed and after[1, MIDDLE].source == "prompt"
    corrected = vseg.open_run(run)
    assert np.array_equal(corrected[MIDDLE][1], truth(scene, 1, MIDDLE).mask)
    late = [mask_iou(corrected[f][1], truth(scene, 1, f).mask) for f in range(13, FRAMES)]
    assert np.mean(late) > 0.7  # it was 0
    assert corrected.spans[0].anchors == (0, MIDDLE)
    assert corrected.spans[0].state_at(MIDDLE) == "corrected"
    assert corrected.spans[1].state_at(MIDDLE) == "predicted"
    assert [(p.object_id, p.frame_index) for p in corrected.prompts] == [
        (1, 0),
        (2, 0),
        (1, MIDDLE),
    ]
    revision = corrected.header.revisions[-1]
    assert revision.frames > 0 and revision.commands[0].startswith("(mask 1@12: ")
    assert not (run / "revisions" / "scratch").exists()


def test_a_stored_mask_that_is_remembered_is_no_prompt(
    scene: SyntheticVideo, run: Path, model: Model
) -> None:
    """It may be wrong itself: the passes track over its frame."""
    draft = RevisionDraft(run)
    draft.rewrite(10, 11, lambda record: [replace(row, score=0.99) for row in record.rows])
    draft.commit(["--test"])
    with edit(run, model) as opened:
        opened.prompt(1, MIDDLE, mask=truth(scene, 1, MIDDLE).mask)
    corrected = vseg.open_run(run)
    prompted = [row.frame for row in corrected.track(1) if row.source == "prompt"]
    assert prompted == [0, MIDDLE]
    assert mask_iou(corrected[10][1], truth(scene, 1, 10).mask) > 0.5  # it was 0


def test_what_agrees_already_costs_a_few_frames(run: Path, model: Model) -> None:
    """The time is that of the span, not of the clip; the shards beside it are shared."""
    go_to(run, 0)
    stored = vseg.open_run(run)[MIDDLE][1]
    with edit(run, model) as opened:
        opened.prompt(1, MIDDLE, mask=stored)
    run_after = vseg.open_run(run)
    assert run_after.header.revisions[-1].frames < FRAMES
    for shard in (0, 5):
        name = f"masks/shard-{shard:06d}.parquet"
        assert os.path.samefile(run / name, run_after.content / name)


def test_a_correction_stays_between_anchors(
    scene: SyntheticVideo, clip: Path, model: Model, tmp_path: Path
) -> None:
    anchors = [Prompt(1, Timecode(frame=f), truth(scene, 1, f)) for f in (0, 6, 18)]
    run = tracked(clip, tmp_path / "run", model, anchors)
    before = rows(run)
    elsewhere = np.zeros((96, 160), dtype=bool)
    elsewhere[70:90, 5:30] = True
    with edit(run, model) as opened:
        opened.prompt(1, MIDDLE, mask=elsewhere)
        gaps = [gap.range for gap in opened.plan()]
        assert gaps == [(7, 12), (13, 18)]
    changed = {frame for (_, frame), row in rows(run).items() if before[1, frame] != row}
    assert MIDDLE in changed and changed <= set(range(7, 18))
    # The stretch to the right anchor was tracked from both of its ends.
    near = vseg.open_run(run)[17][1]
    assert mask_iou(near, truth(scene, 1, 17).mask) > 0.5


def loses_only(
    after: Bool[np.ndarray, "H W"],
    before: Bool[np.ndarray, "H W"],
    others: Bool[np.ndarray, "H W"],
) -> None:
    """Assert that a mask of which nothing was said has lost nothing but what others have."""
    assert not (after & ~before).any()
    assert not (before & ~(after | others)).any()


def test_accepted_masks_and_absences_are_never_filled(
    scene: SyntheticVideo, run: Path, model: Model
) -> None:
    before = rows(run)
    with edit(run, model) as opened:
        opened.accept(1, 16, FRAMES)
        opened.absent(1, 6, 9)
        opened.prompt(1, MIDDLE, mask=truth(scene, 1, MIDDLE).mask)
    after = rows(run)
    assert all(after[1, f] == before[1, f] for f in [*range(6), *range(16, FRAMES)])
    assert not any(after[1, f].visible for f in (6, 7, 8))
    # A prompt inside ends the absence there.
    with edit(run, model) as opened:
        opened.prompt(1, 7, mask=truth(scene, 1, 7).mask)
    final = rows(run)
    assert [final[1, f].visible for f in (6, 7, 8)] == [False, True, True]
    assert final[1, 6] == after[1, 6]


def test_objects_prompted_on_one_frame_and_new_ones(
    scene: SyntheticVideo, run: Path, model: Model
) -> None:
    before = rows(run)
    second = {masks.frame_index: masks[2].copy() for masks in vseg.open_run(run)}
    with edit(run, model) as opened:
        third = opened.add("dog")
        for obj, shown in ((1, 1), (third, 2)):
            opened.prompt(obj, MIDDLE, mask=truth(scene, shown, MIDDLE).mask)
    after = vseg.open_run(run)
    assert after.labels == {third: "dog"}
    assert [row.frame for row in after.track(third)] == list(range(FRAMES))
    for masks in after:  # 2 is what the third one was said to be
        assert not (masks[2] & masks[third]).any()
        loses_only(masks[2], second[masks.frame_index], masks[1] | masks[third])
    assert before[2, MIDDLE] != next(row for row in after.track(2) if row.frame == MIDDLE)
    spans = next(each for each in after.spans if each.object_id == 1)
    together = [masks for masks in after if spans.state_at(masks.frame_index) == "corrected"]
    assert together and not any((masks[1] & masks[third]).any() for masks in together)
    new = next(o for o in after.objects if o.id == third)
    assert (new.first_frame, new.last_frame) != (None, None)


def test_edits_and_prompts_count_in_the_order_given(
    scene: SyntheticVideo, run: Path, model: Model
) -> None:
    with edit(run, model) as opened:
        opened.prompt(1, MIDDLE, mask=truth(scene, 1, MIDDLE).mask)
        opened.absent(1, MIDDLE + 1, FRAMES)
        opened.delete(2)
    after = vseg.open_run(run)
    assert after.object_ids == (1,)
    assert [row.visible for row in after.track(1)][MIDDLE:] == [True, *[False] * 11]
    with pytest.raises(BadPrompt, match="prompted on frame 5"), edit(run, model) as opened:
        opened.prompt(1, 5, mask=truth(scene, 1, 5).mask)
        opened.absent(1, 4, 8)
    assert read_header(run).revision == 2


def test_clicks_refine_what_is_stored(scene: SyntheticVideo, run: Path, model: Model) -> None:
    place = innermost(vseg.open_run(run)[MIDDLE][2])
    with edit(run, model) as opened:
        opened.prompt(2, MIDDLE, [Points([place], [1])])
    masks = vseg.open_run(run)[MIDDLE]
    assert mask_iou(masks[2], vseg.open_run(run, 1)[MIDDLE][2]) > 0.5


WRONG: dict[str, tuple[Callable[[RunEdit], object], type[VsegError], str]] = {
    "object": (lambda e: e.prompt(7, 3, box=(1, 1, 9, 9)), UnknownObject, "no object 7"),
    "frame": (lambda e: e.prompt(1, 99, box=(1, 1, 9, 9)), BadPrompt, "no frame 99"),
    "place": (lambda e: e.prompt(1, 3, points=[(500, 3)]), BadPrompt, "lies outside"),
    "nothing": (lambda e: e.prompt(1, 3), BadPrompt, "no prompt"),
    "size": (lambda e: e.prompt(1, 3, mask=np.ones((3, 3), bool)), BadPrompt, "3x3"),
    "words": (lambda e: e.prompt(1, 3, text="a zebra"), VsegError, "zebra"),
    "nobody": (
        lambda e: e.add_prompts([Prompt(None, Timecode(frame=3), Points([(1, 1)]))]),
        UsageError,
        "of one object",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_prompt_is_a_typed_error_and_the_run_unchanged(
    run: Path, model: Model, name: str
) -> None:
    wrong, kind, text = WRONG[name]
    before = content(run)
    with pytest.raises(kind, match=text), edit(run, model) as opened:
        opened.rename(1, "car")
        wrong(opened)
    assert content(run) == before


def test_another_clip_and_another_model_are_refused(
    scene: SyntheticVideo, run: Path, model: Model, tmp_path: Path
) -> None:
    before = content(run)
    other = tmp_path / "other.mp4"
    other.write_bytes(Path(read_header(run).source.path).read_bytes() + b"0" * 9)
    with (
        pytest.raises(BadRun, match="not the clip"),
        RunEdit(run, CorrectionSettings(source=str(other), model=model)) as opened,
    ):
        opened.prompt(1, 3, box=(1, 1, 9, 9))
    assert content(run) == before
    header = read_header(run).model_copy(update={"weights_sha256": "0" * 64})
    (run / "run.json").write_text(header.model_dump_json())
    with pytest.raises(WeightsMismatch, match="other weights"), RunEdit(run) as opened:
        opened.prompt(1, 3, box=(1, 1, 9, 9))


def test_a_request_to_stop_leaves_the_run_as_it_was(
    scene: SyntheticVideo, run: Path, model: Model
) -> None:
    before = content(run)
    done: list[int] = []
    callbacks = ProgressCallbacks(lambda n, total: done.append(n), lambda: len(done) >= 3)
    with (
        pytest.raises(KeyboardInterrupt),
        RunEdit(run, CorrectionSettings(model=model), callbacks) as opened,
    ):
        opened.prompt(1, MIDDLE, mask=truth(scene, 1, MIDDLE).mask)
    assert content(run) == before


def test_damaged_frames_before_an_anchor_are_passed_over(tmp_path: Path, model: Model) -> None:
    """Frames 16 to 23 cannot be read; the object was prompted on 0 and 24."""

    clip = write_damaged(tmp_path / "a.mp4")
    with open_video(clip) as video:
        settings = (MemorySettings(), IdentitySettings(), CropSettings())
        tracker = SessionSetup(model, video, *settings)
        forward = tracker.frames(9, 24, reverse=False)
        assert [frame.index for frame in forward] == list(range(9, 16))
        backward = tracker.frames(25, 14, reverse=True)
        assert [frame.index for frame in backward] == [25, 24, 15]
    anchors = [Prompt(1, Timecode(frame=f), Box(4, 4, 60, 30)) for f in (0, 24)]
    run = tracked(clip, tmp_path / "run", model, anchors)
    before = rows(run)
    with edit(run, model) as opened:
        opened.prompt(1, 8, box=(20, 10, 40, 30))
    after = rows(run)
    changed = {frame for key, row in after.items() for frame in [key[1]] if before[key] != row}
    assert before.keys() == after.keys()
    assert 8 in changed and changed <= set(range(1, 16))
    assert len(vseg.open_run(run).damaged) == 8
    with pytest.raises(BadPrompt, match="no frame 20"), edit(run, model) as opened:
        opened.prompt(1, 20, box=(20, 10, 40, 30))


@pytest.mark.parametrize("kind", ["sam2", "edgetam"])
def test_models_of_the_sam_2_family(
    kind: str, scene: SyntheticVideo, clip: Path, tmp_path: Path
) -> None:
    saved_model(kind, tmp_path / "model")
    sam = load_model(str(tmp_path / "model"))
    settings = TrackConfig(model=str(tmp_path / "model"), preview=False, range="0:10")
    prompts = tuple(Prompt(i, Timecode(frame=0), truth(scene, i, 0)) for i in (1, 2))
    track(TrackJob(str(clip), tmp_path / "run", prompts, settings), model=sam)
    before = rows(tmp_path / "run")
    first = {masks.frame_index: masks[1].copy() for masks in vseg.open_run(tmp_path / "run")}
    with RunEdit(tmp_path / "run") as opened:
        opened.prompt(2, 5, mask=truth(scene, 2, 5).mask)
    after = rows(tmp_path / "run")
    changed = {key for key, row in after.items() if before[key] != row}
    assert any(obj == 2 for obj, _ in changed)
    corrected = vseg.open_run(tmp_path / "run")
    for _, frame in changed:  # untrained, they claim the same pixels
        assert not (corrected[frame][1] & corrected[frame][2]).any()
    for masks in corrected:
        loses_only(masks[1], first[masks.frame_index], masks[2])
    assert np.array_equal(vseg.open_run(tmp_path / "run")[5][2], truth(scene, 2, 5).mask)
