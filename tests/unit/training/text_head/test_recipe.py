"""The word head learns what is marked, is not punished for what is not, and never sees what is
kept out.
"""

import json
import zipfile
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from vseg.errors import BadDataset
from vseg.models.nano.encoder import Encoder
from vseg.models.nano.load import load_nano
from vseg.models.nano.text_head.head import load_words
from vseg.models.nano.text_head.head_boxes import Candidates
from vseg.models.nano.text_head.network import STRIDES, WordMap
from vseg.training.config import Optimisation
from vseg.training.loop import Report
from vseg.training.text_head.crops import Crop, CropSampler
from vseg.training.text_head.named_images import NamedImage, load_named, part_of, words_of
from vseg.training.text_head.recipe import (
    TextHeadFiles,
    TextHeadRecipe,
    train_text_head,
    vocabulary,
)
from vseg.training.text_head.scores import PrecisionRecall, matched, pooled
from vseg.training.text_head.stage import TextHeadStage
from vseg.training.text_head.targets import targets_of, text_head_loss

pytestmark = pytest.mark.integration

NAMES = ("object", "car", "person")
HUES = {"car": (200, 30, 30), "person": (30, 60, 200)}


def image_of(rng: np.random.Generator, words: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """A grey ground with one coloured square for each word, and its ids."""
    image = rng.integers(90, 130, (96, 128, 3), dtype=np.uint8)
    ids = np.zeros((96, 128), np.uint8)
    for k, word in enumerate(words):
        x = 8 + 60 * k + int(rng.integers(0, 8))
        y = int(rng.integers(8, 36))
        image[y : y + 40, x : x + 40] = HUES.get(word, (220, 220, 60))
        ids[y : y + 40, x : x + 40] = k + 1
    return image, ids


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """COCO-like images of a car and a person each, an unnamed thing, and a clip of a car."""
    folder = tmp_path_factory.mktemp("packs")
    rng = np.random.default_rng(0)
    labels: dict[str, dict[str, str]] = {}
    with zipfile.ZipFile(folder / "pack.zip", "w") as archive:

        def add(stem: str, words: list[str]) -> None:
            image, ids = image_of(rng, words)
            archive.writestr(
                f"{stem}.webp", cv2.imencode(".webp", image[..., ::-1])[1].tobytes()
            )
            archive.writestr(f"{stem}.png", cv2.imencode(".png", ids)[1].tobytes())

        for k in range(30):
            add(f"still/coco_mix/{k:012d}", ["car", "person"])
            labels[f"still/coco_mix/{k:012d}"] = {"1": "car", "2": "person"}
        add("still/ecssd/0001", ["thing"])
        for t in range(10):
            add(f"video/drive/{t:05d}", ["car"])
            add(f"video/ride/{t:05d}", ["person"])
            labels[f"video/drive/{t:05d}"] = {"*": "car"}
            labels[f"video/ride/{t:05d}"] = {"*": "horse"}
    with zipfile.ZipFile(folder / "words.zip", "w") as archive:
        archive.writestr("labels.json", json.dumps(labels))
        image, ids = image_of(rng, ["car"])
        archive.writestr("still/cars/1.webp", cv2.imencode(".webp", image)[1].tobytes())
        archive.writestr("still/cars/1.png", cv2.imencode(".png", ids)[1].tobytes())
    return folder / "pack.zip", folder / "words.zip"


def test_images_are_named_and_parted(packs: tuple[Path, ...]) -> None:
    images = load_named(packs)
    by_name = {p.name: p for p in images}
    assert by_name["still/coco_mix/000000000003"].words == {
        1: frozenset({"car", "vehicle", "object"}),
        2: frozenset({"person", "object"}),
    }
    assert by_name["still/ecssd/0001"].words == {1: frozenset()}
    assert [p.name for p in images].count("video/drive") == 2, "every eighth frame"
    assert "video/ride" not in by_name, "its masks take in the rider"
    assert {p.name for p in images if p.exhaustive} == {
        f"still/coco_mix/{k:012d}" for k in range(30)
    }
    parts = Counter(part_of(p.name) for p in images if p.exhaustive)
    assert min(parts.values()) >= 1 and parts["train"] > parts["held"]
    assert part_of("still/ecssd/0001") == part_of("video/drive") == "train"
    # The same image is kept out of every set it is in.
    assert part_of("still/coco_lightly/000000000001") == part_of("still/coco_mix/000000000001")
    assert words_of("zebra") == {"zebra", "animal", "object"}


def test_packs_without_names_are_refused(packs: tuple[Path, ...]) -> None:
    with pytest.raises(BadDataset, match=r"labels\.json"):
        load_named(packs[:1])


@pytest.mark.parametrize("stored", ["[]", "{", '{"still/a": "car"}'])
def test_labels_that_are_none_are_refused(tmp_path: Path, stored: str) -> None:
    with zipfile.ZipFile(tmp_path / "words.zip", "w") as archive:
        archive.writestr("labels.json", stored)
    with pytest.raises(BadDataset, match=r"labels\.json in .*words\.zip is wrong"):
        load_named([tmp_path / "words.zip"])


@pytest.mark.parametrize("exhaustive", [True, False])
def test_both_kinds_of_images_are_needed(packs: tuple[Path, ...], exhaustive: bool) -> None:
    some = [p for p in load_named(packs) if p.exhaustive is exhaustive]
    with pytest.raises(BadDataset, match="cannot teach words"):
        CropSampler(some, NAMES, 64)


def test_a_head_is_whole_only_once_its_threshold_is_chosen(
    packs: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("vseg.training.text_head.recipe.precision_recall", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_text_head(RECIPE, TextHeadFiles(packs, tmp_path), lambda *_: None)
    assert (tmp_path / "words.pt").exists() and not list(tmp_path.glob("*.safetensors*"))


def test_a_vocabulary_has_words_with_enough_examples(packs: tuple[Path, ...]) -> None:
    images = load_named(packs)
    assert vocabulary(images, 30, 30) == ("object", "car", "person", "vehicle")
    assert vocabulary(images, 32, 31) == ("object", "car", "vehicle")
    with pytest.raises(BadDataset, match="99 examples"):
        vocabulary(images, 99, 1)


def test_boxes_of_views_hold_the_things(packs: tuple[Path, ...]) -> None:
    crops = CropSampler(load_named(packs), NAMES, 96)
    rng = np.random.default_rng(1)
    seen = 0
    for _ in range(40):
        crop = crops.draw(rng, 0.5)
        assert crop.image.shape == (96, 96, 3) and crop.words.shape == (len(crop.boxes), 3)
        assert crop.words[:, 0].all()
        for box, kind, named in zip(
            crop.boxes.astype(int), crop.words, crop.named, strict=True
        ):
            x1, y1, x2, y2 = box
            assert 0 <= x1 < x2 <= 96 and 0 <= y1 < y2 <= 96
            assert named == kind[1:].any(), (
                "what has no name has no word but the one for anything"
            )
            red, _, blue = crop.image[y1:y2, x1:x2].reshape(-1, 3).astype(int).mean(axis=0)
            if kind[1] and named and red - blue > 30:
                seen += 1
    assert seen > 10


def test_views_repeat(packs: tuple[Path, ...]) -> None:
    crops = CropSampler(load_named(packs), NAMES, 64)
    one, other = (crops.draw(np.random.default_rng(5), 0.5) for _ in range(2))
    assert (one.image == other.image).all() and (one.boxes == other.boxes).all()


def crop(*, exhaustive: bool, named: bool = True) -> Crop:
    """64 pixels; a car of 40 pixels at (8, 8), unknown pixels on the right."""
    unknown = np.zeros((64, 64), bool)
    unknown[:, 56:] = True
    return Crop(
        np.zeros((64, 64, 3), np.uint8),
        np.array([[8, 8, 48, 48]], np.float32),
        np.array([[True, named, False]]),
        np.array([named]),
        unknown,
        exhaustive,
    )


def test_what_is_not_marked_is_absent_only_where_all_is_marked() -> None:
    full, partial, unnamed = (
        targets_of([each], 0)[0]
        for each in (
            crop(exhaustive=True),
            crop(exhaustive=False),
            crop(exhaustive=False, named=False),
        )
    )
    assert np.argwhere(full.answers[0].numpy()).tolist() == [
        [y, x] for y in (2, 3, 4) for x in (2, 3, 4)
    ]
    assert full.words[0, :, 2, 2].tolist() == [1, 1, 0]
    assert full.boxes[0, :, 2, 2].tolist() == [8, 8, 48, 48]
    assert full.known[0, :, 6, 6].all() and not full.known[0, :, 6, 7].any()
    assert partial.known[0, :, 1, 1].all() and not partial.known[0, :, 6, 6].any()
    assert unnamed.known[0, :, 2, 2].tolist() == [True, False, False]
    assert not unnamed.known[0, :, 1, 1].any()


def test_every_box_has_cells_that_answer() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        side = np.exp(rng.uniform(np.log(5), np.log(150), 2))
        x, y = rng.uniform(0, 160 - side)
        box = np.array([[x, y, x + side[0], y + side[1]]], np.float32)
        one = Crop(
            np.zeros((160, 160, 3), np.uint8),
            box,
            np.ones((1, 3), bool),
            np.ones(1, bool),
            np.zeros((160, 160), bool),
            True,
        )
        assert sum(int(level.answers.sum()) for level in targets_of([one], 0)) > 0


def said(view_of: Crop, right: bool) -> list[WordMap]:
    """Maps that say the truth of a crop with certainty, or its opposite."""
    maps = []
    for level, stride in zip(targets_of([view_of], 0), STRIDES, strict=True):
        sign = 1 if right else -1
        n = level.words.shape[-1]
        middle = (torch.arange(n) + 0.5) * stride
        x = middle.expand(n, n)
        y = middle[:, None].expand(n, n)
        x1, y1, x2, y2 = level.boxes[0]
        distances = torch.stack([x - x1, y - y1, x2 - x, y2 - y])[None] * (1 if right else 0.2)
        quality = torch.full((1, n, n), 9.0 * sign)
        maps.append(WordMap(stride, (2 * level.words - 1) * 9.0 * sign, distances, quality))
    return maps


def test_the_loss_is_least_where_the_truth_is_said() -> None:
    one = crop(exhaustive=True)
    targets = targets_of([one], 0)
    good, parts = text_head_loss(said(one, True), targets)
    bad, worse = text_head_loss(said(one, False), targets)
    assert float(good) < 0.01 and float(bad) > 1
    assert all(parts[name] < worse[name] for name in ("words", "box"))


def test_unknown_cells_do_not_count() -> None:
    one = crop(exhaustive=False)
    targets = targets_of([one], 0)
    before, _ = text_head_loss(said(one, True), targets)
    maps = said(one, True)
    maps[0].words[0, :, 6, 3] = 9.0  # says a car is where nothing is known
    after, _ = text_head_loss(maps, targets)
    assert float(after) == pytest.approx(float(before))


def test_precision_recall_and_ap_by_hand() -> None:
    truth = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [50, 50, 54, 54]], np.float64)
    found = Candidates(
        np.array(
            [[0, 0, 10, 9], [0, 0, 10, 8], [50, 50, 54, 54], [21, 0, 30, 10]], np.float64
        ),
        np.array([0.9, 0.8, 0.7, 0.6]),
    )
    curve = matched(found, truth, np.array([True, True, False]))
    assert curve.hits.tolist() == [True, False, True] and curve.total == 2
    assert curve.at(0.85) == (1.0, 0.5)
    assert curve.at(0.5) == pytest.approx((2 / 3, 1.0))
    assert curve.average_precision == pytest.approx((1 + 2 / 3) / 2)
    assert curve.best_threshold == 0.6
    nothing = PrecisionRecall(np.zeros(0), np.zeros(0, bool), 3)
    assert pooled([curve, nothing]).total == 5 and nothing.at(0.5) == (1.0, 0.0)
    assert nothing.average_precision == 0


def test_the_head_learns_and_the_encoder_does_not(packs: tuple[Path, ...]) -> None:
    torch.manual_seed(0)
    encoder = Encoder()
    stage = TextHeadStage(
        encoder, load_named(packs), NAMES, batch=6, side=96, p_exhaustive=0.7
    )
    frozen = [p.clone() for p in encoder.parameters()]
    optimiser = torch.optim.AdamW(stage.groups(2e-3)[0]["params"], lr=2e-3)
    losses = []
    for step in range(25):
        loss, _ = stage.loss(
            stage.batch(np.random.default_rng(step % 3), 0.0), torch.device("cpu")
        )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-3:]) < 0.6 * np.mean(losses[:3])
    assert all((a == b).all() for a, b in zip(frozen, encoder.parameters(), strict=True))


