"""Detectors of fixed classes, OmDet-Turbo and SAM 3 LiteText beside the library's own forward
passes, processors and post-processing.

The post-processing of RF-DETR and OmDet-Turbo wants torchvision; what it computes is written
here, and that of RF-DETR is compared with the library's own where torchvision is installed.
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import save_file

from tests.detector_models import DETECTORS, NAMES, images_of, saved_detector
from tests.grounder_models import saved_grounder
from tests.parity.test_grounders import (
    KEEP_ALL,
    PICTURE,
    assert_same,
    found,
    sam3_instances,
    sam3_output,
    visible,
)
from tests.text_detector_models import as_timm_names_it
from vseg.errors import WeightsMismatch
from vseg.grounding.class_detector import ClassDetector, read_classes
from vseg.grounding.omdet import read_omdet
from vseg.grounding.open_vocabulary import OpenVocabulary
from vseg.grounding.pretrained import Placement
from vseg.grounding.proposals import DetectionRules
from vseg.grounding.sam3_text import read_sam3
from vseg.types import Detections, Frame, Text

pytestmark = pytest.mark.integration

HW = PICTURE.shape[:2]
CLASSES = [row for row, name in NAMES.items() if name != "N/A"]
LEAST = 0.02


def detected(folder: Path, phrases: tuple[str, ...], threshold: float) -> Detections:
    """Ours, by the detector of classes in a folder, with no two boxes taken for doubles."""
    read = read_classes(folder, "small", Placement())
    detector = read._detector
    assert isinstance(detector, ClassDetector)
    grounder = OpenVocabulary("s", "0" * 64, detector, DetectionRules(threshold, KEEP_ALL))
    return grounder.ground(Frame(0, None, 0.0, PICTURE), [Text(p) for p in phrases]).found


@torch.no_grad()
def output_of(net: Any, kind: str) -> Any:
    return net(pixel_values=images_of(kind)(PICTURE, return_tensors="pt")["pixel_values"])


def pairs_of(output: Any, threshold: float) -> dict[str, Any]:
    """All of a query's classes that reach a threshold, as RF-DETR's processor has them."""
    scores = output.logits[0].sigmoid()
    order = scores.flatten().argsort(descending=True, stable=True)
    order = order[scores.flatten()[order] > threshold]
    query = order // scores.shape[1]
    centre, size = output.pred_boxes[0][query].split(2, dim=-1)
    boxes = torch.cat([centre - size / 2, centre + size / 2], dim=-1)
    theirs: dict[str, Any] = {
        "scores": scores.flatten()[order],
        "labels": order % scores.shape[1],
        "boxes": boxes * torch.tensor([HW[1], HW[0], HW[1], HW[0]]),
    }
    if "pred_masks" in output:
        logits = torch.nn.functional.interpolate(
            output.pred_masks[0][query][None], HW, mode="bilinear", align_corners=False
        )
        theirs["masks"] = logits[0] > 0
    return theirs


def of_class(theirs: dict[str, Any], row: int) -> dict[str, Any]:
    """Only one class; nothing outside the image, and nothing without a pixel."""
    x1, y1, x2, y2 = theirs["boxes"].unbind(1)
    inside = (x1 < HW[1]) & (x2 > 0) & (y1 < HW[0]) & (y2 > 0)
    keep = (theirs["labels"] == row) & inside
    kept = {key: value[keep] for key, value in theirs.items()}
    return visible(kept) if "masks" in kept else kept


def library_pairs(output: Any, kind: str, row: int) -> dict[str, Any]:
    """What the library's post-processing says of one class.

    It keeps the best pairs of a query and a class, as many as there are queries: of one class
    alone these are all.
    """
    if kind.startswith("rf-detr"):
        return pairs_of(output, LEAST)
    alone = SimpleNamespace(logits=output.logits[..., [row]], pred_boxes=output.pred_boxes)
    processor = images_of(kind)
    theirs: dict[str, Any] = processor.post_process_object_detection(
        alone, threshold=LEAST, target_sizes=[HW]
    )[0]
    return theirs | {"labels": theirs["labels"] + row}


@pytest.mark.parametrize("kind", DETECTORS)
def test_every_class_is_as_the_library_has_it(tmp_path: Path, kind: str) -> None:
    output = output_of(saved_detector(kind, tmp_path), kind)
    for row in CLASSES:
        theirs = of_class(library_pairs(output, kind, row), row)
        ours = detected(tmp_path, (NAMES[row],), LEAST)
        assert_same(ours, theirs, [0] * len(theirs["scores"]))
        assert (ours.masks is not None) == (kind == "rf-detr-seg")
        for mine, mask in zip(ours.masks or (), theirs.get("masks", ()), strict=True):
            assert (mine.paste(*HW) != mask.numpy()).mean() < 1e-3


@pytest.mark.parametrize("kind", DETECTORS)
def test_a_box_has_the_best_of_the_classes_that_are_asked_for(
    tmp_path: Path, kind: str
) -> None:
    """The library gives a query every class that it reaches; a tracked object has one."""
    output = output_of(saved_detector(kind, tmp_path), kind)
    names = tuple(NAMES[row] for row in CLASSES)
    ours = detected(tmp_path, names, LEAST)
    scores = output.logits[0][:, CLASSES].sigmoid()
    best = {round(float(row.max()), 5): int(row.argmax()) for row in scores}
    assert len(ours) > 3
    for score, label in zip(ours.scores, ours.labels, strict=True):
        assert best[round(float(score), 5)] == label


def test_rf_detr_beside_its_own_processor(tmp_path: Path) -> None:
    """Pixels, masks and pairs of the library's own, where torchvision is installed."""
    pytest.importorskip("torchvision", reason="RfDetrImageProcessor wants torchvision")
    net = saved_detector("rf-detr-seg", tmp_path)
    processor = transformers.RfDetrImageProcessor.from_pretrained(tmp_path)
    pixels = processor(images=PICTURE, return_tensors="pt")["pixel_values"]
    ours = images_of("rf-detr-seg")(PICTURE, return_tensors="pt")["pixel_values"]
    assert (pixels - ours).abs().max() < 0.05  # a level of 255 is 0.017
    output = output_of(net, "rf-detr-seg")
    told = processor.post_process_instance_segmentation(
        output, threshold=0.3, target_sizes=[HW], return_binary_maps=True, top_k=1000
    )[0]
    pairs = pairs_of(output, 0.3)
    seen = visible(pairs)
    assert len(told["segments_info"]) == len(seen["scores"]) > 3
    labels = [segment["label_id"] for segment in told["segments_info"]]
    assert labels == seen["labels"].tolist()
    assert (told["segmentation"] == seen["masks"]).all()
    boxes = processor.post_process_object_detection(
        output, threshold=0.3, target_sizes=[HW], top_k=1000
    )[0]
    torch.testing.assert_close(boxes["boxes"], pairs["boxes"], atol=1e-3, rtol=0)


