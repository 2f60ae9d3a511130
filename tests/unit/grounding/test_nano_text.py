"""nano's words end to end: the phrase, the boxes, nano's masks, and what is meant among
them.
"""

from pathlib import Path

import cv2
import numpy as np
import pytest
from jaxtyping import UInt8
from torch import Tensor

from tests.nano_weights import save_random
from tests.word_head import WORDS, random_head
from vseg.build import open_nano_text
from vseg.errors import BadPrompt, WeightsMismatch
from vseg.grounding.frame_motion import motion_between
from vseg.grounding.nano_candidates import FrameCandidates, resolve_query
from vseg.grounding.nano_text import NanoTextGrounder
from vseg.grounding.vocabulary import parse_words
from vseg.models.nano.encoder import Encoder
from vseg.models.nano.flip_tta import FlipTTA
from vseg.models.nano.load import load_nano
from vseg.models.nano.model import Nano
from vseg.models.nano.text_head.head_boxes import HeadBoxes
from vseg.session.image_predictor import ImagePredictor
from vseg.types import Detections, Exemplar, Frame, Text

pytestmark = pytest.mark.integration

# Left, top, side and colour of what stands on the ground: two red cars, a blue one, and a
# green person.
THINGS = {
    "red left": (30, 60, 60, (200, 25, 30)),
    "red right": (330, 150, 40, (190, 20, 20)),
    "blue": (180, 120, 80, (30, 50, 200)),
    "green": (420, 30, 50, (30, 160, 50)),
}
CARS = ("red left", "red right", "blue")


@pytest.fixture(scope="module")
def nano() -> Nano:
    return load_nano(dtype="float32")


def painted(moved: int = 0) -> UInt8[np.ndarray, "H W 3"]:
    """The things on a textured ground; the blue one `moved` pixels to the right."""
    rng = np.random.default_rng(0)
    ground = cv2.GaussianBlur(rng.integers(60, 250, (280, 500, 3), dtype=np.uint8), (0, 0), 3)
    for name, (x, y, side, colour) in THINGS.items():
        x += moved if name == "blue" else 0
        patch = rng.normal(0, 25, (side, side, 1)) + np.array(colour)
        ground[y : y + side, x : x + side] = cv2.GaussianBlur(patch, (0, 0), 1).clip(0, 255)
    return ground


FRAME = Frame(0, None, 0.0, painted())
LATER = Frame(2, None, 0.08, painted(5))


@pytest.fixture(scope="module")
def look(nano: Nano) -> FrameCandidates:
    """As the head would see the things if it were perfect; the blue car is a little less
    sure.
    """
    boxes = np.array([(x, y, x + s, y + s) for x, y, s, _ in THINGS.values()], np.float64)
    is_car = np.array([name in CARS for name in THINGS])
    scores = np.stack([np.full(4, 0.9), 0.8 * is_car, 0.8 * ~is_car], axis=1)
    scores[2, 1] = 0.35
    seen = HeadBoxes(WORDS, boxes, scores)
    predictor = ImagePredictor(nano)
    return FrameCandidates(
        predictor, predictor.encode(FRAME), seen, motion_between(FRAME, LATER)
    )


def named(found: Detections) -> set[str]:
    """Which things were found, by the places of their masks."""
    names = set()
    for crop in found.masks or ():
        full = crop.paste(280, 500)
        inside = {
            name: full[y : y + s, x : x + s].mean() for name, (x, y, s, _) in THINGS.items()
        }
        best = max(inside, key=lambda name: inside[name])
        x, y, side, _ = THINGS[best]
        union = (full.sum() + side * side) - full[y : y + side, x : x + side].sum()
        assert full[y : y + side, x : x + side].sum() / union > 0.7, "the mask is of the thing"
        names.add(best)
    return names


@pytest.mark.parametrize(
    ("phrase", "which"),
    [
        ("cars", {"red left", "red right", "blue"}),
        ("the red cars", {"red left", "red right"}),
        ("the red car on the left", {"red left"}),
        ("the red car on the right", {"red right"}),
        ("cars on the right", {"red right"}),
        ("the largest car", {"blue"}),
        ("the smallest car", {"red right"}),
        ("people", {"green"}),
        ("red person", set()),
        ("blue things", {"blue"}),
        ("moving cars", {"blue"}),
        ("parked cars", {"red left", "red right"}),
        ("moving objects", {"blue"}),
    ],
)
def test_a_phrase_finds_what_it_means(
    look: FrameCandidates, phrase: str, which: set[str]
) -> None:
    found, best = resolve_query(look, parse_words(phrase, WORDS), 0.3)
    assert named(found) == which
    assert (best >= 0.3) == bool(which)


