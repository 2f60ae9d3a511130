"""Boxes, scores and labels beside those of the transformers library's own processors and
forward passes.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from tests.grounder_models import SIDE, beside_a_tracker, saved_grounder
from vseg.grounding.dino import read_dino
from vseg.grounding.open_vocabulary import Detector, OpenVocabulary
from vseg.grounding.owl import read_owl
from vseg.grounding.pretrained import Placement
from vseg.grounding.proposals import DetectionRules
from vseg.grounding.sam3_text import read_sam3
from vseg.types import Detections, Frame, Text

pytestmark = pytest.mark.integration

PICTURE = np.random.default_rng(1).integers(0, 255, (50, 80, 3), dtype=np.uint8)
PHRASES = ("The red car", "a dog", "small cat")
KEEP_ALL = 1.0
"""An overlap that makes no two boxes doubles."""


def found(detector: Detector[Any], phrases: tuple[str, ...], threshold: float) -> Detections:
    grounder = OpenVocabulary("small", "0" * 64, detector, DetectionRules(threshold, KEEP_ALL))
    texts = [Text(phrase) for phrase in phrases]
    return grounder.ground(Frame(0, None, 0.0, PICTURE), texts).found


def assert_same(ours: Detections, theirs: dict[str, Any], labels: list[int]) -> None:
    """Theirs are in the order of the queries, ours best first; both inside the image."""
    order = np.argsort(-theirs["scores"].numpy(), kind="stable")
    h, w = PICTURE.shape[:2]
    boxes = np.clip(theirs["boxes"].numpy()[order], 0, [w, h, w, h])
    assert len(order) > 3, "nothing is compared"
    np.testing.assert_allclose(ours.scores, theirs["scores"].numpy()[order], atol=1e-5)
    np.testing.assert_allclose(ours.boxes, boxes, atol=1e-3)
    assert ours.labels.tolist() == [labels[row] for row in order]


@pytest.fixture(scope="module", params=["grounding-dino", "mm-grounding-dino"])
def dino(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("dino")
    net = saved_grounder(request.param, folder, seed=4)  # whose boxes have several phrases
    return folder, net, transformers.GroundingDinoProcessor.from_pretrained(folder)


@torch.no_grad()
def dino_output(net: Any, processor: Any, phrases: tuple[str, ...]) -> Any:
    """The library's output; special tokens, which are no part of a phrase, have no chance."""
    inputs = processor(images=PICTURE, text=[list(phrases)], return_tensors="pt")
    output = net(**inputs)
    special = torch.isin(output.input_ids[0], net.model.special_tokens)
    output.logits[..., : len(special)][..., special] = -torch.inf
    return output


@pytest.mark.parametrize("threshold", [0.02, 0.5])
def test_grounding_dino_with_one_phrase(dino: Any, threshold: float) -> None:
    folder, net, processor = dino
    output = dino_output(net, processor, PHRASES[:1])
    theirs = processor.post_process_grounded_object_detection(
        output, threshold=threshold, text_threshold=0.0, target_sizes=[PICTURE.shape[:2]]
    )[0]
    detector, _ = read_dino(folder, "small", Placement())
    ours = found(detector, PHRASES[:1], threshold)
    assert set(theirs["text_labels"]) == {PHRASES[0].lower()}
    assert_same(ours, theirs, [0] * len(theirs["scores"]))


def test_grounding_dino_gives_each_box_its_phrase(dino: Any) -> None:
    """The library joins the tokens above a threshold; the best token alone tells the
    phrase.
    """
    folder, net, processor = dino
    output = dino_output(net, processor, PHRASES)
    theirs = processor.post_process_grounded_object_detection(
        output, threshold=0.02, text_threshold=0.0, target_sizes=[PICTURE.shape[:2]]
    )[0]
    tokens = output.input_ids[0].tolist()
    stops = [place for place, token in enumerate(tokens) if token == 1012]
    best = output.logits[0].argmax(-1)[output.logits[0].sigmoid().amax(-1) > 0.02]
    labels = [sum(stop < int(token) for stop in stops) for token in best]
    detector, _ = read_dino(folder, "small", Placement())
    assert len(set(labels)) > 1, "all boxes have one phrase"
    assert_same(found(detector, PHRASES, 0.02), theirs, labels)


