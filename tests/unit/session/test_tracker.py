"""What a robot relies on: the masks of a Session, prompts at any moment, bounded state."""

import os
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest

import vseg
from tests.scenes import mask_iou
from vseg.errors import BadFrame, BadPrompt, BadTrackerState, LateFrame, UsageError
from vseg.frame_masks import FrameMasks
from vseg.models.nano.model import Nano
from vseg.session.realtime.recent_frames import KEPT_FRAMES
from vseg.session.realtime.tracker import Tracker
from vseg.session.session import Session
from vseg.synthetic import SyntheticVideo
from vseg.types import Frame

pytestmark = pytest.mark.integration


def image(scene: SyntheticVideo, index: int) -> np.ndarray:
    return scene.read(index).image


def truth(scene: SyntheticVideo, obj: int, index: int) -> np.ndarray:
    return np.asarray(scene.truth(index) == obj)


def begun(model: Nano, scene: SyntheticVideo, objects: int = 2, **settings: Any) -> Tracker:
    """A tracker that was given frame 0 and the masks of objects on it."""
    tracker = Tracker(model, **settings)
    tracker.update(image(scene, 0), 0.0)
    for obj in range(1, objects + 1):
        tracker.prompt(obj, mask=truth(scene, obj, 0))
    return tracker


def same(one: FrameMasks, other: FrameMasks) -> bool:
    return one.object_ids == other.object_ids and np.array_equal(one.logits, other.logits)


def test_without_a_budget_the_masks_are_those_of_a_session_to_the_bit(
    model: Nano, scene: SyntheticVideo
) -> None:
    with begun(model, scene) as tracker, Session(model) as session:
        session.step(image(scene, 0), 0.0)
        first = Frame(0, None, 0.0, image(scene, 0))
        for obj in (1, 2):
            session.prompt(obj, first, mask=truth(scene, obj, 0))
        for t in range(1, 5):
            step = session.step(image(scene, t), t / 30)
            assert same(tracker.update(image(scene, t), t / 30), step)
        last = Frame(4, None, 4 / 30, image(scene, 4))
        clicked = tracker.prompt(1, points=[(80, 48)])
        session.prompt(1, last, mask=clicked[1])
        session.remove(2)
        tracker.remove(2)
        for t in range(5, 8):
            step = session.step(image(scene, t), t / 30)
            assert same(tracker.update(image(scene, t), t / 30), step)


def test_a_prompt_on_a_past_frame_is_tracked_from_there(
    model: Nano, scene: SyntheticVideo
) -> None:
    with Tracker(model) as tracker, Session(model) as session:
        for t in range(4):
            tracker.update(image(scene, t), t / 30)
            session.step(image(scene, t), t / 30)
        shown = tracker.prompt(None, frame=1, mask=truth(scene, 1, 1), label="cup")
        session.prompt(1, Frame(1, None, 1 / 30, image(scene, 1)), mask=truth(scene, 1, 1))
        assert (shown.frame_index, shown.object_ids, tracker.labels) == (1, (1,), {1: "cup"})
        step = session.step(image(scene, 4), 4 / 30)
        assert same(tracker.update(image(scene, 4), 4 / 30), step)
        for t in range(5, KEPT_FRAMES + 3):
            tracker.update(image(scene, t), t / 30)
        with pytest.raises(BadPrompt, match="frame 1 is not kept: 3 to 18"):
            tracker.prompt(2, frame=1, box=(1, 1, 9, 9))


def test_a_click_corrects_the_mask_that_the_object_had_there(
    model: Nano, scene: SyntheticVideo
) -> None:
    with begun(model, scene) as tracker:
        before = tracker.update(image(scene, 1), 0.1)
        x, y = np.argwhere(before[1])[0][::-1].tolist()
        corrected = tracker.prompt(1, points=[(x, y)], labels=[0])
        assert not corrected[1][y, x]
        assert (corrected[1] & before[1]).any()
        # Of an object that is not there yet a negative click says nothing.
        with pytest.raises(BadPrompt, match="object 7"):
            tracker.prompt(7, points=[(x, y)], labels=[0])
        assert tracker.object_ids == (1, 2)


