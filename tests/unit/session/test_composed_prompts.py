"""Words, exemplars and marks on one object: what a session makes of them, remembers and
restores.
"""

from collections.abc import Sequence

import numpy as np
import pytest

from tests.scenes import mask_iou
from vseg.config import INDEPENDENT_OBJECTS
from vseg.errors import BadPrompt, NothingFound
from vseg.models.nano.load import load_nano
from vseg.models.nano.model import Nano
from vseg.prompts.simulate import innermost
from vseg.session.frames import SessionFrames
from vseg.session.session import Session
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.tensors import Features
from vseg.types import (
    Box,
    ConceptPrompt,
    Detections,
    Exemplar,
    Frame,
    Grounding,
    Mask,
    MaskCrop,
    Points,
    Scribble,
    Text,
)

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def model() -> Nano:
    return load_nano(dtype="float32", short_side=160)


COLOURS = {"red": (200, 40, 40), "blue": (40, 60, 200)}
PLACES = {"left": (20, 24), "middle": (64, 48), "right": (108, 24)}
SIDE = 28
SEEN = {"left": "red", "middle": "blue", "right": "red"}


class ColourGrounder:
    """Finds "red" or "blue" squares by their exact colour; the larger the surer.  Counts its
    looks.
    """

    name = "colours"
    weights_sha256 = "0" * 64
    threshold = 0.2
    shares_features_with = ""

    def __init__(self) -> None:
        self.looks: list[str] = []
        self.adjacent: list[int | None] = []

    def check(self, queries: Sequence[ConceptPrompt]) -> None:
        for each in queries:
            if not isinstance(each, Text) or each.phrase not in COLOURS:
                raise BadPrompt(
                    f"{each} is no colour I know", hint=f"known: {', '.join(COLOURS)}"
                )

    def ground(
        self,
        frame: Frame,
        queries: Sequence[ConceptPrompt],
        features: Features | None = None,
        adjacent: Frame | None = None,
    ) -> Grounding:
        (described,) = queries
        assert isinstance(described, Text)
        self.looks.append(described.phrase)
        self.adjacent.append(None if adjacent is None else adjacent.index)
        hit = (frame.image == COLOURS[described.phrase]).all(axis=2)
        crops = [MaskCrop.of(hit & (columns(hit) == k)) for k in range(3)]
        crops = [c for c in crops if c.area]
        crops.sort(key=lambda c: -c.area)
        scores = np.array([c.area / SIDE**2 for c in crops])
        least = described.threshold or self.threshold
        kept = [k for k, s in enumerate(scores) if s >= least]
        boxes = [(c.x, c.y, c.x + c.mask.shape[1], c.y + c.mask.shape[0]) for c in crops]
        found = Detections(
            np.array(boxes, np.float64).reshape(-1, 4)[kept],
            scores[kept],
            np.zeros(len(kept), np.int64),
            tuple(crops[k] for k in kept),
        )
        best = np.array([scores.max(initial=0.0)])
        return Grounding(found, best, (described.phrase,) * len(kept))


def columns(hit: np.ndarray) -> np.ndarray:
    """Which third of the image each pixel is in."""
    return np.broadcast_to(np.arange(hit.shape[1]) * 3 // hit.shape[1], hit.shape)


def square(place: str, shift: int = 0) -> np.ndarray:
    mask = np.zeros((96, 160), dtype=bool)
    x, y = PLACES[place]
    side = SIDE if place != "right" else SIDE - 4  # the left one is the surer of the red ones
    mask[y : y + side, x + shift : x + shift + side] = True
    return mask


def image(index: int) -> Frame:
    """Two red squares and a blue one on a grey ramp; they drift to the right."""
    ramp = np.linspace(90, 130, 96, dtype=np.uint8)
    image = np.repeat(np.repeat(ramp[:, None, None], 160, axis=1), 3, axis=2).copy()
    for place, colour in SEEN.items():
        image[square(place, index)] = COLOURS[colour]
    return Frame(index, None, index / 25, image)


def click(place: str, *, positive: bool = True) -> Points:
    x, y = PLACES[place]
    return Points(np.array([[x + 12, y + 12]], np.float32), np.array([positive]))


def like_the(place: str) -> Exemplar:
    shown = image(5)
    return Exemplar(shown.image, square(place, 5), "shown.png")


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ([], "left"),
        ([click("right")], "right"),
        ([click("left", positive=False)], "right"),
        ([Box(100, 10, 150, 60)], "right"),
        ([Scribble(np.array([[112, 30], [125, 40]], np.float32))], "right"),
        ([Mask(square("middle"))], "middle"),
        ([like_the("right"), click("left")], "left"),
    ],
)
def test_words_and_what_is_drawn_beside_them(
    model: Nano, more: list[Points | Box | Scribble | Mask | Exemplar], place: str
) -> None:
    with Session(model, grounder=ColourGrounder()) as session:
        masks = session.prompt(1, image(0), [Text("red"), *more])
    assert mask_iou(masks[1], square(place)) > 0.7
    # A guess is not what the user gave.
    exact = any(isinstance(each, Mask) for each in more)
    assert np.array_equal(masks[1], square(place)) == exact


def test_a_later_click_chooses_again_without_another_look(model: Nano) -> None:
    grounder = ColourGrounder()
    with Session(model, grounder=grounder) as session:
        first = session.prompt(1, image(0), text="red")
        second = session.prompt(1, image(0), [click("right")])
        assert grounder.looks == ["red"]
    assert mask_iou(first[1], square("left")) > 0.7
    assert mask_iou(second[1], square("right")) > 0.7
    with Session(model, grounder=ColourGrounder()) as at_once:
        together = at_once.prompt(1, image(0), [click("right")], text="red")
    np.testing.assert_array_equal(together.logits, second.logits)


