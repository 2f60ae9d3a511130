"""Grounders from folders and by name: what is wrong is said before a frame is read."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.detector_models import DETECTORS, saved_detector
from tests.grounder_models import KINDS, bert_tokenizer, clip_tokenizer, saved_grounder
from tests.spoiled_folders import (
    be_another_model,
    be_no_model,
    copied,
    cut_weights,
    holding_no_number,
    losing,
    pickle_weights,
    reshaping,
)
from vseg.build import load_model, loaded_sha256, open_grounder
from vseg.errors import BadPrompt, ModelError, UsageError, WeightsMismatch, WeightsMissing
from vseg.grounding.dino import read_dino
from vseg.grounding.open_vocabulary import OpenVocabulary
from vseg.grounding.owl import CLASSES as OWL
from vseg.grounding.owl import Owl
from vseg.grounding.pretrained import (
    Placement,
    read_image_processor,
    read_pretrained,
    read_tokenizer,
)
from vseg.io.files import sha256_of
from vseg.types import Frame, Grounding, Text
from vseg.weights import memory_check as room

pytestmark = pytest.mark.integration

FRAME = Frame(
    0, None, 0.0, np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)
)
WEIGHT = "model.text_projection.weight"
BIAS = "model.text_projection.bias"
TEXTS = (Text("the red car", 0.02), Text("a dog", 0.02))


@pytest.fixture(scope="module")
def dino(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dino")
    saved_grounder("grounding-dino", folder)
    return folder


@pytest.fixture(scope="module")
def owl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("owl")
    saved_grounder("owlv2", folder)
    return folder


@pytest.fixture
def folder(dino: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return copied(dino, tmp_path)


def assert_alike(one: Grounding, other: Grounding, tolerance: float) -> None:
    assert one.names == other.names
    np.testing.assert_allclose(one.found.boxes, other.found.boxes, atol=tolerance)
    np.testing.assert_allclose(one.found.scores, other.found.scores, atol=tolerance)


def lose_the_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def lose_the_words(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()


def damage_the_words(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{")


def have_other_words(folder: Path) -> None:
    clip_tokenizer(64).save_pretrained(folder)


def lose_the_images(folder: Path) -> None:
    (folder / "processor_config.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "kind", "message"),
    [
        (lose_the_weights, WeightsMissing, r"no model\.safetensors"),
        (pickle_weights, WeightsMissing, r"no model\.safetensors"),
        (cut_weights, WeightsMismatch, "cannot be read"),
        (
            losing(WEIGHT),
            WeightsMismatch,
            r"lacks 1 weights .* model\.text_projection\.weight",
        ),
        (reshaping(BIAS, 5), WeightsMismatch, "cannot be read"),
        (
            holding_no_number(BIAS),
            WeightsMismatch,
            r"'model\.text_projection\.bias' .* not finite",
        ),
        (be_another_model, WeightsMismatch, "'bert' model, which grounds no text"),
        (be_no_model, WeightsMismatch, "does not describe a model"),
        (lose_the_words, WeightsMissing, "no tokenizer in"),
        (damage_the_words, WeightsMismatch, "the tokenizer in .* cannot be read"),
        (have_other_words, WeightsMismatch, "is not of its network"),
        (lose_the_images, WeightsMissing, r"no preprocessor_config\.json"),
    ],
)
def test_a_spoiled_folder_is_refused(
    folder: Path, spoil: Callable[[Path], None], kind: type[ModelError], message: str
) -> None:
    spoil(folder)
    with pytest.raises(kind, match=message) as caught:
        open_grounder(str(folder))
    assert caught.value.hint and str(folder) in str(caught.value)


def test_names_that_are_no_grounder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match=r"unknown grounder 'nano'.*grounding-dino-tiny"):
        open_grounder("nano")
    with pytest.raises(WeightsMissing, match=r"vseg models pull owlv2-base.*--grounder"):
        open_grounder("owlv2-base")
    with pytest.raises(ModelError, match=r"kind grounder.*--grounder"):
        load_model("grounding-dino-tiny")


def test_too_little_memory_is_said_before_loading(
    dino: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "free_bytes", lambda device: 1 << 20)
    with pytest.raises(ModelError, match=r"cpu has 1 MiB free.*grounding-dino-tiny"):
        open_grounder(str(dino))


def test_options_that_are_not_known(dino: Path) -> None:
    with pytest.raises(UsageError, match="unknown dtype"):
        open_grounder(str(dino), dtype="int8")
    with pytest.raises(UsageError, match="not supported"):
        open_grounder(str(dino), device="meta")


def test_the_hash_is_that_of_the_weights(dino: Path) -> None:
    digest = sha256_of(dino / "model.safetensors")
    assert open_grounder(str(dino)).weights_sha256 == digest == loaded_sha256(str(dino))


def test_bfloat16_finds_about_the_same(owl: Path) -> None:
    full, half = (
        open_grounder(str(owl), dtype=dtype).ground(FRAME, TEXTS)
        for dtype in ("float32", "bfloat16")
    )
    np.testing.assert_allclose(half.best, full.best, atol=0.02)
    assert not np.array_equal(half.best, full.best)


def test_files_as_older_releases_wrote_them(owl: Path, tmp_path: Path) -> None:
    """preprocessor_config.json for images; vocab.json and merges.txt for words."""
    before = open_grounder(str(owl)).ground(FRAME, TEXTS)
    folder = copied(owl, tmp_path)
    held = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps(held["vocab"]), "utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", "utf-8")
    config = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps(config | {"tokenizer_class": "CLIPTokenizer"}), "utf-8"
    )
    images = json.loads((folder / "processor_config.json").read_text("utf-8"))[
        "image_processor"
    ]
    images["image_processor_type"] = "Owlv2ImageProcessor"
    (folder / "preprocessor_config.json").write_text(json.dumps(images), "utf-8")
    (folder / "processor_config.json").unlink()
    assert_alike(open_grounder(str(folder)).ground(FRAME, TEXTS), before, 1e-6)


def test_more_phrases_than_one_text_holds_are_asked_in_turn(dino: Path) -> None:
    """Phrases of one text see each other: each text alone is what its phrases are compared
    with.
    """
    detector, _ = read_dino(dino, "small", Placement())
    phrases = (
        "the red car",
        "a dog",
        "a small house on the left",
        "person",
        "cat",
        "a red house",
        "dogs",
    )
    lines = detector.encode(phrases)
    assert len(lines) > 1 and all(len(line.tokens) <= 24 for line in lines)
    for line, after in zip(
        lines, [*(each.first for each in lines[1:]), len(phrases)], strict=True
    ):
        held = phrases[line.first : after]
        for phrase, (begin, end) in zip(held, line.spans, strict=True):
            assert bert_tokenizer().decode(line.tokens[begin:end]) == phrase
    grounder = open_grounder(str(dino))
    whole = grounder.ground(FRAME, [Text(phrase, 0.02) for phrase in phrases])
    first = phrases[: lines[1].first]
    alone = grounder.ground(FRAME, [Text(phrase, 0.02) for phrase in first])
    np.testing.assert_allclose(whole.best[: len(first)], alone.best, atol=1e-6)


@pytest.mark.parametrize(
    ("phrase", "message"),
    [
        ("a car. a dog", "full stop"),
        ("a dog?", "question mark"),
        ("\U0001f415", "no word that is known"),
        ("the " * 30, "30 tokens, more than 21"),
    ],
)
def test_a_phrase_that_grounding_dino_cannot_read(
    dino: Path, phrase: str, message: str
) -> None:
    with pytest.raises(BadPrompt, match=message):
        open_grounder(str(dino)).check([Text(phrase)])


def test_a_phrase_that_is_too_long_for_a_short_text(owl: Path) -> None:
    grounder = open_grounder(str(owl))
    for look in (grounder.check, lambda asked: grounder.ground(FRAME, asked)):
        with pytest.raises(BadPrompt, match="17 tokens, more than 14"):
            look([Text("a very long red dog..")])


@pytest.mark.parametrize("kind", [*KINDS, *DETECTORS])
def test_every_kind_runs_in_bfloat16(tmp_path: Path, kind: str) -> None:
    classed = kind in DETECTORS
    (saved_detector if classed else saved_grounder)(kind, tmp_path)
    asked = (Text("car", 0.02), Text("person", 0.02)) if classed else TEXTS
    said = open_grounder(str(tmp_path), dtype="bfloat16").ground(FRAME, asked)
    assert len(said.found) > 0 and np.isfinite(said.found.boxes).all()
    assert said.found.boxes.dtype == said.found.scores.dtype == np.float64


def test_opening_a_folder_asks_nobody(owl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def refuse(self: socket.socket, address: object) -> None:
        asked.append(address)
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    open_grounder(str(owl)).ground(FRAME, TEXTS)
    assert asked == []


def test_words_are_encoded_once_for_a_set_of_phrases(owl: Path) -> None:
    encoded: list[tuple[str, ...]] = []

    class Counted(Owl):
        def encode(self, phrases: tuple[str, ...]) -> torch.Tensor:
            encoded.append(phrases)
            return super().encode(phrases)

    read = read_pretrained(owl, "owl", OWL, Placement())
    images = read_image_processor(owl, "Owlv2ImageProcessorPil")
    detector = Counted(read, read_tokenizer(owl), images)
    grounder = OpenVocabulary("owl", read.sha256, detector)
    for asked in (TEXTS, TEXTS, TEXTS[:1], TEXTS[:1], TEXTS):
        grounder.ground(FRAME, asked)
    both = tuple(text.phrase for text in TEXTS)
    assert encoded == [both, both[:1], both], "only the last set is kept"