@pytest.mark.parametrize("phrases", [PHRASES[:1], PHRASES])
def test_owl(tmp_path: Path, phrases: tuple[str, ...]) -> None:
    net = saved_grounder("owlv2", tmp_path)
    processor = transformers.Owlv2Processor.from_pretrained(tmp_path)
    inputs = processor(images=PICTURE, text=[list(phrases)], return_tensors="pt")
    with torch.no_grad():
        output = net(**inputs)
    theirs = processor.post_process_grounded_object_detection(
        output,
        threshold=0.05,
        target_sizes=[PICTURE.shape[:2]],
        text_labels=[list(phrases)],
    )[0]
    inside = (theirs["boxes"][:, 0] < PICTURE.shape[1]) & (
        theirs["boxes"][:, 1] < PICTURE.shape[0]
    )
    theirs = {key: theirs[key][inside] for key in ("boxes", "scores", "labels")}
    detector, _ = read_owl(tmp_path, "small", Placement())
    assert_same(found(detector, phrases, 0.05), theirs, theirs["labels"].tolist())


@torch.no_grad()
def sam3_output(net: Any, tokenizer: Any, phrase: str) -> Any:
    """The library's forward pass; its own image processor wants torchvision, so the pixels are
    made here.
    """
    planes = torch.from_numpy(PICTURE).permute(2, 0, 1)[None]
    pixels = torch.nn.functional.interpolate(
        planes, (SIDE, SIDE), mode="bilinear", antialias=True
    )
    words = tokenizer(phrase, padding="max_length", max_length=32, return_tensors="pt")
    return net(pixel_values=(pixels / 255 - 0.5) / 0.5, **words)


def sam3_instances(output: Any, least: float) -> dict[str, Any]:
    """What the library's post_process_instance_segmentation computes: see the test with
    torchvision.
    """
    h, w = PICTURE.shape[:2]
    scores = (output.pred_logits.sigmoid() * output.presence_logits.sigmoid())[0]
    chances = torch.nn.functional.interpolate(
        output.pred_masks.sigmoid(), (h, w), mode="bilinear", align_corners=False
    )[0]
    keep = scores > least
    boxes = output.pred_boxes[0] * torch.tensor([w, h, w, h])
    return {"scores": scores[keep], "boxes": boxes[keep], "masks": chances[keep] > 0.5}


def visible(theirs: dict[str, Any]) -> dict[str, Any]:
    """Without the instances that have no pixel: to a tracker they are none."""
    seen = theirs["masks"].flatten(1).any(1)
    return {key: value[seen] for key, value in theirs.items()}


@pytest.mark.parametrize("layout", ["sam3", "sam3_video"])
def test_sam3_one_by_one_and_in_batches(tmp_path: Path, layout: str) -> None:
    """Also from a folder as published, which holds the tracker beside the detector."""
    net = saved_grounder("sam3", tmp_path)
    if layout == "sam3_video":
        beside_a_tracker(net, tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    detector, _ = read_sam3(tmp_path, "small", Placement())
    phrases = (*PHRASES, "house", "person", "a red dog")
    together = found(detector, phrases, 0.02)
    for place, phrase in enumerate(phrases):
        theirs = visible(sam3_instances(sam3_output(net, tokenizer, phrase), 0.02))
        alone = found(detector, (phrase,), 0.02)
        assert_same(alone, theirs, [0] * len(theirs["scores"]))
        order = np.argsort(-theirs["scores"].numpy(), kind="stable")
        rows = np.flatnonzero(together.labels == place)
        np.testing.assert_allclose(together.scores[rows], alone.scores, atol=1e-5)
        assert alone.masks is not None and together.masks is not None
        for mine, row, theirs_row in zip(alone.masks, rows, order, strict=True):
            mask = theirs["masks"][theirs_row].numpy()
            assert (mine.paste(*PICTURE.shape[:2]) != mask).mean() < 1e-3
            assert abs(together.masks[row].area - mine.area) <= 2


def test_sam3_beside_its_own_processor(tmp_path: Path) -> None:
    """Pixels and instances of the library's own processor, where torchvision is installed."""
    pytest.importorskip("torchvision", reason="Sam3ImageProcessor wants torchvision")
    net = saved_grounder("sam3", tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    images = transformers.Sam3ImageProcessor(size={"height": SIDE, "width": SIDE})
    processor = transformers.Sam3Processor(images, tokenizer)
    inputs = processor(images=PICTURE, text=PHRASES[0], return_tensors="pt")
    with torch.no_grad():
        output = net(
            pixel_values=inputs["pixel_values"],
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
        )
    theirs = processor.post_process_instance_segmentation(
        output, threshold=0.02, target_sizes=[PICTURE.shape[:2]]
    )[0]
    made = sam3_instances(sam3_output(net, tokenizer, PHRASES[0]), 0.02)
    for key, value in made.items():
        torch.testing.assert_close(value.float(), theirs[key].float(), atol=2e-3, rtol=0)
    detector, _ = read_sam3(tmp_path, "small", Placement())
    theirs = visible(theirs | {"masks": theirs["masks"].bool()})
    assert_same(found(detector, PHRASES[:1], 0.02), theirs, [0] * len(theirs["scores"]))
