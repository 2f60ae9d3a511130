"""A prompted object that is small in the frame is decoded again in a crop around it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.scenes import mask_iou
from vseg.config import CropSettings
from vseg.models.nano.model import Nano
from vseg.prompts.simulate import innermost_click, tight_box
from vseg.session.encoded_image import EncodedImage
from vseg.session.image_predictor import ImagePredictor
from vseg.session.prompt_zoom import Zoomed, zoomed
from vseg.session.session import Session
from vseg.tensors import CERTAIN_LOGIT
from vseg.types import Frame, Mask, Points

HW = (192, 256)
DISCS = {"small": (70, 60, 14), "other": (190, 130, 18), "large": (128, 96, 90)}


def frame() -> Frame:
    rng = np.random.default_rng(0)
    pixels = rng.integers(60, 90, (*HW, 3), dtype=np.uint8)
    pixels[disc("small")] = (220, 60, 40)
    pixels[disc("other")] = (40, 70, 230)
    return Frame(0, None, 0.0, pixels)


def disc(name: str) -> np.ndarray:
    x, y, radius = DISCS[name]
    rows, columns = np.mgrid[: HW[0], : HW[1]]
    inside: np.ndarray = (columns - x) ** 2 + (rows - y) ** 2 < radius**2
    return inside


def click(name: str) -> list[Points]:
    return [innermost_click(disc(name))]


def logits(model: Nano, *names: str) -> Tensor:
    """Rough masks on the cells of the frame."""
    h, w = model.map_hw(HW)
    y = ((np.arange(h) + 0.5) * HW[0] / h).astype(int)
    x = ((np.arange(w) + 0.5) * HW[1] / w).astype(int)
    return torch.stack(
        [torch.from_numpy(np.where(disc(n)[y][:, x], 3.0, -5.0)) for n in names]
    )


def known(model: Nano, *names: str) -> Tensor:
    return logits(model, *names).to(model.dtype)


def test_only_what_the_crop_shows_is_decoded_again(model: Nano) -> None:
    before = known(model, "small")
    after = zoomed(model, frame(), [click("small")], before).logits
    changed = (after != before)[0].nonzero()
    assert len(changed)
    # 72 pixels, each encoded as two: a square of 144 costs no more than the frame does.
    x, y, _ = DISCS["small"]
    scale = np.array([before.shape[1] / HW[0], before.shape[2] / HW[1]])
    centre = (np.array([y, x]) + 0.5) * scale
    reach = 36 * scale + 1
    assert (abs(changed.numpy() + 0.5 - centre) <= reach).all()


def test_an_object_that_fills_the_frame_stays_as_it_is(model: Nano) -> None:
    before = known(model, "large")
    assert zoomed(model, frame(), [click("large")], before).logits is before


def test_the_crop_of_a_long_object_is_long(model: Nano) -> None:
    before = torch.full_like(known(model, "small"), -5.0)
    before[:, 2:-2, 4:7] = 3.0
    middle = Points(np.array([[32, 96]], np.float32), np.array([True]))
    fine = zoomed(model, frame(), [[middle]], before).fine[0]
    assert fine is not None, "a square as high as the object would show it no larger"
    assert fine.shape[0] >= 1.15 * before.shape[1]
    # Twice the cells that the frame has would cost more.
    shown = (fine > -CERTAIN_LOGIT).sum()
    assert shown <= before.shape[1] * before.shape[2]


def test_an_empty_mask_stays_empty(model: Nano) -> None:
    before = torch.full_like(known(model, "small"), -5.0)
    assert zoomed(model, frame(), [click("small")], before).logits is before


def test_objects_are_zoomed_on_apart(model: Nano) -> None:
    before = known(model, "small", "large", "other")
    prompts = [click("small"), click("large"), click("other")]
    zoom = zoomed(model, frame(), prompts, before)
    together = zoom.logits
    assert torch.equal(together[1], before[1]) and zoom.fine[1] is None
    for row in (0, 2):
        alone = zoomed(model, frame(), prompts[row : row + 1], before[row : row + 1]).logits
        torch.testing.assert_close(alone, together[row : row + 1], atol=1e-3, rtol=1e-3)


def test_a_mark_far_away_is_in_the_crop_or_there_is_none(model: Nano) -> None:
    before = known(model, "small")
    far = Points(np.array([[250, 185]], np.float32), np.array([False]))
    assert zoomed(model, frame(), [[*click("small"), far]], before).logits is before


def test_a_box_alone_is_not_zoomed_on(model: Nano) -> None:
    before = known(model, "small")
    assert zoomed(model, frame(), [[tight_box(disc("small"))]], before).logits is before


@pytest.mark.integration
def test_what_is_known_by_more_than_positive_marks_is_not_zoomed_on(model: Nano) -> None:
    before = known(model, "small")
    beside = replace(click("small")[0], positive=np.array([False]))
    objects: list[list[Points | Mask]] = [[beside], [Mask(disc("small")), *click("small")]]
    for prompts in objects:
        assert zoomed(model, frame(), [prompts], before).logits is before


def test_a_mask_that_memory_knows_is_corrected_in_the_whole_frame(
    model: Nano, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def counted(model: Nano, image: Frame, objects: object, logits: Tensor) -> Zoomed:
        calls.append(image.index)
        return Zoomed(logits, (None,))

    monkeypatch.setattr("vseg.session.prompt_rounds.zoomed", counted)
    with Session(model, crops=CropSettings(most=0)) as session:
        session.prompt(1, frame(), click("small"))
        session.step(frame())
        session.step(replace(frame(), index=1))
        session.prompt(1, replace(frame(), index=1), click("small"))
    assert calls and set(calls) == {0}


def test_clicked_masks_are_finer(model: Nano) -> None:
    predictor = ImagePredictor(model)
    image = predictor.encode(frame())
    # A crop is not zoomed in on again: what the whole frame alone would give.
    unzoomed = EncodedImage(image.frame, image.features, crop=True)
    for name in ("small", "other"):
        fine = mask_iou(predictor.predict(image, click(name))[1], disc(name))
        coarse = mask_iou(predictor.predict(unzoomed, click(name))[1], disc(name))
        assert fine > coarse + 0.02


def test_a_click_up_to_the_far_edge_of_the_frame_is_of_the_mask(model: Nano) -> None:
    predictor = ImagePredictor(model)
    image = predictor.encode(frame())
    height, width = HW
    for x, y in ((width - 0.25, height - 0.25), (width - 0.25, 100), (100, height - 0.25)):
        assert predictor.predict(image, points=[(x, y)])[1][int(y), int(x)], (x, y)