RECIPE = TextHeadRecipe(
    optimisation=Optimisation(
        steps=4, rate=1e-3, warmup_steps=1, dtype="float32", report_every=2
    ),
    batch=2,
    side=64,
    min_instances=15,
    min_images=10,
)


def test_training_writes_a_head_that_nano_can_use(
    packs: tuple[Path, ...], tmp_path: Path
) -> None:
    reports: list[Report] = []
    files = TextHeadFiles(packs, tmp_path / "whole")
    path = train_text_head(RECIPE, files, lambda stage, report: reports.append(report))
    head = load_words(path)
    assert head.words[0] == "object" and {"car", "person"} < set(head.words)
    assert head.encoder_sha256 == load_nano(dtype="float32").encoder_sha256
    assert [report.step for report in reports] == [2, 4]
    again = train_text_head(RECIPE, files, lambda stage, report: reports.append(report))
    assert len(reports) == 2, "what is complete is not trained again"
    for mine, theirs in zip(
        load_words(again).net.parameters(), head.net.parameters(), strict=True
    ):
        assert (mine == theirs).all()


def test_a_named_image_keeps_its_arrays(packs: tuple[Path, ...]) -> None:
    images = list(load_named(packs))
    assert images
    for each in images:
        assert isinstance(each, NamedImage) and each.image.shape[:2] == each.ids.shape
        assert set(each.words) <= set(np.unique(each.ids).tolist())
