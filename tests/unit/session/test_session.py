"""What users rely on: objects do not disturb each other, corrections hold, state is
bounded.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.scenes import box_of, mask_iou, point_on, truth_of
from vseg.config import INDEPENDENT_OBJECTS, MemorySettings
from vseg.errors import BadFrame, BadPrompt, BadRun, UsageError
from vseg.frame_masks import FrameMasks
from vseg.models.nano.model import Nano
from vseg.session.memory.affinity_bank import AffinityBank
from vseg.session.session import Session
from vseg.synthetic import SyntheticVideo
from vseg.types import Box, Points

pytestmark = pytest.mark.integration


def tracked(
    model: Nano, scene: SyntheticVideo, objects: list[int], until: int = 8
) -> list[FrameMasks]:
    """Each object as if it were alone: nobody is kept apart."""
    with Session(model, scene, identity=INDEPENDENT_OBJECTS) as session:
        for obj in objects:
            session.prompt(obj, 0, mask=truth_of(scene, obj))
        return list(session.propagate(until=until))


def row_of(masks: FrameMasks, obj: int) -> np.ndarray:
    return np.asarray(masks.logits[masks.object_ids.index(obj)])


def test_the_shipped_model_follows_objects(model: Nano, scene: SyntheticVideo) -> None:
    overlap = []
    for masks in tracked(model, scene, [1, 2, 3], until=12):
        for obj, found in masks.items():
            truth = truth_of(scene, obj, masks.frame_index)
            overlap.append(mask_iou(truth, found))
    assert np.mean(overlap) > 0.6


def test_objects_together_equal_each_alone(model: Nano, scene: SyntheticVideo) -> None:
    together = tracked(model, scene, [1, 2, 3])
    for obj in (1, 2, 3):
        for one, all_of_them in zip(tracked(model, scene, [obj]), together, strict=True):
            np.testing.assert_allclose(row_of(one, obj), row_of(all_of_them, obj), atol=1e-3)


def test_a_late_object_leaves_the_first_alone(model: Nano, scene: SyntheticVideo) -> None:
    alone = tracked(model, scene, [1])
    with Session(model, scene, identity=INDEPENDENT_OBJECTS) as session:
        session.prompt(1, 0, mask=truth_of(scene, 1))
        session.prompt(2, 5, mask=truth_of(scene, 2, 5))
        joined = list(session.propagate(until=8))
    assert [m.object_ids for m in joined[:6]] == [(1,)] * 5 + [(1, 2)]
    for one, both in zip(alone, joined, strict=True):
        np.testing.assert_allclose(row_of(one, 1), row_of(both, 1), atol=1e-3)


def test_an_object_prompted_while_propagating_joins(
    model: Nano, scene: SyntheticVideo
) -> None:
    with Session(model, scene) as session:
        session.prompt(1, 0, mask=truth_of(scene, 1))
        ids = []
        for masks in session.propagate(until=8):
            ids.append(masks.object_ids)
            if masks.frame_index == 3:
                session.prompt(2, 3, box=tuple(box_of(truth_of(scene, 2, 3))))
    assert ids == [(1,)] * 4 + [(1, 2)] * 4


def test_removal_leaves_the_others_alone(model: Nano, scene: SyntheticVideo) -> None:
    alone = tracked(model, scene, [1])
    with Session(model, scene, identity=INDEPENDENT_OBJECTS) as session:
        for obj in (1, 2):
            session.prompt(obj, 0, mask=truth_of(scene, obj))
        rest = []
        for masks in session.propagate(until=8):
            rest.append(masks)
            if masks.frame_index == 4:
                session.remove(2)
        with pytest.raises(BadPrompt, match="object 2 was removed"):
            session.prompt(2, 0, points=[(3, 3)])
        with pytest.raises(BadPrompt, match="no object 2"):
            session.remove(2)
    assert rest[-1].object_ids == (1,)
    for one, left in zip(alone, rest, strict=True):
        np.testing.assert_allclose(row_of(one, 1), row_of(left, 1), atol=1e-3)


def test_what_was_removed_leaves_nothing_that_grows(
    model: Nano, scene: SyntheticVideo
) -> None:
    sizes = []
    with Session(model, scene) as session:
        for obj in range(100, 108):
            session.prompt(obj, 0, points=[point_on(scene, 1)])
            session.remove(obj)
            sizes.append(len(session.snapshot()))
        payload = session.snapshot()
    assert set(sizes) == {sizes[0]}
    with Session(model, scene) as session:
        session.restore(payload)
        for obj in (100, 103, 107):
            with pytest.raises(BadPrompt, match=f"object {obj} was removed"):
                session.prompt(obj, 0, points=[(3, 3)])
        session.prompt(99, 0, points=[(3, 3)])
        session.prompt(108, 0, points=[(3, 3)])


def test_a_correction_is_an_anchor(model: Nano, scene: SyntheticVideo) -> None:
    with Session(model, scene) as session:
        session.prompt(1, 0, points=[point_on(scene, 1)])
        session.prompt(2, 0, mask=truth_of(scene, 2))
        list(session.propagate(until=12))
        corrected = session.prompt(1, 6, mask=truth_of(scene, 1, 6))
        np.testing.assert_array_equal(corrected[1], truth_of(scene, 1, 6))
        assert isinstance(session.bank, AffinityBank)
        assert not [f for f in session.bank.objects[1].recent if f > 6]
        again = list(session.propagate(until=12))
    assert [m.frame_index for m in again] == list(range(6, 12))
    assert {m.object_ids for m in again} == {(1,)}, "only the corrected object is recomputed"
    np.testing.assert_array_equal(again[0][1], truth_of(scene, 1, 6))


def test_backward_mirrors_forward(model: Nano, scene: SyntheticVideo) -> None:
    class Backwards:
        info = scene.info

        def __len__(self) -> int:
            return 10

        def read(self, index: int):  # type: ignore[no-untyped-def]
            from dataclasses import replace

            return replace(scene.read(9 - index), index=index)

        time_at = scene.time_at
        frame_at = scene.frame_at

        def frames(self, start: int = 0, stop: int | None = None, step: int = 1):  # type: ignore[no-untyped-def]
            return (self.read(i) for i in range(start, 10 if stop is None else stop, step))

        def __iter__(self):  # type: ignore[no-untyped-def]
            return self.frames()

        def close(self) -> None: ...

    with Session(model, scene) as session:
        session.prompt(1, 9, mask=truth_of(scene, 1, 9))
        backward = list(session.propagate(reverse=True))
    with Session(model, Backwards()) as session:
        session.prompt(1, 0, mask=truth_of(scene, 1, 9))
        forward = list(session.propagate())
    assert [m.frame_index for m in backward] == list(range(9, -1, -1))
    for back, ahead in zip(backward, forward, strict=True):
        np.testing.assert_allclose(back.logits, ahead.logits, atol=1e-3)


def test_state_stops_growing(model: Nano, scene: SyntheticVideo) -> None:
    with Session(model, scene, memory=MemorySettings(recent=2, older=1, stride=2)) as session:
        session.prompt(1, 0, mask=truth_of(scene, 1))
        sizes = []
        for masks in session.propagate(until=20):
            if masks.visible[0]:
                sizes.append(session.state_bytes())
        assert isinstance(session.bank, AffinityBank)
        assert len(session.bank.objects[1].frames()) <= 1 + 2 + 1
    assert max(sizes) == sizes[-1] and len(set(sizes[len(sizes) // 2 :])) == 1


def test_a_restored_session_continues_with_the_same_bits(
    model: Nano, scene: SyntheticVideo
) -> None:
    with Session(model, scene) as session:
        session.prompt(1, 0, points=[point_on(scene, 1)], labels=[1])
        session.prompt(2, 0, mask=truth_of(scene, 2))
        session.prompt(2, 8, [Points(np.array([[5, 5]], np.float32), np.array([False]))])
        saved = b""
        rest = []
        for masks in session.propagate(until=12):
            rest.append(masks)
            if masks.frame_index == 5:
                saved = session.snapshot()
    with Session(model, scene) as other:
        other.restore(saved)
        resumed = list(other.propagate(start=6, until=12))
    for one, two in zip(rest[6:], resumed, strict=True):
        assert one.object_ids == two.object_ids
        np.testing.assert_array_equal(one.logits, two.logits)
        np.testing.assert_array_equal(one.scores, two.scores)


def test_a_restored_session_refuses_images_of_another_size(
    model: Nano, scene: SyntheticVideo
) -> None:
    image = scene.read(0).image
    with Session(model) as session:
        session.prompt(1, image, mask=truth_of(scene, 1))
        session.step(image)
        saved = session.snapshot()
    height, width = image.shape[:2]
    with Session(model) as other:
        other.restore(saved)
        with pytest.raises(BadFrame, match=f"those before were {width}x{height}"):
            other.step(image[: height // 2])
        assert other.step(image).frame_index == 1


def test_a_foreign_snapshot_is_refused(model: Nano, scene: SyntheticVideo) -> None:
    with Session(model, scene) as session, pytest.raises(BadRun, match="cannot be read"):
        session.restore(b"\x10\0\0\0\0\0\0\0{}")


def test_a_snapshot_in_which_a_bit_flipped_is_refused(
    model: Nano, scene: SyntheticVideo
) -> None:
    rng = np.random.default_rng(0)
    with Session(model, scene) as session:
        session.prompt(1, 0, box=tuple(box_of(truth_of(scene, 1))))
        payload = session.snapshot()
        header = int.from_bytes(payload[:8], "little")
        for place in (*rng.integers(0, header, 40), *rng.integers(header, len(payload), 40)):
            damaged = bytearray(payload)
            damaged[place] ^= 1 << int(rng.integers(8))
            with pytest.raises(BadRun, match=r"cannot be read|is damaged|another format"):
                session.restore(bytes(damaged))
        session.restore(payload)


def test_sessions_on_threads_do_not_disturb_each_other(
    model: Nano, scene: SyntheticVideo
) -> None:
    alone = [tracked(model, scene, [obj], until=6) for obj in (1, 2)]
    with ThreadPoolExecutor(2) as pool:
        parallel = list(pool.map(lambda obj: tracked(model, scene, [obj], until=6), (1, 2)))
    for one, two in zip(alone, parallel, strict=True):
        for a, b in zip(one, two, strict=True):
            np.testing.assert_array_equal(a.logits, b.logits)


def test_live_frames_step_without_a_reader(model: Nano, scene: SyntheticVideo) -> None:
    with Session(model, identity=INDEPENDENT_OBJECTS) as session:
        first = scene.read(0)
        session.prompt(1, first, mask=truth_of(scene, 1))
        live = [session.step(scene.read(i)) for i in range(1, 6)]
    for one, two in zip(tracked(model, scene, [1], until=6)[1:], live, strict=True):
        np.testing.assert_allclose(one.logits, two.logits, atol=1e-3)


def test_prompts_of_one_frame_count_together(model: Nano, scene: SyntheticVideo) -> None:
    point = point_on(scene, 1)
    box = box_of(truth_of(scene, 1))
    with Session(model, scene) as rounds, Session(model, scene) as at_once:
        rounds.prompt(1, 0, points=[point])
        rounds.prompt(1, 0, box=(1, 1, 5, 5))
        by_rounds = rounds.prompt(1, 0, box=box)
        together = at_once.prompt(1, 0, points=[point], box=box)
    np.testing.assert_array_equal(by_rounds.logits, together.logits)


def test_a_prompted_frame_is_decoded_alike_when_passed(
    model: Nano, scene: SyntheticVideo
) -> None:
    with Session(model, scene) as session:
        said = session.prompt(1, 0, points=[point_on(scene, 1)])
        passed = next(session.propagate())
    np.testing.assert_array_equal(said.logits, passed.logits)


def test_a_prompt_that_is_only_recorded_is_decoded_by_the_next_step(
    model: Nano, scene: SyntheticVideo
) -> None:
    box = Box(*box_of(truth_of(scene, 1)))
    with Session(model, scene) as at_once, Session(model, scene) as later:
        at_once.prompt(1, 0, [box])
        later.add_prompt(1, scene.read(0), [box])
        for frame in scene.frames(0, 4):
            expected = at_once.step(frame)
            np.testing.assert_array_equal(later.step(frame).logits, expected.logits)
        assert len(later.identities.objects[1].gallery.prompted) == 1


def test_prompts_that_are_not_kept_are_forgotten(model: Nano, scene: SyntheticVideo) -> None:
    with Session(model) as session:
        for frame in scene.frames(0, 3):
            session.add_prompt(1, frame, [Box(*box_of(truth_of(scene, 1)))])
            session.step(frame)
        session.keep_prompts(1, {0, 2})
        assert session.prompted_frames(1) == (0, 2)
        assert [each.frame_index for each in session.prompts] == [0, 2]


def test_a_propagation_ends_where_another_one_or_the_session_does(
    model: Nano, scene: SyntheticVideo
) -> None:
    """Two that go on in turns would write to one memory: wrong masks without a word."""
    with Session(model, scene) as session:
        session.prompt(1, 0, mask=truth_of(scene, 1))
        first = session.propagate()
        assert [next(first).frame_index for _ in range(2)] == [0, 1]
        second = session.propagate(until=4)
        assert [masks.frame_index for masks in second] == [0, 1, 2, 3]
        with pytest.raises(UsageError, match="another propagation"):
            next(first)
        third = session.propagate()
        next(third)
    with pytest.raises(UsageError, match="closed"):
        next(third)