def test_update_does_not_wait_for_a_prompt_that_is_being_decoded(
    model: Nano, scene: SyntheticVideo
) -> None:
    begins = Event()
    ends = Event()

    class SlowWords:
        """A grounder that is busy until the test lets it go on."""

        name = "slow"
        weights_sha256 = ""
        threshold = 0.5
        shares_features_with = ""

        def check(self, queries: object) -> None:
            begins.set()
            assert ends.wait(60)
            raise vseg.NothingFound("no such thing")

        def ground(self, *_: object) -> object:
            raise AssertionError

    refused: list[Exception] = []
    with Tracker(model, grounder=SlowWords()) as tracker:  # type: ignore[arg-type]
        tracker.update(image(scene, 0), 0.0)
        tracker.prompt(1, mask=truth(scene, 1, 0))

        def prompt() -> None:
            try:
                tracker.prompt(2, text="dog")
            except vseg.NothingFound as error:
                refused.append(error)

        other = Thread(target=prompt)
        other.start()
        assert begins.wait(60)
        for t in (1, 2, 3):  # a lock held by the prompt would end the test by its time-out
            assert tracker.update(image(scene, t), t / 30).object_ids == (1,)
        ends.set()
        other.join()
        assert len(refused) == 1
        assert tracker.update(image(scene, 4), 4 / 30).object_ids == (1,)


def test_prompts_and_removals_from_other_threads_all_arrive(
    model: Nano, scene: SyntheticVideo
) -> None:
    failed: list[BaseException] = []
    with begun(model, scene, 1) as tracker:
        done = Event()

        def churn(obj: int) -> None:
            try:
                for _ in range(3):
                    made = tracker.prompt(None, mask=truth(scene, obj, 0))
                    tracker.remove(made.object_ids[0])
                tracker.prompt(None, mask=truth(scene, obj, 0), label=str(obj))
            except BaseException as error:
                failed.append(error)

        threads = [Thread(target=churn, args=(obj,)) for obj in (2, 3)]
        for thread in threads:
            thread.start()
        t = 1
        while any(thread.is_alive() for thread in threads):
            tracker.update(image(scene, t % 40), t / 30)
            t += 1
        done.set()
        masks = tracker.update(image(scene, t % 40), t / 30)
        assert not failed
        assert masks.object_ids == tracker.object_ids
        assert len(masks) == 3
        assert sorted(tracker.labels.values()) == ["2", "3"]


def test_late_repeated_and_wrong_images_change_nothing(
    model: Nano, scene: SyntheticVideo
) -> None:
    with begun(model, scene) as tracker, begun(model, scene) as other:
        masks = tracker.update(image(scene, 1), 10.0)
        other.update(image(scene, 1), 10.0)
        assert tracker.update(image(scene, 2), 10.0) is masks
        with pytest.raises(LateFrame, match=r"0\.25 s older"):
            tracker.update(image(scene, 2), 9.75)
        with pytest.raises(BadFrame, match="80x48, those before were 160x96"):
            tracker.update(image(scene, 2)[::2, ::2], 10.1)
        with pytest.raises(BadFrame, match="not uint8"):
            tracker.update(image(scene, 2).astype(np.float32), 10.1)
        with pytest.raises(BadFrame, match="not a time"):
            tracker.update(image(scene, 2), float("nan"))
        step = other.update(image(scene, 2), 10.1)
        assert same(tracker.update(image(scene, 2), 10.1), step)
        # A clock that was set back: tracking goes on.
        assert tracker.update(image(scene, 3), 0.0).frame_index == 3
        report = tracker.latency()
        assert (report.updates, report.repeated, report.late) == (4, 1, 1)
        assert report.clock_sets == 1


def test_the_image_may_be_overwritten_after_the_update(
    model: Nano, scene: SyntheticVideo
) -> None:
    buffer = image(scene, 0).copy()
    with Tracker(model) as tracker, begun(model, scene, 1) as other:
        tracker.update(buffer, 0.0)
        buffer[:] = 0
        tracker.prompt(1, mask=truth(scene, 1, 0))
        step = other.update(image(scene, 1), 0.1)
        buffer[:] = image(scene, 1)
        assert same(tracker.update(buffer, 0.1), step)


