"""A restored tracker goes on with the same bits; what cannot be restored is refused."""

import zlib
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from vseg_trackers import (
    ByteTrack,
    ByteTrackConfig,
    Detections,
    MaskletAssociator,
    OCSort,
    PackedMasks,
    Sort,
    TrackerError,
)

Tracker = Sort | ByteTrack | OCSort | MaskletAssociator
MAKERS: list[Callable[[], Tracker]] = [Sort, ByteTrack, OCSort, MaskletAssociator]


def stream(num_frames: int) -> Iterator[Detections]:
    """Boxes that cross, vanish and come again, with masks and embeddings, unevenly in time."""
    rng = np.random.default_rng(7)
    looks = rng.normal(size=(6, 5))
    for frame in range(num_frames):
        x = 30.0 + 25 * np.arange(6) + np.array([4, -4, 3, -3, 2, 1]) * frame
        there = (x > 5) & (x < 170) & (rng.random(6) < 0.8)
        masks = np.zeros((6, 120, 200), dtype=bool)
        for row, left in enumerate(np.clip(x, 0, 170).astype(int)):
            masks[row, 10 * row : 10 * row + 40, left : left + 25] = True
        kept = np.flatnonzero(there)
        packed = PackedMasks.of(masks[kept])
        yield Detections(
            0.04 * frame + 0.01 * (frame % 3),
            packed.boxes.astype(float),
            rng.uniform(0.3, 1.0, len(kept)),
            np.zeros(len(kept), dtype=np.int64),
            packed,
            looks[kept] + 0.1 * rng.normal(size=(len(kept), 5)),
        )


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("stop", [0, 1, 17])
def test_a_restored_tracker_goes_on_with_the_same_bits(
    make: Callable[[], Tracker], stop: int
) -> None:
    frames = list(stream(40))
    whole = make()
    for detections in frames[:stop]:
        whole.update(detections)
    again = make()
    again.restore(whole.snapshot())
    for detections in frames[stop:]:
        assert again.update(detections) == whole.update(detections)
    assert again.tracks() == whole.tracks()
    assert again.snapshot() == whole.snapshot()


@pytest.mark.parametrize("make", MAKERS)
def test_a_snapshot_is_of_the_live_tracks_alone(make: Callable[[], Tracker]) -> None:
    tracker = make()
    sizes = []
    for detections in stream(400):
        tracker.update(
            Detections(detections.time_s, detections.boxes[:1], detections.scores[:1])
        )
        sizes.append(len(tracker.snapshot()))
    assert max(sizes[200:]) <= 1.2 * max(sizes[:200])


@pytest.mark.parametrize("make", MAKERS)
def test_damage_is_refused_and_changes_nothing(make: Callable[[], Tracker]) -> None:
    tracker = make()
    for detections in stream(5):
        tracker.update(detections)
    payload = tracker.snapshot()
    flipped = bytes([*payload[:-9], payload[-9] ^ 1, *payload[-8:]])
    for spoilt in (b"", payload[:-1], payload[:40], b"x" * 50, flipped):
        with pytest.raises(TrackerError, match="damaged"):
            tracker.restore(spoilt)
    assert tracker.snapshot() == payload


def test_another_tracker_other_settings_and_another_format_are_refused() -> None:
    payload = Sort().snapshot()
    with pytest.raises(TrackerError, match="has the tracker Sort, not OCSort"):
        OCSort().restore(payload)
    with pytest.raises(TrackerError, match="has the config"):
        ByteTrack(ByteTrackConfig(gate=0.5)).restore(ByteTrack().snapshot())
    later = payload[:-4].replace(b'"format": 2', b'"format": 3')
    with pytest.raises(TrackerError, match="has the format 3, not 2"):
        Sort().restore(later + zlib.crc32(later).to_bytes(4, "little"))
