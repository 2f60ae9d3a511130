"""Objects too small for the whole frame: held in crops, beside the others of a session."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import UInt8
from PIL import Image

from vseg.build import open_video
from vseg.config import CropSettings, MemorySettings
from vseg.frame_masks import FrameMasks
from vseg.models.nano.load import load_nano
from vseg.models.nano.model import Nano
from vseg.ops.masks import mask_iou
from vseg.session.crops.small_objects import SmallObjects
from vseg.session.memory.object_banks import ObjectBanks
from vseg.session.session import Session
from vseg.session.tracked_frame import TrackedFrame
from vseg.session.tracked_object import TrackedObject
from vseg.tensors import Decoded
from vseg.types import Box, Frame, Mask, Points, Scribble, VisualPrompt

pytestmark = pytest.mark.integration

HEIGHT = 180
WIDTH = 320
FRAMES = 10
NO_CROPS = CropSettings(most=0)


@pytest.fixture(scope="module")
def nano() -> Nano:
    """At this size an object of 8 pixels is one of 5.7."""
    return load_nano(dtype="float32", short_side=128)


@cache
def ground() -> UInt8[np.ndarray, "H W 3"]:
    """Coarse blocks of dull colours, with noise."""
    rng = np.random.default_rng(1)
    coarse = rng.integers(60, 120, (HEIGHT // 20, WIDTH // 20, 3))
    blocks = np.kron(coarse, np.ones((20, 20, 1), dtype=np.int64))
    noise = rng.integers(-8, 8, (HEIGHT, WIDTH, 3))
    return np.asarray((blocks + noise).clip(0, 255), dtype=np.uint8)


Square = tuple[float, float, float]
"""x, y of the left top corner, and the side."""
COLOURS = ((230, 60, 40), (60, 90, 230), (240, 220, 60))


def drawn(index: int, squares: Sequence[Square]) -> tuple[Frame, UInt8[np.ndarray, "H W"]]:
    """A frame with squares, and the labels 1 and up of what is seen of them."""
    image = ground().copy()
    labels = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    for number, (x, y, side) in enumerate(squares, start=1):
        rows = slice(max(0, round(y)), max(0, round(y + side)))
        columns = slice(max(0, round(x)), max(0, round(x + side)))
        image[rows, columns] = COLOURS[(number - 1) % 3]
        labels[rows, columns] = number
    return Frame(index, None, index / 25, image), labels


def moving(index: int, side: float = 8) -> list[Square]:
    """One square that moves by 4 pixels per frame and turns once."""
    return [(60.0 + 4 * index, 50 + 3 * abs(index - 5), side)]


def prompt_of(kind: str, labels: UInt8[np.ndarray, "H W"], obj: int = 1) -> VisualPrompt:
    ys, xs = np.nonzero(labels == obj)
    middle = [float(xs.mean().round()), float(ys.mean().round())]
    made: dict[str, VisualPrompt] = {
        "mask": Mask(labels == obj),
        "box": Box(int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1),
        "click": Points([middle]),
        "scribble": Scribble([middle, [middle[0] + 1, middle[1] + 1]]),
    }
    return made[kind]


def tracked(
    session: Session, kind: str, indices: Sequence[int], *, reverse: bool = False
) -> list[float]:
    """The IoU of the one object on every frame but the prompted first one."""
    frame, labels = drawn(indices[0], moving(indices[0]))
    session.prompt(1, frame, [prompt_of(kind, labels)])
    scores = []
    for index in indices:
        frame, labels = drawn(index, moving(index))
        masks = session.step(frame, reverse=reverse)
        scores.append(mask_iou(masks[1], labels == 1))
    return scores[1:]


@pytest.mark.parametrize("kind", ["mask", "box", "click", "scribble"])
def test_an_object_of_eight_pixels_is_held(nano: Nano, kind: str) -> None:
    with Session(nano) as session:
        assert min(tracked(session, kind, range(FRAMES))) > 0.4


def test_a_click_means_what_two_scales_agree_on(
    nano: Nano, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However sure the model is of the wide mask that the whole frame gives."""
    place_clicked = SmallObjects.place_clicked

    def sure(
        stages: SmallObjects,
        on: TrackedFrame,
        live: Sequence[TrackedObject],
        rows: Mapping[int, Decoded],
    ) -> None:
        believed = {
            i: replace(row, logits=torch.ones_like(row.logits), quality=torch.ones(1))
            for i, row in rows.items()
        }
        place_clicked(stages, on, live, believed)

    monkeypatch.setattr(SmallObjects, "place_clicked", sure)
    with Session(nano) as session:
        assert min(tracked(session, "click", range(3))) > 0.4
    with Session(nano) as session:
        frame, labels = drawn(0, [(40.0, 40.0, 90.0)])
        session.prompt(1, frame, [prompt_of("click", labels)])
        assert session.objects[1].place is None