def test_rounds_are_what_was_said_and_replay_to_the_same_masks(model: Nano) -> None:
    with Session(model, grounder=ColourGrounder()) as session:
        session.prompt(2, image(0), text="blue")
        session.prompt(1, image(0), [Text("red")])
        session.prompt(1, image(0), [click("right")])
        session.step(image(1))
        session.prompt(2, image(2), [click("middle")])
        last = session.step(image(2))
        prompts = session.prompts
    kinds = [type(p.value) for p in prompts]
    places = [(p.object_id, p.frame_index) for p in prompts]
    assert kinds == [Text, Text, Points, Points]
    assert places == [(2, 0), (1, 0), (1, 0), (2, 2)]
    with Session(model, grounder=ColourGrounder()) as again:
        for t in range(3):
            for r in (p for p in prompts if p.frame_index == t):
                again.prompt(r.object_id or 0, image(t), [r.value])
            if t:
                replayed = again.step(image(t))
    assert replayed.object_ids == last.object_ids
    np.testing.assert_array_equal(replayed.logits, last.logits)


def test_a_restored_session_remembers_what_was_found(model: Nano) -> None:
    with Session(model, grounder=ColourGrounder()) as session:
        session.prompt(1, image(0), [Text("red"), like_the("right")])
        session.prompt(1, image(0), [click("left", positive=False)])
        kept = session.snapshot()
        told = session.prompt(1, image(0), [click("right")])
    grounder = ColourGrounder()
    with Session(model, grounder=grounder) as restored:
        restored.restore(kept)
        assert restored.snapshot() == kept
        again = restored.prompt(1, image(0), [click("right")])
        assert grounder.looks == []
        text, like, *_ = (r.value for r in restored.prompts)
    np.testing.assert_array_equal(again.logits, told.logits)
    assert text == Text("red")
    assert isinstance(like, Exemplar) and like.source == "shown.png"
    np.testing.assert_array_equal(like.image, image(5).image)
    np.testing.assert_array_equal(like.region, square("right", 5))


def test_what_fails_changes_nothing(model: Nano) -> None:
    with Session(model, grounder=ColourGrounder()) as session:
        session.prompt(1, image(0), [click("left")])
        before = session.snapshot()
        with pytest.raises(NothingFound, match="no detection fits"):
            session.prompt(1, image(0), [Text("blue")])
        with pytest.raises(NothingFound, match="'blue' has 1"):
            session.prompt(2, image(0), [Text("blue"), like_the("left")])
        with pytest.raises(BadPrompt, match="no colour I know"):
            session.prompt(2, image(0), text="green")
        assert session.snapshot() == before
        assert session.object_ids == (1,)


def test_words_without_a_grounder_say_how_to_get_one(model: Nano) -> None:
    with Session(model) as session, pytest.raises(BadPrompt, match="no grounder") as caught:
        session.prompt(1, image(0), text="red")
    assert "--grounder" in str(caught.value.hint)


def test_removed_objects_and_dropped_prompts_leave_the_history(model: Nano) -> None:
    with Session(model, grounder=ColourGrounder(), identity=INDEPENDENT_OBJECTS) as session:
        for t in range(3):
            session.prompt(1, image(t), [click("left")])
        session.prompt(2, image(0), text="blue")
        del session.objects[1].prompts[1]
        session.remove(2)
        assert [(r.object_id, r.frame_index) for r in session.prompts] == [(1, 0), (1, 2)]


def test_words_see_the_frame_beside_where_there_is_a_video(model: Nano) -> None:
    grounder = ColourGrounder()
    config = SceneConfig(height=96, width=160, num_frames=4)
    with SyntheticVideo(config) as video, Session(model, video, grounder=grounder) as session:
        for t in (0, 2):
            with pytest.raises(NothingFound):
                session.prompt(1, t, text="red")
        from_numpy = SessionFrames(model, video, None).adjacent(np.int64(2))
    assert grounder.adjacent == [1, 1]
    assert from_numpy is not None and from_numpy.index == 1


def test_an_exemplar_and_marks_on_the_rendered_scene() -> None:
    """Look-alikes, at the size that is used: the exemplar detects several, the marks say
    which.
    """
    model = load_nano(dtype="float32")
    config = SceneConfig(
        height=192,
        width=320,
        num_frames=12,
        seed=4,
        num_objects=2,
        occluders=0,
        look_alikes=True,
    )
    with SyntheticVideo(config) as video, Session(model, video) as session:
        truth = {k: np.asarray(video.truth(0) == k) for k in (1, 2)}
        like = Exemplar(video.read(8).image, np.asarray(video.truth(8) == 1), "later", 0.3)
        inside = {k: innermost(m) for k, m in truth.items()}
        for k in (1, 2):
            chosen = session.prompt(k, 0, [like], points=[inside[k]])
            assert mask_iou(chosen[k], truth[k]) > 3 * mask_iou(chosen[k], truth[3 - k])
        other = session.prompt(3, 0, [like], points=[inside[1]], labels=[0])
        assert mask_iou(other[3], truth[1]) < 0.2


def test_a_box_minus_a_scribble(model: Nano) -> None:
    """Drawn prompts alone, as ever: what the scribble lies on is left out of the box."""
    line = Scribble(np.array([[112, 28], [116, 36], [124, 44]], np.float32), positive=False)
    with Session(model) as session:
        both = session.prompt(1, image(0), box=(18, 22, 134, 54))[1]
        without = session.prompt(1, image(0), [line])[1]
    right = square("right")
    assert (without & right).sum() < max(1, (both & right).sum())