def test_a_saved_tracker_goes_on_with_the_same_bits(
    model: Nano, scene: SyntheticVideo, tmp_path: Path
) -> None:
    with begun(model, scene) as tracker:
        tracker.update(image(scene, 1), 0.1)
        tracker.prompt(3, mask=truth(scene, 3, 1), label="box")
        tracker.save(tmp_path / "state")
        with Tracker.load(tmp_path / "state", model) as loaded:
            assert loaded.object_ids == (1, 2, 3)
            assert loaded.labels == {3: "box"}
            with pytest.raises(LateFrame):
                loaded.update(image(scene, 1), 0.05)
            for t in (2, 3):
                step = tracker.update(image(scene, t), t / 10)
                assert same(loaded.update(image(scene, t), t / 10), step)
            with pytest.raises(BadFrame, match="those before were 160x96"):
                loaded.update(image(scene, 2)[::2], 9.0)
            tracker.remove(2)
            tracker.save(tmp_path / "state")
        with (
            Tracker.load(tmp_path / "state", model) as loaded,
            pytest.raises(BadPrompt, match="object 2 was removed"),
        ):
            loaded.update(image(scene, 4), 0.4)
            loaded.prompt(2, mask=truth(scene, 2, 4))


def spoiled(path: Path) -> Iterator[bytes]:
    whole = path.read_bytes()
    yield b""
    yield b"no tracker"
    yield whole[:-1]
    yield whole[: len(whole) // 2]
    yield whole[:-40] + b"\0" * 40
    yield whole.replace(b'"sha256', b'"sha255')
    yield whole.replace(b'\\"index\\": 1', b'\\"index\\": 7')
    yield whole.replace(b'\\"last_s\\"', b'\\"lost_s\\"')
    yield (200_000).to_bytes(8, "little") + b"[" * 200_000


def test_saving_from_another_thread_refuses_no_image(
    model: Nano, scene: SyntheticVideo, tmp_path: Path
) -> None:
    with begun(model, scene, 1) as tracker:
        done = Event()

        def save() -> None:
            for _ in range(5):
                tracker.save(tmp_path / "state")
            done.set()

        other = Thread(target=save)
        other.start()
        t = 1
        while not done.is_set() or t < 5:
            tracker.update(image(scene, t % 40), t / 30)
            t += 1
        other.join()
        assert tracker.latency().updates == t
        with Tracker.load(tmp_path / "state", model) as loaded:
            assert loaded.object_ids == (1,)


def test_a_spoiled_state_is_refused(
    model: Nano, scene: SyntheticVideo, tmp_path: Path
) -> None:
    path = tmp_path / "state"
    with begun(model, scene, 1) as tracker:
        tracker.update(image(scene, 1), 0.1)
        tracker.save(path)
    for payload in [*spoiled(path)]:
        path.write_bytes(payload)
        with pytest.raises(BadTrackerState, match="state"):
            Tracker.load(path, model)
    with pytest.raises(BadTrackerState, match="cannot be read"):
        Tracker.load(tmp_path / "none", model)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadTrackerState, match="is not a file"):
        Tracker.load(tmp_path / "pipe", model)


def test_nothing_grows_however_often_objects_are_prompted(
    model: Nano, scene: SyntheticVideo, tmp_path: Path
) -> None:
    sizes = []
    with begun(model, scene) as tracker:
        for t in range(1, 23):
            tracker.update(image(scene, t), t / 30)
            if t % 2 == 0:
                tracker.prompt(1, mask=truth(scene, 1, t))
            if t in (12, 22):
                tracker.save(tmp_path / "state")
                sizes.append(((tmp_path / "state").stat().st_size, tracker.state_bytes()))
    assert sizes[1][1] == sizes[0][1]
    assert sizes[1][0] <= 1.02 * sizes[0][0]


