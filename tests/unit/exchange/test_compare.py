"""What counts as a change by somebody else, and what does not."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from vseg.exchange.compare import ChangeKind, Comparison, compare, renumber, renumbered
from vseg.exchange.sidecar import frame_ranges
from vseg.exchange.spool import MaskSpool
from vseg.ops.outline import mask_of_rings, polygons_of
from vseg.types import MaskCrop, VideoInfo

VIDEO = VideoInfo("park.mp4", 200, 200, Fraction(25), 50)


def ellipse(x: float, y: float, size: float = 80) -> MaskCrop:
    rows, columns = np.mgrid[:200, :200]
    inside = ((columns - x) / size) ** 2 + ((rows - y) / (size * 0.6)) ** 2 < 1
    return MaskCrop.of(inside)


def masks(
    *crops: tuple[int, int, MaskCrop], labels: dict[int, str] | None = None
) -> MaskSpool:
    spool = MaskSpool("park", VIDEO)
    for frame, obj, crop in crops:
        spool.add(frame, obj, crop)
    spool.labels.update(labels or {})
    return spool


def compared(before: MaskSpool, after: MaskSpool) -> Comparison:
    with before, after:
        return compare(before, after)


def test_the_same_masks_are_no_change() -> None:
    crops = [(0, 1, ellipse(100, 100)), (1, 1, MaskCrop.empty()), (2, 2, ellipse(90, 80))]
    found = compared(masks(*crops), masks(*crops))
    assert found.is_same and found.same == 2 and found.frames == 3


@pytest.mark.parametrize(
    "rounded",
    [
        lambda crop: mask_of_rings(polygons_of(crop, 1.0), 200, 200),
        lambda crop: mask_of_rings([r.round(0) + 0.5 for r in polygons_of(crop)], 200, 200),
        lambda crop: MaskCrop(crop.x + 1, crop.y, crop.mask),
    ],
    ids=["simplified", "half a pixel off", "a pixel off"],
)
def test_a_rounded_outline_is_no_change(rounded: Callable[[MaskCrop], MaskCrop]) -> None:
    crop = ellipse(100, 100)
    found = compared(masks((3, 1, crop)), masks((3, 1, rounded(crop))))
    assert found.is_same and found.same + found.rounded == 1


def test_a_bite_out_of_a_large_mask_is_a_change() -> None:
    crop = ellipse(100, 100)
    bitten = crop.mask.copy()
    bitten[40:46, :8] = False
    assert bitten.sum() > 0.99 * crop.area, "an IoU of the whole would not show it"
    found = compared(masks((3, 1, crop)), masks((3, 1, MaskCrop(crop.x, crop.y, bitten))))
    assert [(c.frame, c.object_id, c.kind) for c in found.changes] == [
        (3, 1, ChangeKind.MOVED)
    ]


def test_what_is_gone_or_new_or_named_is_told_apart() -> None:
    crop = ellipse(100, 100)
    before = masks((3, 1, crop), (4, 1, crop), (5, 2, crop), labels={1: "dog", 2: "cat"})
    after = masks((3, 1, crop), (5, 2, crop), (5, 9, crop), labels={1: "wolf", 2: "cat"})
    after.add_frame(4)
    found = compared(before, after)
    kinds = [(c.frame, c.object_id, c.kind) for c in found.changes]
    assert kinds == [(4, 1, ChangeKind.DELETED), (5, 9, ChangeKind.ADDED)]
    assert found.labels == {1: "wolf"}
    assert found.of(1, ChangeKind.DELETED) == [4] and found.objects() == (1, 9)


def test_a_frame_that_the_file_does_not_speak_of_is_not_compared() -> None:
    crop = ellipse(100, 100)
    found = compared(masks((3, 1, crop), (4, 1, crop)), masks((4, 1, crop)))
    assert found.is_same and found.frames == 1


def test_numbers_that_another_program_gave_are_recognised() -> None:
    one = [(frame, ellipse(80, 80 + frame)) for frame in range(5)]
    two = [(frame, ellipse(120, 120 - frame, 50)) for frame in range(5)]
    with (
        masks(*[(f, 1, c) for f, c in one], *[(f, 2, c) for f, c in two]) as before,
        masks(*[(f, 2, c) for f, c in one], *[(f, 1, c) for f, c in two]) as swapped,
        masks(*[(f, 1, c) for f, c in one], *[(f, 8, c) for f, c in two]) as moved,
        masks(*[(f, 2, c) for f, c in one], *[(f, 3, c) for f, c in one]) as doubled,
    ):
        assert renumbered(before, before) == {}
        assert renumbered(before, swapped) == {2: 1, 1: 2}
        assert renumbered(before, moved) == {8: 2}
        renumber(swapped, {2: 1, 1: 2})
        assert compare(before, swapped).is_same and swapped.object_ids == (1, 2)
        numbers = renumbered(before, doubled)
        assert list(numbers.values()) == [1], "only one can be the object"
        renumber(doubled, numbers)
        assert 1 in doubled.object_ids and len(doubled.object_ids) == 2


def test_frames_are_kept_as_ranges() -> None:
    frames = [0, 1, 2, 5, 10, 15, 16]
    ranges = frame_ranges(frames)
    assert [frame for bounds in ranges for frame in range(*bounds)] == frames
    assert frame_ranges(range(3, 1000, 4)) == [(3, 1000, 4)]
    assert frame_ranges([]) == []