PHRASES = ("The red car", "a dog", "small cat")


@torch.no_grad()
def omdet_output(net: Any, folder: Path, phrases: tuple[str, ...]) -> Any:
    """The library's own forward pass on the inputs that its processor makes."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    images = transformers.DetrImageProcessorPil.from_pretrained(folder)
    padded = {"padding": "max_length", "truncation": True, "max_length": 48}
    classes = tokenizer(list(phrases), return_tensors="pt", **padded)
    task = f"Detect {', '.join(sorted(phrases))}."
    tasks = tokenizer([task], return_tensors="pt", **padded)
    return net(
        pixel_values=images(PICTURE, return_tensors="pt")["pixel_values"],
        classes_input_ids=classes["input_ids"],
        classes_attention_mask=classes["attention_mask"],
        tasks_input_ids=tasks["input_ids"],
        tasks_attention_mask=tasks["attention_mask"],
        classes_structure=torch.tensor([len(phrases)]),
    )


@pytest.mark.parametrize("phrases", [PHRASES[:1], PHRASES])
def test_omdet_turbo(tmp_path: Path, phrases: tuple[str, ...]) -> None:
    net = saved_grounder("omdet-turbo", tmp_path)
    output = omdet_output(net, tmp_path, phrases)
    scores = output.decoder_class_logits[0].sigmoid()
    best, labels = scores.max(dim=1)
    centre, size = output.decoder_coord_logits[0].split(2, dim=-1)
    boxes = torch.cat([centre - size / 2, centre + size / 2], dim=-1)
    theirs = {
        "scores": best,
        "boxes": boxes * torch.tensor([HW[1], HW[0], HW[1], HW[0]]),
        "labels": labels,
    }
    detector, _ = read_omdet(tmp_path, "small", Placement())
    assert_same(found(detector, phrases, LEAST), theirs, labels.tolist())
    assert detector.rules == DetectionRules(0.3, 0.5), "the library's"


def test_omdet_turbo_as_published_needs_no_timm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The published folder has its encoder by timm's names, and a configuration without it."""
    monkeypatch.setitem(sys.modules, "timm", None)
    net = saved_grounder("omdet-turbo", tmp_path)
    before = found(read_omdet(tmp_path, "small", Placement())[0], PHRASES, LEAST)
    path = tmp_path / "model.safetensors"
    save_file(as_timm_names_it(net.state_dict()), path, metadata={"format": "pt"})
    config = json.loads((tmp_path / "config.json").read_text("utf-8"))
    del config["backbone_config"]
    config |= {"use_timm_backbone": True, "backbone": "swin_tiny_patch4_window7_224"}
    config["apply_layernorm_after_vision_backbone"] = True
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    after = found(read_omdet(tmp_path, "small", Placement())[0], PHRASES, LEAST)
    np.testing.assert_array_equal(after.scores, before.scores)
    np.testing.assert_array_equal(after.boxes, before.boxes)
    state = as_timm_names_it(net.state_dict())
    del state["vision_backbone.vision_backbone._backbone.layers_1.blocks.0.norm1.weight"]
    save_file(state, path, metadata={"format": "pt"})
    with pytest.raises(WeightsMismatch, match="lacks 1 weights"):
        read_omdet(tmp_path, "small", Placement())
    state["vision_backbone.vision_backbone._backbone.head.weight"] = torch.zeros(2)
    save_file(state, path, metadata={"format": "pt"})
    with pytest.raises(WeightsMismatch, match=r"'head\.weight', which no Swin has"):
        read_omdet(tmp_path, "small", Placement())


def test_sam3_lite_text(tmp_path: Path) -> None:
    """Each phrase alone and all together, as SAM 3."""
    net = saved_grounder("sam3-lite-text", tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    detector, _ = read_sam3(tmp_path, "small", Placement())
    together = found(detector, PHRASES, LEAST)
    for place, phrase in enumerate(PHRASES):
        theirs = visible(sam3_instances(sam3_output(net, tokenizer, phrase), LEAST))
        assert_same(found(detector, (phrase,), LEAST), theirs, [0] * len(theirs["scores"]))
        rows = np.flatnonzero(together.labels == place)
        expected = np.sort(theirs["scores"].numpy())[::-1]
        np.testing.assert_allclose(together.scores[rows], expected, atol=1e-5)
