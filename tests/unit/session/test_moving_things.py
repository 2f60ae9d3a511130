"""What moves on its own beside an object is tracked before it touches it, unseen."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from vseg.config import IdentitySettings
from vseg.models.nano.load import load_nano
from vseg.models.nano.model import Nano
from vseg.session.identity.identity_input import grey_image
from vseg.session.identity.optical_flow import optical_flow
from vseg.session.image_predictor import ImagePredictor
from vseg.session.motion_watch import MotionWatch
from vseg.session.moving_things import OwnMotion
from vseg.session.session import Session
from vseg.types import Frame, Points

pytestmark = pytest.mark.integration

HW = (240, 320)
MAP = (48, 64)
BOX = (slice(90, 150), slice(60, 110))


@pytest.fixture(scope="module")
def nano() -> Nano:
    return load_nano(dtype="float32", short_side=192)


def drawn(hand: float | None, pan: float = 0.0) -> np.ndarray:
    """A ground, a box on it, and a hand that begins at this x, not there for None; the
    camera has moved by `pan` pixels.
    """
    rng = np.random.default_rng(0)
    wide = rng.integers(60, 130, (30, 60, 3), dtype=np.uint8)
    ground = cv2.resize(wide, (480, 240), interpolation=cv2.INTER_CUBIC)
    shift = np.array([[1, 0, -80 + pan], [0, 1, 0]], dtype=np.float32)
    image = cv2.warpAffine(ground, shift, (320, 240))
    cv2.rectangle(image, (60, 90), (109, 149), (200, 40, 40), -1)
    cv2.rectangle(image, (70, 100), (99, 139), (230, 120, 60), -1)
    if hand is not None:
        x = round(hand)
        cv2.ellipse(image, (x + 40, 120), (40, 44), 0, 0, 360, (235, 205, 180), -1)
        cv2.ellipse(image, (x + 45, 120), (20, 24), 0, 0, 360, (190, 150, 130), -1)
    return image


def clip(hands: list[float | None]) -> list[Frame]:
    return [Frame(t, t, t / 25, drawn(hand)) for t, hand in enumerate(hands)]


def things(before: np.ndarray, now: np.ndarray) -> list[np.ndarray]:
    """Cells of what moves near the box."""
    box = np.zeros(HW, dtype=np.uint8)
    box[BOX] = 1
    mask = cv2.resize(box, MAP[::-1], interpolation=cv2.INTER_NEAREST) > 0
    flow = optical_flow(grey_image(before, MAP), grey_image(now, MAP))
    motion = OwnMotion.of(flow, mask)
    assert motion is not None
    return [thing.cells for thing in motion.things([mask], mask)]


def test_what_comes_near_is_found_and_what_the_camera_moves_is_not() -> None:
    (hand,) = things(drawn(130), drawn(125))
    x = float(np.nonzero(hand)[1].mean()) * HW[1] / MAP[1]
    assert 150 < x < 180
    assert not things(drawn(130), drawn(130))
    assert not things(drawn(None), drawn(None, pan=6))
    assert not things(drawn(200), drawn(194)), "too far away"


def test_a_hand_is_tracked_unseen_until_it_is_far_away(nano: Nano) -> None:
    coming: list[float | None] = [200 - 5.0 * t for t in range(17)]
    going: list[float | None] = [120 + 8.0 * t for t in range(20)]
    session = Session(nano)
    known = []
    for frame in clip([*coming, *going]):
        if not frame.index:
            session.prompt(1, frame, mask=boxed())
        masks = session.step(frame)
        assert masks.object_ids == (1,)
        assert {event.object_id for event in masks.events} <= {None, 1}
        known.append(set(session.identities.objects) - {1})
    assert known[0] == set()
    assert known[16] == {-1}
    assert known[-1] == set()


def test_no_hand_is_looked_for_without_distractors(nano: Nano) -> None:
    session = Session(nano, identity=IdentitySettings(distractors=False))
    for frame in clip([200 - 5.0 * t for t in range(17)]):
        if not frame.index:
            session.prompt(1, frame, mask=boxed())
        session.step(frame)
    assert set(session.identities.objects) == {1}


@pytest.mark.parametrize("at", [6, 7, 12])
def test_a_restored_session_finds_and_follows_the_same(nano: Nano, at: int) -> None:
    frames = clip([200 - 5.0 * t for t in range(16)])
    session = Session(nano)
    session.prompt(1, frames[0], mask=boxed())
    for frame in frames[:at]:
        session.step(frame)
    restored = Session(nano)
    restored.restore(session.snapshot())
    assert restored.snapshot() == session.snapshot()
    for frame in frames[at:]:
        one, other = session.step(frame), restored.step(frame)
        np.testing.assert_array_equal(one.logits, other.logits)
    assert set(restored.identities.objects) == set(session.identities.objects) == {1, -1}


def test_a_look_is_due_on_one_of_four_frames_forward_and_back() -> None:
    grey = np.zeros((96, 128), dtype=np.uint8)
    watch = MotionWatch()
    due = [t for t in range(10) if watch.flow(t, lambda: grey) is not None]
    assert due == [4, 8]
    watch.clear()
    assert [t for t in range(9, -1, -1) if watch.flow(t, lambda: grey) is not None] == [7, 3]
    watch.clear()
    assert [t for t in range(0, 20, 3) if watch.flow(t, lambda: grey) is not None] == [
        t for t in range(3, 20, 3) if t // 4 != (t - 3) // 4
    ]


def test_after_something_was_refused_nothing_is_looked_for_for_a_while() -> None:
    grey = np.zeros((96, 128), dtype=np.uint8)
    watch = MotionWatch()
    due = []
    for t in range(300):
        if watch.flow(t, lambda: grey) is not None:
            due.append(t)
            watch.refuse(t)
    assert due == [4, 12, 28, 60, 124, 188, 252]
    watch.accept()
    assert [t for t in range(300, 309) if watch.flow(t, lambda: grey) is not None] == [
        304,
        308,
    ]


def test_no_image_is_made_grey_while_nothing_is_looked_for() -> None:
    made = []

    def grey() -> np.ndarray:
        made.append(1)
        return np.zeros((96, 128), dtype=np.uint8)

    watch = MotionWatch()
    for t in range(5):
        watch.flow(t, grey)
    assert len(made) == 2
    watch.refuse(4)
    for t in range(5, 11):
        watch.flow(t, grey)
    assert len(made) == 2


def test_what_one_pass_shows_to_be_something_else_is_decoded_no_further(
    nano: Nano, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = clip([130, 125])
    image = ImagePredictor(nano).encode(frames[1])
    box = cv2.resize(boxed().view(np.uint8), MAP[::-1], interpolation=cv2.INTER_NEAREST) > 0
    flow = optical_flow(grey_image(frames[0].image, MAP), grey_image(frames[1].image, MAP))
    motion = OwnMotion.of(flow, box)
    assert motion is not None
    (hand,) = motion.things([box], box)
    assert motion.mask_of(hand.cells, nano, image, box) is not None

    decoded = ImagePredictor(nano).refine(image, [(Points(((160.0, 120.0),), (1,)),)])
    all_of_it = replace(decoded, logits=torch.ones_like(decoded.logits))
    monkeypatch.setattr(ImagePredictor, "refine", lambda *_: all_of_it)
    monkeypatch.setattr(ImagePredictor, "decode", None)
    assert motion.mask_of(hand.cells, nano, image, box) is None


def boxed() -> np.ndarray:
    mask = np.zeros(HW, dtype=bool)
    mask[BOX] = True
    return mask
