"""MaskletAssociator beyond boxes: masks, appearance, their errors; galleries and packed
masks.
"""

import numpy as np
import pytest
from jaxtyping import Bool, Float

from vseg_trackers import (
    Detections,
    GalleryConfig,
    LifecycleConfig,
    MaskletAssociator,
    MaskletConfig,
    PackedMasks,
    Track,
    TrackerError,
)
from vseg_trackers.gallery import Gallery
from vseg_trackers.masks import mask_overlap

LIFE = LifecycleConfig(confirm_hits=1, lost_s=5.0)
RED = [1.0, 0.0, 0.1]
BLUE = [0.0, 1.0, 0.1]


def _tracker() -> MaskletAssociator:
    return MaskletAssociator(MaskletConfig(life=LIFE))


def _ids(tracks: tuple[Track, ...]) -> list[int]:
    return [track.track_id for track in tracks]


def _disc(x: float, y: float, radius: float = 12) -> Bool[np.ndarray, "80 200"]:
    rows, columns = np.mgrid[:80, :200]
    return np.asarray((rows - y) ** 2 + (columns - x) ** 2 <= radius**2)


def _seen(
    time_s: float, boxes: list[list[float]], looks: list[list[float]] | None = None
) -> Detections:
    array: Float[np.ndarray, "N 4"] = np.array(boxes, dtype=float).reshape(-1, 4)
    embeddings = None if looks is None else np.array(looks, dtype=np.float32)
    return Detections(time_s, array, np.full(len(boxes), 0.95), embeddings=embeddings)


def test_packed_masks_keep_every_pixel_and_count_overlap_exactly() -> None:
    rng = np.random.default_rng(0)
    masks = np.stack([_disc(x, y, r) & (rng.random((80, 200)) < 0.7) for x, y, r in
                      ((40, 30, 20), (50, 35, 18), (190, 75, 15), (45, 28, 4))])  # fmt: skip
    packed = PackedMasks.of(masks)
    for mask, (x1, y1, x2, y2), crop in zip(masks, packed.boxes, packed.crops, strict=True):
        back = np.zeros_like(mask)
        back[y1:y2, x1:x2] = crop
        np.testing.assert_array_equal(back, mask)
        assert crop[[0, -1]].any(axis=1).all()
        assert crop[:, [0, -1]].any(axis=0).all()
    rows, columns = np.mgrid[:4, :4].reshape(2, -1)
    found = mask_overlap(
        ([packed.crops[row] for row in rows], packed.boxes[rows, :2]),
        ([packed.crops[column] for column in columns], packed.boxes[columns, :2]),
    )
    common = (masks[rows] & masks[columns]).sum(axis=(1, 2))
    union = (masks[rows] | masks[columns]).sum(axis=(1, 2))
    np.testing.assert_allclose(found, common / union)


def test_an_empty_mask_is_no_place() -> None:
    packed = PackedMasks.of(np.zeros((1, 8, 9), dtype=bool))
    assert packed.boxes.tolist() == [[0, 0, 0, 0]]
    assert (
        mask_overlap((packed.crops, packed.boxes[:, :2]), (packed.crops, packed.boxes[:, :2]))
        == 0
    )
    tracker = _tracker()
    for t in range(3):
        tracker.update(Detections.of_masks(t / 10, packed, np.array([0.95])))


def test_masks_alone_are_tracked() -> None:
    tracker = _tracker()
    for frame in range(20):
        masks = np.stack([_disc(30 + 5 * frame, 20), _disc(150 - 5 * frame, 60)])
        tracks = tracker.update(
            Detections.of_masks(frame / 25, PackedMasks.of(masks), np.full(2, 0.95))
        )
        assert _ids(tracks) == [1, 2]


def _halves(frame: int) -> Bool[np.ndarray, "2 80 200"]:
    """Two triangles that share one bounding box and cross nothing: only masks tell them
    apart.
    """
    rows, columns = np.mgrid[:80, :200]
    inside = (rows >= 20) & (rows < 60) & (columns >= 20 + frame) & (columns < 60 + frame)
    upper = columns - 20 - frame >= rows - 20
    return np.stack([inside & upper, inside & ~upper])


def test_masks_tell_apart_what_boxes_cannot() -> None:
    outcomes = []
    for with_masks in (True, False):
        tracker = _tracker()
        for frame in range(6):
            packed = PackedMasks.of(_halves(frame)[:: -1 if frame % 2 else 1])
            boxes = np.tile(np.array([[20.0 + frame, 20, 60 + frame, 60]]), (2, 1))
            masks = packed if with_masks else None
            tracks = tracker.update(
                Detections(frame / 25, boxes, np.full(2, 0.95), masks=masks)
            )
        outcomes.append(_ids(tracks))
    assert outcomes[0] == [2, 1]  # the last frame's order is turned round
    assert outcomes[1] == [1, 2]


def test_appearance_keeps_identities_apart_when_boxes_swap() -> None:
    """Two objects turn back where they meet: motion alone swaps them, appearance does not."""
    outcomes = []
    for looks in ([RED, BLUE], None):
        tracker = _tracker()
        for frame in range(41):
            x = 100 - abs(20 - frame) * 4.0
            boxes = [[x, 0.0, x + 40, 40.0], [200 - x, 4.0, 240 - x, 44.0]]
            tracks = tracker.update(_seen(frame / 25, boxes, looks))
        outcomes.append(_ids(tracks))
    assert outcomes == [[1, 2], [2, 1]]