def test_best_is_of_what_has_all_that_was_asked(look: FrameCandidates) -> None:
    found, best = resolve_query(look, parse_words("the blue car", WORDS), 0.6)
    assert len(found) == 0 and best == pytest.approx(0.35)
    found, best = resolve_query(look, parse_words("cars", WORDS), 0.6)
    assert named(found) == {"red left", "red right"} and best == pytest.approx(0.8)


def test_without_a_second_frame_nothing_moves_and_nothing_is_still(
    look: FrameCandidates,
) -> None:
    alone = FrameCandidates(look.predictor, look.image, look.detected, None)
    for phrase in ("moving cars", "parked cars", "moving objects"):
        found, best = resolve_query(alone, parse_words(phrase, WORDS), 0.3)
        assert len(found) == 0 and best == 0


def test_two_boxes_of_one_thing_are_one(look: FrameCandidates) -> None:
    x, y, side, _ = THINGS["blue"]
    boxes = np.array(
        [[x, y, x + side, y + side], [x - 16, y - 16, x + side + 16, y + side + 16]]
    )
    seen = HeadBoxes(WORDS, boxes.astype(np.float64), np.full((2, 3), 0.8))
    assert len(seen.of("car").boxes) == 2, "the boxes alone do not tell"
    double = FrameCandidates(look.predictor, look.image, seen, None)
    found, _ = resolve_query(double, parse_words("car", WORDS), 0.3)
    assert len(found) == 1


def test_a_head_of_another_encoder_is_refused(nano: Nano, tmp_path: Path) -> None:
    save_random(tmp_path / "nano.safetensors", 1)
    other = load_nano(tmp_path / "nano.safetensors", dtype="float32")
    head = random_head(tmp_path)
    assert NanoTextGrounder(nano, head).words == WORDS
    with pytest.raises(WeightsMismatch, match="another encoder") as caught:
        NanoTextGrounder(other, head)
    assert "vseg train words --weights" in (caught.value.hint or "")


def test_what_cannot_be_looked_for_is_refused(nano: Nano, tmp_path: Path) -> None:
    grounder = NanoTextGrounder(nano, random_head(tmp_path))
    grounder.check([Text("the red car"), Text("people")])
    with pytest.raises(BadPrompt, match="zebra"):
        grounder.check([Text("person"), Text("a zebra person")])
    with pytest.raises(BadPrompt, match="text, not exemplars"):
        grounder.check([Exemplar(painted(), np.ones((280, 500), dtype=bool))])


def test_any_model_that_tracks_can_have_words(nano: Nano) -> None:
    shipped = open_nano_text(nano)
    assert open_nano_text(FlipTTA(nano)).weights_sha256 == shipped.weights_sha256
    assert shipped.name == "nano-words"
    shipped.check([Text("the red car on the left"), Text("moving objects"), Text("people")])
    said = shipped.ground(FRAME, [Text("person"), Text("moving objects")], adjacent=LATER)
    assert "moving objects" in said.names and said.best[1] > 0.5


@pytest.mark.parametrize(("short_side", "encodes"), [(384, 0), (192, 1)])
def test_a_tracked_frame_is_encoded_again_only_for_the_size_of_the_head(
    short_side: int, encodes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    nano = load_nano(dtype="float32", short_side=short_side)
    grounder = NanoTextGrounder(nano)
    alone = grounder.ground(FRAME, [Text("car", 0.1)])
    features = nano.encode([FRAME])[0]
    sizes: list[tuple[int, ...]] = []
    forward = Encoder.forward

    def counted(self: Encoder, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        sizes.append(tuple(image.shape))
        return forward(self, image)

    monkeypatch.setattr(Encoder, "forward", counted)
    beside = grounder.ground(FRAME, [Text("car", 0.1)], features)
    assert len(sizes) == encodes
    np.testing.assert_array_equal(beside.found.boxes, alone.found.boxes)
    np.testing.assert_array_equal(beside.found.scores, alone.found.scores)
