"""Images and words: what is asked of a model, and what it is shown of an object."""

from pathlib import Path

import numpy as np
import pytest

from tests.image_text_models import KINDS, saved_image_text
from vseg.errors import BadPrompt, UsageError, WeightsMismatch, WeightsMissing
from vseg.grounding.image_text import (
    TEMPLATES,
    ImageText,
    best_fits,
    object_crop,
    read_image_text,
)
from vseg.grounding.pretrained import Placement
from vseg.grounding.tags import Tagger
from vseg.types import Frame, MaskCrop, Text

pytestmark = pytest.mark.integration

WORDS = ("car", "dog", "zebra crossing", "tree")
FLOAT = Placement(dtype="float32")


@pytest.fixture(scope="module", params=KINDS)
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> ImageText:
    folder = tmp_path_factory.mktemp(request.param)
    saved_image_text(request.param, folder)
    return read_image_text(folder, "small", FLOAT)


def noise(seed: int, height: int = 80, width: int = 120) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_a_phrase_is_the_mean_of_its_sentences(model: ImageText) -> None:
    every = np.stack([model.sentences([form.format("dog")])[0] for form in TEMPLATES])
    mean = every.mean(axis=0)
    np.testing.assert_allclose(model.words(WORDS)[1], mean / np.linalg.norm(mean), atol=1e-5)
    assert np.ptp(every, axis=0).max() > 1e-3, "the sentences differ"
    assert model.words(WORDS) is model.words(WORDS), "read once"


def test_many_phrases_and_images_are_what_they_are_alone(model: ImageText) -> None:
    phrases = [f"thing {number}" for number in range(40)]
    many = model.words(phrases)
    np.testing.assert_allclose(model.words(phrases[36:37]), many[36:37], atol=1e-5)
    images = [noise(seed) for seed in range(35)]
    np.testing.assert_allclose(model.images(images[34:]), model.images(images)[34:], atol=1e-5)


def test_scores_are_chances_and_the_best_come_first(model: ImageText) -> None:
    scores = model.scores(model.images([noise(0)]), model.words(WORDS))
    assert scores.shape == (1, 4) and ((scores > 0) & (scores < 1)).all()
    assert model.alone or scores.sum() == pytest.approx(1, abs=1e-5)
    fits = best_fits(scores[0], WORDS, 3)
    assert [fit.score for fit in fits] == sorted(scores[0].tolist(), reverse=True)[:3]
    assert fits[0].phrase == WORDS[int(scores[0].argmax())]


def test_a_phrase_too_long_for_the_network_is_refused(model: ImageText) -> None:
    with pytest.raises(BadPrompt, match="tokens, more than"):
        model.words(["x" * 100])


def test_tags_are_words_above_a_threshold_best_first(model: ImageText) -> None:
    frame = Frame(0, None, 0.0, noise(3))
    scores = model.scores(model.images([frame.image]), model.words(WORDS))[0]
    between = float(np.sort(scores)[1:3].mean())
    tags = Tagger(model, WORDS, threshold=between).tags(frame)
    assert tags == tuple(Text(WORDS[place]) for place in np.argsort(-scores)[:2])
    assert Tagger(model, WORDS, threshold=between, most=1).tags(frame) == tags[:1]
    assert Tagger(model, WORDS, threshold=1.0).tags(frame) == ()
    with pytest.raises(UsageError, match="not in"):
        Tagger(model, WORDS, threshold=0.0)


def test_an_object_is_sharp_in_the_middle_of_a_blurred_square() -> None:
    image = noise(1)
    mask = np.zeros((80, 120), bool)
    mask[30:50, 40:80] = True
    full_image = object_crop(image, MaskCrop.of(mask))
    assert full_image.shape == (52, 52, 3), "40 pixels and a margin of 15 % on each side"
    inside = full_image[20:32, 10:42].astype(int)
    np.testing.assert_allclose(inside, image[34:46, 44:76], atol=3)
    assert full_image[:10].std() < 0.5 * image.std()


def test_an_object_at_the_edge_is_squared_with_what_the_edge_shows() -> None:
    image = np.full((40, 60, 3), 90, np.uint8)
    mask = np.zeros((40, 60), bool)
    mask[0:40, 0:3] = True
    full_image = object_crop(image, MaskCrop.of(mask))
    assert full_image.shape == (52, 52, 3) and (full_image == 90).all()


def test_a_folder_that_is_no_such_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"config\.json"):
        read_image_text(tmp_path, "none", FLOAT)
    saved_image_text("clip", tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(WeightsMismatch, match="cannot be read"):
        read_image_text(tmp_path, "damaged", FLOAT)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(WeightsMismatch, match="holds a 'bert' model"):
        read_image_text(tmp_path, "bert", FLOAT)
