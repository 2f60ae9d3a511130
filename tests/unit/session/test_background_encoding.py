"""The next frame encoded in the background: the same masks, nothing lost on the way, and never
more held than two frames.
"""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from tests.torch_threads import torch_threads
from vseg.errors import DamagedVideo
from vseg.frame_masks import FrameMasks
from vseg.models.nano.load import load_nano
from vseg.models.nano.model import Nano
from vseg.ops.torch_threads import usual_torch_threads
from vseg.session.background_encoding import BackgroundEncoding
from vseg.session.session import Session
from vseg.synthetic import SyntheticVideo
from vseg.tensors import Features
from vseg.types import Frame

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module", params=["torch", "onnx", "onnx-int8"])
def threaded(request: pytest.FixtureRequest) -> Iterator[Nano]:
    """nano with two threads, whatever this process has."""
    with torch_threads(2):
        dtype = "bfloat16" if request.param == "torch" else "auto"
        yield load_nano(runtime=request.param, dtype=dtype, short_side=96)


@pytest.fixture(scope="module")
def encoding(threaded: Nano) -> BackgroundEncoding:
    assert threaded.background_encode is not None
    return BackgroundEncoding(threaded.background_encode)


def assert_equal(ours: FrameMasks, alone: FrameMasks) -> None:
    assert (ours.frame_index, ours.object_ids) == (alone.frame_index, alone.object_ids)
    np.testing.assert_array_equal(ours.logits, alone.logits)


def damaged(frames: Iterator[Frame], at: int, error: BaseException) -> Iterator[Frame]:
    for frame in frames:
        if frame.index == at:
            raise error
        yield frame


def prompted(session: Session, scene: SyntheticVideo) -> None:
    truth = scene.truth(0)
    for object_id in scene.object_ids[:2]:
        session.prompt(object_id, 0, mask=truth == object_id)


def test_the_masks_are_those_of_frames_encoded_before_they_are_tracked(
    threaded: Nano, scene: SyntheticVideo
) -> None:
    with Session(threaded, scene) as ahead, Session(threaded, scene, encode_ahead=1) as alone:
        prompted(ahead, scene)
        prompted(alone, scene)
        for ours, theirs in zip(
            ahead.propagate(until=10), alone.propagate(until=10), strict=True
        ):
            assert_equal(ours, theirs)


def test_the_next_frame_is_encoded_in_another_thread_once_this_one_is_asked_for(
    scene: SyntheticVideo, model: Nano
) -> None:
    seen: list[tuple[int, str]] = []

    def encode(frames: Sequence[Frame]) -> list[Features]:
        seen.append((frames[0].index, threading.current_thread().name))
        return model.encode(frames)

    encoding = BackgroundEncoding(encode)
    for frame in encoding.over(scene.frames(0, 4)):
        if frame.index == 1:
            features = encoding.features(frame)
            assert features is not None and features.frame_index == 1
            assert encoding.features(frame) is features
            encoding.held_bytes()  # waits for what is being encoded
            assert [index for index, _ in seen] == [1, 2]
    assert [index for index, _ in seen] == [1, 2]
    assert all(name.startswith("vseg-encode") for _, name in seen)


def test_features_are_those_of_the_very_frame(
    encoding: BackgroundEncoding, scene: SyntheticVideo
) -> None:
    for frame in encoding.over(scene.frames(0, 5)):
        features = encoding.features(frame)
        assert features is not None and features.frame_index == frame.index
        assert encoding.features(scene.read(frame.index)) is None


def test_what_is_held_is_bounded_counted_and_let_go(
    encoding: BackgroundEncoding, threaded: Nano, scene: SyntheticVideo
) -> None:
    alone = threaded.encode([scene.read(0)])[0]
    one = sum(t.nbytes for t in (*alone.levels, alone.key, alone.local_key))
    held = []
    for frame in encoding.over(scene.frames(0, 5)):
        encoding.features(frame)
        held.append(encoding.held_bytes())
    assert held == [2 * one] * 4 + [one]
    assert encoding.held_bytes() == 0


