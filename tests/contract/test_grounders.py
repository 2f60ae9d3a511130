"""What every Grounder promises, checked on all of them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.detector_models import DETECTORS, saved_detector
from tests.grounder_models import KINDS, saved_grounder
from tests.word_head import nano_words
from vseg.build import load_model, open_grounder
from vseg.errors import BadPrompt
from vseg.interfaces.grounder import Grounder
from vseg.interfaces.model import Model
from vseg.session.exemplar import ExemplarGrounder
from vseg.types import ConceptPrompt, Exemplar, Frame, Text

pytestmark = pytest.mark.integration

LEAST = 0.02
"""A threshold that something reaches even where the weights are random."""


@cache
def nano(short_side: int = 128, *, flip: bool = False) -> Model:
    return load_model("nano", dtype="float32", short_side=short_side, flip=flip)


@dataclass(frozen=True)
class Case:
    """A grounder, what it is asked for on `PICTURE`, and what it must refuse.

    trackers: models that may track beside it.
    """

    make: Callable[[Path], Grounder]
    asked: tuple[ConceptPrompt, ...]
    refused: ConceptPrompt
    trackers: Callable[[], tuple[Model, ...]] = lambda: (nano(),)


def _saved(kind: str) -> Callable[[Path], Grounder]:
    def make(folder: Path) -> Grounder:
        (saved_detector if kind in DETECTORS else saved_grounder)(kind, folder)
        return open_grounder(str(folder))

    return make


PICTURE = np.random.default_rng(5).integers(0, 255, (60, 90, 3), dtype=np.uint8)
REGION = Exemplar(PICTURE, np.ones((60, 90), dtype=bool), "noise", LEAST)
WORDS = (Text("the red car", LEAST), Text("dog", LEAST), Text("a small house", LEAST))
CLASSES = (Text("the car", LEAST), Text("people", LEAST), Text("hot dogs", LEAST))
CASES = {kind: Case(_saved(kind), WORDS, REGION) for kind in KINDS}
CASES |= {kind: Case(_saved(kind), CLASSES, Text("a red car")) for kind in DETECTORS}
LEFT = np.broadcast_to(np.arange(90) < 40, (60, 90)) & (np.arange(60)[:, None] > 3)


CASES["exemplar"] = Case(
    lambda folder: ExemplarGrounder(nano()),
    (REGION, Exemplar(PICTURE, LEFT, "half", LEAST)),
    WORDS[0],
    lambda: (nano(), nano(flip=True)),
)
# A random head is a little sure of everything: each candidate above the threshold is decoded.
CASES["nano-words"] = Case(
    nano_words,
    tuple(Text(words, 0.08) for words in ("red objects", "people", "car")),
    REGION,
    lambda: (nano(), nano(96), nano(flip=True)),
)


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture(scope="module")
def grounder(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Grounder:
    """One grounder of each kind for all tests: none may be left in a state that spoils the
    next.
    """
    return case.make(tmp_path_factory.mktemp("grounder"))


def frame(image: np.ndarray = PICTURE) -> Frame:
    return Frame(0, None, 0.0, image)


def test_says_which_one_it_is(grounder: Grounder) -> None:
    assert isinstance(grounder, Grounder)
    assert grounder.name and len(grounder.weights_sha256) == 64
    assert 0 < grounder.threshold <= 1


def test_what_it_finds_is_well_formed(grounder: Grounder, case: Case) -> None:
    grounder.check(case.asked)
    said = grounder.ground(frame(), case.asked)
    found, (h, w) = said.found, PICTURE.shape[:2]
    assert len(found) > 0 and len(said.names) == len(found)
    x1, y1, x2, y2 = found.boxes.T
    assert (found.boxes >= 0).all() and (x1 < x2).all() and (y1 < y2).all()
    assert (x2 <= w).all() and (y2 <= h).all()
    assert (np.diff(found.scores) <= 0).all(), "best first"
    assert ((found.scores >= LEAST) & (found.scores <= 1)).all()
    assert ((found.labels >= 0) & (found.labels < len(case.asked))).all()
    assert (
        said.best.shape == (len(case.asked),) and ((said.best >= 0) & (said.best <= 1)).all()
    )
    for label, score in zip(found.labels, found.scores, strict=True):
        assert said.best[label] >= score
    if found.masks is not None:
        assert len(found.masks) == len(found)
        assert all(mask.area > 0 for mask in found.masks)
        assert all(mask.paste(h, w).sum() == mask.area for mask in found.masks)


def test_names_are_the_phrases(grounder: Grounder, case: Case) -> None:
    said = grounder.ground(frame(), case.asked)
    assert len(said.found)
    for label, name in zip(said.found.labels, said.names, strict=True):
        asked = case.asked[label]
        assert not isinstance(asked, Text) or name == asked.phrase


def test_what_was_asked_before_changes_nothing(grounder: Grounder, case: Case) -> None:
    first = grounder.ground(frame(), case.asked)
    grounder.ground(frame(PICTURE[::-1, :50].copy()), case.asked[:1])
    grounder.ground(frame(), case.asked[::-1])
    again = grounder.ground(frame(), case.asked)
    np.testing.assert_array_equal(again.found.boxes, first.found.boxes)
    np.testing.assert_array_equal(again.found.scores, first.found.scores)
    np.testing.assert_array_equal(again.best, first.best)
    assert again.names == first.names


def test_the_order_of_descriptions_is_that_of_the_labels(
    grounder: Grounder, case: Case
) -> None:
    forth, back = (grounder.ground(frame(), asked) for asked in (case.asked, case.asked[::-1]))
    np.testing.assert_allclose(back.best[::-1], forth.best, atol=1e-5)
    mirrored = len(case.asked) - 1 - back.found.labels
    np.testing.assert_allclose(back.found.scores, forth.found.scores, atol=1e-5)
    assert sorted(mirrored.tolist()) == sorted(forth.found.labels.tolist())


def test_each_description_has_its_own_threshold(grounder: Grounder, case: Case) -> None:
    before = grounder.ground(frame(), case.asked)
    strict = (replace(case.asked[0], threshold=1.0), *case.asked[1:])
    after = grounder.ground(frame(), strict)
    assert 0 not in after.found.labels
    np.testing.assert_allclose(after.best, before.best, atol=1e-6)
    if len(strict) > 1:
        assert len(after.found) > 0, "the others are found as before"


def test_nothing_asked_is_nothing_found(grounder: Grounder) -> None:
    said = grounder.ground(frame(), ())
    assert len(said.found) == 0 and said.best.shape == (0,) and said.names == ()


def test_features_of_another_model_change_nothing(grounder: Grounder, case: Case) -> None:
    """Whoever tracks may give its features; a grounder uses its own model's and no other's."""
    alone = grounder.ground(frame(), case.asked)
    for model in case.trackers():
        features = model.encode([frame()])[0]
        beside = grounder.ground(frame(), case.asked, features, frame())
        np.testing.assert_array_equal(beside.found.scores, alone.found.scores)
        np.testing.assert_array_equal(beside.found.boxes, alone.found.boxes)


def test_it_refuses_what_it_cannot_ground(grounder: Grounder, case: Case) -> None:
    with pytest.raises(BadPrompt) as caught:
        grounder.check((*case.asked, case.refused))
    assert caught.value.hint