def test_an_object_is_known_again_by_its_looks_after_an_absence() -> None:
    for looks, expected in (([RED], [1]), ([BLUE], [2])):
        tracker = _tracker()
        for t in range(10):
            tracker.update(_seen(t / 10, [[0.0, 0, 40, 40]], [RED]))
        assert _ids(tracker.update(_seen(3.0, [[90.0, 30, 130, 70]], looks))) == expected


def test_looks_do_not_reach_further_than_motion() -> None:
    tracker = _tracker()
    for t in range(10):
        tracker.update(_seen(t / 10, [[0.0, 0, 40, 40]], [RED]))
    assert _ids(tracker.update(_seen(1.0, [[1500.0, 0, 1540, 40]], [RED]))) == [2]


def test_frames_without_embeddings_or_masks_may_lie_between() -> None:
    tracker = _tracker()
    for t in range(12):
        looks = [RED, BLUE] if t % 4 == 0 else None
        boxes = [[6.0 * t, 0, 6 * t + 40, 40], [6.0 * t, 60, 6 * t + 40, 100]]
        assert _ids(tracker.update(_seen(t / 10, boxes, looks))) == [1, 2]


def test_a_gallery_knows_every_side_it_was_shown_and_stays_bounded() -> None:
    gallery = Gallery(GalleryConfig(views=3))
    gallery.add(2)
    row = np.array([0])
    other = np.array([1])
    sides = np.eye(4)
    gallery.update(row, sides[:1])
    for _ in range(50):  # a long steady stretch is one view
        gallery.update(row, sides[1:2] + 0.01)
    gallery.update(row, sides[2:3])
    assert gallery.similarity(row, sides[:1])[0] == pytest.approx(1)
    assert gallery.similarity(row, sides[2:3] * 7)[0] == pytest.approx(1)
    gallery.update(row, sides[3:])  # the fourth takes the place of the oldest
    assert gallery.similarity(row, sides[:1])[0] < 0.1
    assert gallery.known.tolist() == [True, False]
    assert gallery.similarity(other, sides[:1])[0] == -1


def test_what_cannot_be_is_refused_by_name() -> None:
    boxes = np.array([[0.0, 0, 4, 4]] * 2)
    scores = np.full(2, 0.9)
    with pytest.raises(TrackerError, match="row 1: embedding of length 0"):
        Detections(0.0, boxes, scores, embeddings=np.array([[1.0, 0], [0, 0]]))
    with pytest.raises(TrackerError, match="row 0: embedding of length nan"):
        Detections(0.0, boxes, scores, embeddings=np.array([[np.nan, 0], [0, 1]]))
    one = PackedMasks.of(np.ones((1, 6, 6), dtype=bool))
    with pytest.raises(TrackerError, match="2 boxes but 1 masks"):
        Detections(0.0, boxes, scores, masks=one)
    crops = (np.ones((2, 3), dtype=bool),)
    with pytest.raises(
        TrackerError, match=r"row 0: mask box \[0, 0, 2, 3\] but a crop of 3 x 2"
    ):
        PackedMasks(9, 9, np.array([[0, 0, 2, 3]]), crops)
    with pytest.raises(
        TrackerError, match=r"row 0: mask box \[7, 0, 10, 2\] leaves the frame of 9 x 9"
    ):
        PackedMasks(9, 9, np.array([[7, 0, 10, 2]]), crops)
    with pytest.raises(TrackerError, match="1 mask boxes but 0 crops"):
        PackedMasks(9, 9, np.array([[7, 0, 10, 2]]), ())
    with pytest.raises(TrackerError, match=r"camera .*nan"):
        Detections(0.0, boxes, scores, camera=np.full((2, 3), np.nan))


def test_sizes_must_stay() -> None:
    tracker = _tracker()
    score = np.array([0.9])
    tracker.update(
        Detections.of_masks(0.0, PackedMasks.of(np.ones((1, 6, 8), dtype=bool)), score)
    )
    with pytest.raises(TrackerError, match="masks of a frame of 9 x 6 pixels after 8 x 6"):
        tracker.update(
            Detections.of_masks(0.1, PackedMasks.of(np.ones((1, 6, 9), dtype=bool)), score)
        )
    tracker.reset()
    tracker.update(_seen(0.0, [[0.0, 0, 9, 9]], [RED]))
    with pytest.raises(TrackerError, match="embeddings of 2 numbers after some of 3"):
        tracker.update(_seen(0.1, [[0.0, 0, 9, 9]], [[1.0, 0.0]]))


def test_a_track_that_is_ended_is_gone() -> None:
    tracker = _tracker()
    boxes = [[0.0, 0, 40, 40], [90.0, 0, 130, 40]]
    tracker.update(_seen(0.0, boxes, [RED, BLUE]))
    tracker.end({1, 7})
    assert _ids(tracker.tracks()) == [2]
    assert _ids(tracker.update(_seen(0.1, boxes, [RED, BLUE]))) == [3, 2]


def test_what_is_known_of_places_decides_after_a_gap() -> None:
    """Two objects swap places between two detections; motion would swap their ids."""
    outcomes = []
    for placed in ({1: (90.0, 0.0, 130.0, 40.0), 2: (2.0, 0.0, 42.0, 40.0)}, None):
        tracker = MaskletAssociator(MaskletConfig(life=LifecycleConfig(confirm_score=1.0)))
        tracker.update(_seen(0.0, [[0.0, 0, 40, 40], [90.0, 0, 130, 40]]))
        later = _seen(1.0, [[0.0, 0, 40, 40], [90.0, 0, 130, 40]])
        outcomes.append(_ids(tracker.update(later, placed, tentative=True)))
    assert outcomes == [[2, 1], [1, 2]]