def test_thin_arms_do_not_make_a_small_body_large(nano: Nano) -> None:
    """54 pixels, 38 at this size, are more than a small object has; the body of 12 is 8.5."""
    last = {}
    for crops in (CropSettings(), NO_CROPS):
        with Session(nano, crops=crops) as session:
            for index in range(4):
                frame, labels = drawn(index, [(100.0 + 4 * index, 60, 12)])
                arms = slice(79 + 4 * index, 133 + 4 * index)
                frame.image[66, arms] = COLOURS[0]
                labels[66, arms] = 1
                if index == 0:
                    session.prompt(1, frame, [Mask(labels == 1)])
                last[crops] = mask_iou(session.step(frame)[1], labels == 1)
    assert last[CropSettings()] > 0.6 > last[NO_CROPS]


def test_it_is_lost_without_crops(nano: Nano) -> None:
    with Session(nano, crops=NO_CROPS) as session:
        assert tracked(session, "mask", range(FRAMES))[-1] == 0


@pytest.mark.parametrize("kind", ["mask", "box", "click", "scribble"])
def test_backward(nano: Nano, kind: str) -> None:
    with Session(nano) as session:
        scores = tracked(session, kind, range(FRAMES + 2, 1, -1), reverse=True)
    assert min(scores) > 0.3


def same(ours: FrameMasks, theirs: FrameMasks) -> None:
    np.testing.assert_array_equal(ours.masks, theirs.masks)
    np.testing.assert_array_equal(ours.logits, theirs.logits)
    np.testing.assert_array_equal(ours.scores, theirs.scores)


def test_a_resumed_session_goes_on_with_the_same_bits(nano: Nano) -> None:
    """One small object that is seen, and one that is hidden when the session is stored."""

    def at(index: int) -> Frame:
        other = [] if 3 <= index < 7 else [(200.0, 100 + 2.0 * index, 9.0)]
        return drawn(index, moving(index) + other)[0]

    with Session(nano) as session, Session(nano) as other:
        _, labels = drawn(0, [*moving(0), (200.0, 100.0, 9.0)])
        session.prompt(1, at(0), [prompt_of("mask", labels)])
        session.prompt(2, at(0), [prompt_of("box", labels, 2)])
        for index in range(6):
            masks = session.step(at(index))
        assert masks.visible.tolist() == [True, False]
        other.restore(session.snapshot())
        assert other.snapshot() == session.snapshot()
        for index in range(6, 12):
            same(session.step(at(index)), other.step(at(index)))
        assert other.snapshot() == session.snapshot()


def test_objects_of_ordinary_size_are_tracked_as_without_crops(nano: Nano) -> None:
    with Session(nano) as session, Session(nano, crops=NO_CROPS) as plain:
        for index in range(6):
            frame, labels = drawn(index, [(40 + 3.0 * index, 40, 90), (200, 60, 80)])
            if not index:
                for one in (session, plain):
                    one.prompt(1, frame, [prompt_of("click", labels)])
                    one.prompt(2, frame, [prompt_of("mask", labels, 2)])
            same(session.step(frame), plain.step(frame))


def test_one_that_grows_returns_to_the_whole_frame_and_back(nano: Nano) -> None:
    growing = [round(8 * 1.12**k) for k in range(22)]
    sides = [*growing, *growing[::-1], *([12] * 8)]
    with Session(nano) as session:
        cropped = []
        for index, side in enumerate(sides):
            frame, labels = drawn(index, [(110 + index - side / 2, 90 - side / 2, side)])
            if not index:
                session.prompt(1, frame, [prompt_of("mask", labels)])
            masks = session.step(frame)
            cropped.append(session.objects[1].place is not None)
            assert mask_iou(masks[1], labels == 1) > 0.5, f"frame {index}"
        banks = session._state.engine.bank
        assert isinstance(banks, ObjectBanks)
        for bank in (banks, banks.of_crop(1)):
            remembered = [value for _, value in bank.objects[1].items()]
            # The last channel is the share of a cell that the mask covers.
            assert all(value[-1].any() for value in remembered)
    assert cropped[0] and not cropped[len(growing)] and cropped[-1]
    assert sum(a != b for a, b in pairwise(cropped)) == 2


def test_no_pixel_has_two_objects(nano: Nano) -> None:
    """Two small ones that meet on a large one."""
    with Session(nano) as session:
        for index in range(FRAMES):
            squares = [(60.0, 30.0, 110.0), (80 + 3.0 * index, 80.0, 9.0)]
            squares.append((130 - 3.0 * index, 82.0, 9.0))
            frame, labels = drawn(index, squares)
            if not index:
                for obj in (1, 2, 3):
                    session.prompt(obj, frame, [prompt_of("mask", labels, obj)])
            masks = session.step(frame)
            for one, other in combinations(masks if index else (), 2):
                assert not (masks[one] & masks[other]).any()
            assert all(session.objects[obj].place for obj in (2, 3))
            assert session.objects[1].place is None


