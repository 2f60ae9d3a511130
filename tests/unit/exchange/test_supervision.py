"""Masks as the supervision package takes them.

The package is no dependency: `pip install supervision` runs what is skipped here.
"""

import sys

import numpy as np
import pytest

from vseg.errors import UsageError
from vseg.exchange.supervision import to_supervision
from vseg.frame_masks import FrameMasks
from vseg.types import Frame

FRAME = Frame(0, None, 0.0, np.full((40, 60, 3), 90, dtype=np.uint8))
LABELS = {2: "person", 7: "dog"}


@pytest.fixture
def masks() -> FrameMasks:
    """Objects 2, 7 and 9, and object 4, which is not in the image."""
    by_id = {obj: np.zeros((40, 60), dtype=bool) for obj in (2, 4, 7, 9)}
    by_id[2][5:20, 3:13] = True
    by_id[7][10:30, 30:50] = True
    by_id[9][35:38, 0:9] = True
    return FrameMasks.of(FRAME, by_id, {2: 0.5, 7: 0.75, 9: 0.25})


def test_a_missing_package_says_how_to_get_it(
    masks: FrameMasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(UsageError, match="pip install supervision"):
        to_supervision(masks)


def test_the_objects_of_a_frame_are_its_detections(masks: FrameMasks) -> None:
    supervision = pytest.importorskip("supervision", reason="pip install supervision")
    found = to_supervision(masks, LABELS)
    assert isinstance(found, supervision.Detections) and len(found) == 3
    assert found.tracker_id.tolist() == [2, 7, 9], "what has no mask is no detection"
    assert found.xyxy.tolist() == [[3, 5, 13, 20], [30, 10, 50, 30], [0, 35, 9, 38]]
    assert found.confidence.tolist() == [0.5, 0.75, 0.25]
    assert found.data["class_name"].tolist() == ["person", "dog", "object"]
    assert found.class_id.tolist() == [2, 0, 1]
    np.testing.assert_array_equal(found.mask, masks.only([2, 7, 9]).masks)
    assert found[found.class_id == 0].tracker_id.tolist() == [7]


def test_an_annotator_draws_them(masks: FrameMasks) -> None:
    supervision = pytest.importorskip("supervision", reason="pip install supervision")
    found = to_supervision(masks)
    assert found.class_id is None and "class_name" not in found.data
    annotator = supervision.MaskAnnotator(color_lookup=supervision.ColorLookup.TRACK)
    drawn = annotator.annotate(FRAME.image.copy(), found)
    changed = (drawn != FRAME.image).any(axis=-1)
    np.testing.assert_array_equal(changed, masks.masks.any(axis=0))


def test_a_frame_without_objects_has_no_detection() -> None:
    pytest.importorskip("supervision", reason="pip install supervision")
    empty = to_supervision(FrameMasks.empty(FRAME), LABELS)
    assert len(empty) == 0 and empty.mask.shape == (0, 40, 60)