def test_a_budget_that_cannot_be_kept_is_reported(model: Nano, scene: SyntheticVideo) -> None:
    with begun(model, scene, 3, latency_budget_s=1e-6, least_short_side=96) as tracker:
        seen: dict[int, int] = {}
        update = None
        for t in range(1, 4):  # one prompt is taken in by each
            tracker.update(image(scene, t), t / 30)
        for t in range(4, 12):
            masks = tracker.update(image(scene, t), t / 30)
            update = tracker.last_update
            assert update is not None
            assert masks.object_ids == (1, 2, 3)
            assert sorted((*update.decoded, *update.held)) == [1, 2, 3]
            seen |= dict.fromkeys(update.decoded, t)
        assert update is not None
        assert update.short_side == 96
        assert len(update.decoded) == 1
        assert not update.remembered
        # In turn: each of the three was decoded on one of the last three frames.
        assert sorted(seen.values()) == [9, 10, 11]
        report = tracker.latency()
        assert not report.kept
        assert report.over_budget == report.updates
        assert report.reduced and report.held and report.unremembered


def test_an_ample_budget_changes_nothing_but_crops(model: Nano, scene: SyntheticVideo) -> None:
    crops = vseg.CropSettings(most=0)
    with (
        begun(model, scene, latency_budget_s=600.0) as tracker,
        Tracker(model, crops=crops) as other,
    ):
        other.update(image(scene, 0), 0.0)
        for obj in (1, 2):
            other.prompt(obj, mask=truth(scene, obj, 0))
        for t in range(1, 7):
            step = other.update(image(scene, t), t / 30)
            assert same(tracker.update(image(scene, t), t / 30), step)
        report = tracker.latency()
        assert report.kept
        assert (report.reduced, report.held, report.unremembered) == (0, 0, 0)


def test_objects_are_followed_while_the_size_changes(
    model: Nano, scene: SyntheticVideo
) -> None:
    """On a machine that becomes slow, by what the tracker believes that it measured."""
    overlap = []
    sides = []
    with begun(model, scene, latency_budget_s=600.0, least_short_side=80) as tracker:
        tracker.warm_up(96, 160)
        for t in range(1, 13):
            if t == 5:
                costs = tracker._session._planner.costs  # type: ignore[union-attr]
                for side in (128, 112, 96):
                    for _ in range(64):
                        costs.note(side, 700.0, 1.0, 2, 2)
            masks = tracker.update(image(scene, t), t / 30)
            sides.append(tracker.last_update.short_side)  # type: ignore[union-attr]
            overlap += [mask_iou(truth(scene, obj, t), masks[obj]) for obj in (1, 2)]
    assert sides == [128] * 4 + [80] * 8
    assert np.mean(overlap) > 0.6


def test_a_tracker_saved_at_a_reduced_size_is_loaded_at_the_full_one(
    model: Nano, scene: SyntheticVideo, tmp_path: Path
) -> None:
    with begun(model, scene, 1, latency_budget_s=1e-6, least_short_side=64) as tracker:
        for t in (1, 2, 3, 4, 5):
            tracker.update(image(scene, t), t / 30)
        assert tracker.last_update.short_side == 64  # type: ignore[union-attr]
        tracker.save(tmp_path / "state")
    with Tracker.load(tmp_path / "state", model) as loaded:
        masks = loaded.update(image(scene, 6), 0.2)
        assert mask_iou(truth(scene, 1, 6), masks[1]) > 0.5


def test_misuse_is_refused(model: Nano, scene: SyntheticVideo) -> None:
    with pytest.raises(UsageError, match="latency budget of 0"):
        Tracker(model, 0.0)
    with pytest.raises(UsageError, match="short side 100 is not a multiple of 16"):
        Tracker(model, 0.1, least_short_side=100)
    tracker = Tracker(model)
    with pytest.raises(BadPrompt, match="no frame yet"):
        tracker.prompt(1, box=(1, 1, 9, 9))
    with pytest.raises(BadPrompt, match="no object 1"):
        tracker.remove(1)
    tracker.update(image(scene, 0))
    with pytest.raises(BadPrompt, match="the label"):
        tracker.prompt(1, box=(1, 1, 9, 9), label="a\nb")
    for size in ((0, 9, 1), (-5, 9, 1), (9, 9, 0)):
        with pytest.raises(UsageError, match="cannot be tracked"):
            tracker.warm_up(*size)
    tracker.close()
    with pytest.raises(UsageError, match="closed"):
        tracker.update(image(scene, 1))
