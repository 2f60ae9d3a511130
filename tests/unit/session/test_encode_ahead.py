"""Frames encoded together: the same results, nothing lost on the way, and never more held than
asked for.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from vseg.errors import DamagedVideo, UsageError
from vseg.frame_masks import FrameMasks
from vseg.models.nano.model import Nano
from vseg.session.session import Session
from vseg.synthetic import SyntheticVideo
from vseg.tensors import Features
from vseg.types import Frame

pytestmark = pytest.mark.integration

DEPTH = 4


class Counted(Nano):
    """nano that notes how many frames each call of `encode` was given."""

    def __init__(self, model: Nano) -> None:
        self.__dict__ = dict(model.__dict__)
        self.batches: list[int] = []

    def encode(self, frames: Sequence[Frame]) -> list[Features]:
        self.batches.append(len(frames))
        return super().encode(frames)


def prompted(session: Session, scene: SyntheticVideo, objects: int = 2) -> None:
    truth = scene.truth(0)
    for object_id in scene.object_ids[:objects]:
        session.prompt(object_id, 0, mask=truth == object_id)


def damaged(frames: Iterator[Frame], at: int, error: BaseException) -> Iterator[Frame]:
    for frame in frames:
        if frame.index == at:
            raise error
        yield frame


def assert_same(ours: FrameMasks, alone: FrameMasks) -> None:
    """Logits up to the rounding of another batch size; all else but it the same."""
    assert (ours.frame_index, ours.object_ids) == (alone.frame_index, alone.object_ids)
    np.testing.assert_array_equal(ours.visible, alone.visible)
    np.testing.assert_allclose(ours.logits, alone.logits, atol=2e-3)


def test_frames_encoded_together_give_the_same_masks(
    model: Nano, scene: SyntheticVideo
) -> None:
    counted = Counted(model)
    with Session(model, scene) as alone, Session(counted, scene, encode_ahead=DEPTH) as ahead:
        prompted(alone, scene)
        prompted(ahead, scene)
        counted.batches.clear()
        for ours, theirs in zip(
            ahead.propagate(until=10), alone.propagate(until=10), strict=True
        ):
            assert_same(ours, theirs)
    # The first one was encoded for its prompts.
    assert counted.batches == [DEPTH - 1, DEPTH, 2]


def test_on_a_processor_each_frame_is_encoded_alone(
    model: Nano, scene: SyntheticVideo
) -> None:
    counted = Counted(model)
    with Session(counted, scene) as session:
        prompted(session, scene)
        counted.batches.clear()
        list(session.propagate(until=6))
    assert set(counted.batches) == {1}


def test_a_live_step_encodes_only_its_frame(model: Nano, scene: SyntheticVideo) -> None:
    counted = Counted(model)
    with Session(counted, encode_ahead=DEPTH) as session:
        frames = [scene.read(k) for k in range(4)]
        session.prompt(1, frames[0], points=[[80, 48]], labels=[1])
        for frame in frames:
            session.step(frame)
            assert session._frames.held_bytes() == 0
    assert counted.batches == [1] * 4  # the prompted frame once, for the prompt and the step


def test_an_object_prompted_meanwhile_joins_at_once(
    model: Nano, scene: SyntheticVideo
) -> None:
    seen = {}
    for depth in (1, DEPTH):
        with Session(model, scene, encode_ahead=depth) as session:
            prompted(session, scene, objects=1)
            passing = session.propagate(until=12)
            masks = [next(passing) for _ in range(2)]
            late = scene.object_ids[1]
            session.prompt(late, 2, mask=scene.truth(2) == late)
            seen[depth] = [*masks, *passing]
    assert [len(m.object_ids) for m in seen[DEPTH]] == [1, 1, *[2] * 10]
    for ours, theirs in zip(seen[DEPTH], seen[1], strict=True):
        assert_same(ours, theirs)


def test_damage_comes_after_the_last_good_frame(model: Nano, scene: SyntheticVideo) -> None:
    with Session(model, scene, encode_ahead=DEPTH) as session:
        prompted(session, scene)
        frames = damaged(scene.frames(0), 6, DamagedVideo("clip", 6, "made so"))
        passing = session.propagate(0, frames=frames)
        assert [next(passing).frame_index for _ in range(6)] == list(range(6))
        with pytest.raises(DamagedVideo):
            next(passing)
        assert session._frames.held_bytes() == 0


def test_an_interrupt_loses_nothing(model: Nano, scene: SyntheticVideo) -> None:
    """What was delivered counts; a new pass goes on behind it with the same masks."""
    seen: list[FrameMasks] = []
    with Session(model, scene, encode_ahead=DEPTH) as session:
        prompted(session, scene)
        with pytest.raises(KeyboardInterrupt):
            for masks in session.propagate(
                0, frames=damaged(scene.frames(0), 6, KeyboardInterrupt())
            ):
                seen.append(masks)
        assert len(seen) == DEPTH
        assert session._frames.held_bytes() == 0
        seen += session.propagate(len(seen), until=10)
    with Session(model, scene) as whole:
        prompted(whole, scene)
        for ours, theirs in zip(seen, whole.propagate(0, until=10), strict=True):
            assert_same(ours, theirs)


def test_what_is_held_is_bounded_counted_and_let_go(
    model: Nano, scene: SyntheticVideo
) -> None:
    with Session(model, scene, encode_ahead=DEPTH) as session:
        prompted(session, scene)
        alone = model.encode([scene.read(0)])[0]
        one = sum(t.nbytes for t in (*alone.levels, alone.key, alone.local_key))
        passing = session.propagate(0)
        held = []
        for _ in range(9):
            next(passing)
            held.append(session._frames.held_bytes())
        assert held[0] == 0, "the frame that was encoded for its prompts"
        assert held[1] > one
        assert max(held) <= DEPTH * one
        passing.close()  # type: ignore[attr-defined]
        assert session._frames.held_bytes() == 0


def test_memory_does_not_keep_a_whole_batch(model: Nano, scene: SyntheticVideo) -> None:
    """A key that were a view would hold the features of all frames encoded with it."""
    with Session(model, scene, encode_ahead=DEPTH) as session:
        prompted(session, scene)
        list(session.propagate(0, until=12))
        keys = [*session.bank.keys.values()]  # type: ignore[attr-defined]
        keys += [o.prior.local_key for o in session.objects.values() if o.prior]
        assert keys
        assert all(key.untyped_storage().nbytes() == key.nbytes for key in keys)


def test_two_passes_at_once_do_not_disturb_each_other(
    model: Nano, scene: SyntheticVideo
) -> None:
    with Session(model, scene, encode_ahead=DEPTH) as session:
        one = session.encode_ahead_of(scene.frames(0, 6))
        two = session.encode_ahead_of(scene.frames(6, 12))
        pairs = [(a.index, b.index) for a, b in zip(one, two, strict=True)]
    assert pairs == [(k, k + 6) for k in range(6)]


def test_a_depth_below_one_is_an_error(model: Nano) -> None:
    with pytest.raises(UsageError, match="0 frames"):
        Session(model, encode_ahead=0)