def test_what_it_keeps_is_bounded(nano: Nano) -> None:
    memory = MemorySettings(stride=1)
    sizes = []
    with Session(nano, memory=memory) as session:
        for index in range(40):
            frame, labels = drawn(index, moving(abs(10 - index % 20)))
            if not index:
                session.prompt(1, frame, [prompt_of("mask", labels)])
            if session.step(frame).visible.all():
                sizes.append(session.state_bytes())
        assert len(sizes) > 20 and len(set(sizes[10:])) == 1
        session.remove(1)
        assert session.state_bytes() == 0


def test_no_more_crops_than_allowed(nano: Nano) -> None:
    """The largest are tracked in the whole frame."""
    with Session(nano, crops=CropSettings(most=2)) as session:
        for index in range(3):
            squares = [(30.0 + index, 40, 12.0), (100.0, 40, 8.0), (170.0, 40, 10.0)]
            frame, labels = drawn(index, squares)
            if not index:
                for obj in (1, 2, 3):
                    session.prompt(obj, frame, [prompt_of("mask", labels, obj)])
            session.step(frame)
            places = [session.objects[obj].place for obj in (1, 2, 3)]
            assert [place is not None for place in places] == [False, True, True]


def test_one_that_was_hidden_is_found_where_it_comes_out(nano: Nano) -> None:
    """Farther away than its crop reaches."""
    with Session(nano) as session:
        seen = []
        for index in range(16):
            x = 60.0 if index < 4 else 92.0
            frame, labels = drawn(index, [] if 4 <= index < 8 else [(x, 60.0, 8.0)])
            if not index:
                session.prompt(1, frame, [prompt_of("mask", labels)])
            masks = session.step(frame)
            seen.append(bool(masks.visible[0]))
        assert not any(seen[4:8]) and seen[-1]
        assert mask_iou(masks[1], labels == 1) > 0.4


@pytest.mark.parametrize("first", [0, 2])
@pytest.mark.parametrize("offset", [0, 3])
def test_it_is_looked_for_where_it_was_before_a_pass_that_begins_again(
    nano: Nano, tmp_path: Path, first: int, offset: int
) -> None:
    """And not where an earlier pass left it."""
    made = [drawn(index, moving(index)) for index in range(2 * FRAMES)]
    for frame, _ in made:
        Image.fromarray(frame.image).save(tmp_path / f"{frame.index:03}.png")
    with open_video(str(tmp_path)) as video, Session(nano, video) as session:
        session.prompt(1, offset, [prompt_of("click", made[offset][1])])
        first += offset
        before = list(session.propagate(first))
        after = list(session.propagate(first, until=FRAMES))
    assert len(after) == FRAMES - first
    for one, again in zip(before, after, strict=False):
        assert mask_iou(again[1], made[again.frame_index][1] == 1) > 0.4
        np.testing.assert_array_equal(again[1], one[1])


@pytest.mark.parametrize("kind", ["box", "click"])
def test_a_correction_moves_its_crop(nano: Nano, kind: str) -> None:
    with Session(nano) as session:
        squares = [(60.0, 60.0, 8.0), (120, 20, 8), (20, 120, 8), (200, 120, 8)]
        frame, labels = drawn(0, squares)
        session.prompt(1, frame, [prompt_of("mask", labels)])
        session.step(frame)
        frame = replace(frame, index=1)
        masks = session.prompt(1, frame, [prompt_of(kind, labels, 4)])
        assert mask_iou(masks[1], labels == 4) > 0.4
        session.step(frame)
        masks = session.step(replace(frame, index=2))
        assert mask_iou(masks[1], labels == 4) > 0.4


def test_a_mask_of_a_few_pixels_corrected_by_points_off_it_is_no_small_object(
    nano: Nano,
) -> None:
    frame, labels = drawn(0, [(40.0, 30.0, 70.0)])
    corner = np.zeros_like(labels, dtype=bool)
    corner[30:36, 40:46] = True
    clicks = [Points([xy]) for xy in ((55, 45), (95, 85))]
    with Session(nano) as session:
        masks = session.prompt(1, frame, [Mask(corner), *clicks])
    assert mask_iou(masks[1], labels == 1) > 0.8


def test_flipped_models_have_crops_too() -> None:
    from vseg.models.nano.flip_tta import FlipTTA

    model = FlipTTA(load_nano(dtype="float32", short_side=64))
    with Session(model) as session, torch.inference_mode():
        assert min(tracked(session, "mask", range(4))) > 0.3