def test_damage_comes_after_the_last_good_frame(threaded: Nano, scene: SyntheticVideo) -> None:
    with Session(threaded, scene) as session:
        prompted(session, scene)
        frames = damaged(scene.frames(0), 6, DamagedVideo("clip", 6, "made so"))
        passing = session.propagate(0, frames=frames)
        assert [next(passing).frame_index for _ in range(6)] == list(range(6))
        with pytest.raises(DamagedVideo):
            next(passing)
        assert session._frames.held_bytes() == 0


def test_an_error_of_the_encoder_is_raised_where_the_frame_is_tracked(
    scene: SyntheticVideo, model: Nano
) -> None:
    def encode(frames: Sequence[Frame]) -> list[Features]:
        if frames[0].index == 2:
            raise MemoryError("made so")
        return model.encode(frames)

    encoding = BackgroundEncoding(encode)
    passing = encoding.over(scene.frames(0, 4))
    for _ in range(2):
        assert encoding.features(next(passing)) is not None
    third = next(passing)
    with pytest.raises(MemoryError, match="made so"):
        encoding.features(third)


def test_a_pass_begun_during_another_takes_its_place(
    encoding: BackgroundEncoding, scene: SyntheticVideo
) -> None:
    first = encoding.over(scene.frames(0, 4))
    left = next(first)
    assert encoding.features(left) is not None
    for frame in encoding.over(scene.frames(4, 7)):
        assert encoding.features(frame) is not None
    assert encoding.features(left) is None
    assert [frame.index for frame in first] == [1, 2, 3]


def test_its_thread_ends_with_the_pass(
    encoding: BackgroundEncoding, scene: SyntheticVideo
) -> None:
    passing = encoding.over(scene.frames(0, 5))
    encoding.features(next(passing))
    names = {thread.name for thread in threading.enumerate()}
    assert any(name.startswith("vseg-encode") for name in names)
    del passing
    names = {thread.name for thread in threading.enumerate()}
    assert not any(name.startswith("vseg-encode") for name in names)


def test_a_thread_that_begins_while_another_tracks_has_all_of_torchs_threads(
    encoding: BackgroundEncoding, scene: SyntheticVideo
) -> None:
    usual = torch.get_num_threads()

    def track() -> int:
        for frame in encoding.over(scene.frames(0, 2)):
            encoding.features(frame)
            with encoding.tracking():
                pass
        return torch.get_num_threads()

    with ThreadPoolExecutor(1) as begun:
        tracked = encoding.over(scene.frames(0, 2))
        encoding.features(next(tracked))
        with encoding.tracking():
            assert begun.submit(torch.get_num_threads).result() < usual
            assert usual_torch_threads() == usual
        del tracked
        assert begun.submit(track).result() == usual
    assert usual_torch_threads() == usual


def test_the_encoder_has_half_of_the_threads_while_a_frame_is_tracked_and_after(
    threaded: Nano, scene: SyntheticVideo
) -> None:
    asked: list[int] = []

    def encode(frames: Sequence[Frame]) -> list[Features]:
        asked.append(torch.get_num_threads())
        return threaded.encode(frames)

    encoding = BackgroundEncoding(encode)
    for frame in encoding.over(scene.frames(0, 3)):
        with encoding.tracking():
            encoding.features(frame)
    assert asked == [1, 1, 1]
    assert usual_torch_threads() == 2


def test_a_single_thread_has_nothing_beside_it(threaded: Nano) -> None:
    with torch_threads(1):
        dtype = "bfloat16" if threaded.runtime == "torch" else "auto"
        assert load_nano(runtime=threaded.runtime, dtype=dtype).background_encode is None


def test_torch_encodes_beside_only_where_its_threads_do_not_change_the_sums() -> None:
    with torch_threads(2):
        assert load_nano(runtime="torch", dtype="float32").background_encode is None
