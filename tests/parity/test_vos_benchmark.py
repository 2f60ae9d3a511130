"""The protocol sav equals vos-benchmark, whose evaluator SA-V's own is, on objects that come
late, go, are invented and are never found.
"""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vseg.metrics.mask_evaluation import evaluate
from vseg.metrics.protocols import SAV

evaluator = pytest.importorskip("vos_benchmark.evaluator")

H = 50
W = 70
NUM_FRAMES = 9


def _labels(t: int, shift: int, present: dict[int, range]) -> np.ndarray:
    labels = np.zeros((H, W), dtype=np.uint8)
    y, x = np.mgrid[:H, :W]
    for number, (object_id, frames) in enumerate(present.items()):
        if t in frames:
            cx, cy = 12 + 18 * number + t + shift, 14 + 8 * number
            labels[(x - cx) ** 2 + (y - cy) ** 2 < (6 + number) ** 2] = object_id
    return labels


TRUTH = {1: range(9), 2: range(4, 8), 3: range(1), 255: range(2, 9)}
# Object 2 is predicted before it is there, 3 is there on a frame that does not count, 255 is
# an object like any other, and 9 is not annotated.
PRED = {1: range(9), 2: range(2, 9), 9: range(9), 3: range(3)}


def _save(folder: Path, shift: int, present: dict[int, range]) -> list[np.ndarray]:
    folder.mkdir(parents=True)
    frames = [_labels(t, shift, present) for t in range(NUM_FRAMES)]
    for t, labels in enumerate(frames):
        image = Image.fromarray(labels)
        image.putpalette([channel for i in range(256) for channel in (i, i, i)])
        image.save(folder / f"{t:05d}.png")
    return frames


def test_objects_that_come_late_or_never(tmp_path: Path) -> None:
    truth = _save(tmp_path / "gt" / "clip", 0, TRUTH)
    pred = _save(tmp_path / "pred" / "clip", 2, PRED)
    peer = evaluator.Evaluator()
    for t in range(1, NUM_FRAMES - 1):
        peer.feed_frame(pred[t], truth[t])
    j, f = peer.conclude()
    ours = evaluate(tmp_path / "gt" / "clip", tmp_path / "pred" / "clip", SAV)
    assert {one.object_id for one in ours.objects} == set(j) == {1, 2, 255}
    for one in ours.objects:
        assert 100 * one.measures.j_mean == pytest.approx(j[one.object_id], abs=1e-9)
        assert 100 * one.measures.f_mean == pytest.approx(f[one.object_id], abs=1e-9)
    assert ours.missing_ids == (255,)
    # Two of its seven frames lie before either side has it.
    assert [one.num_frames for one in ours.objects] == [7, 6, 6]


def test_a_folder_for_each_object_is_the_same(tmp_path: Path) -> None:
    truth = _save(tmp_path / "flat", 0, {1: range(9), 2: range(9)})
    pred = _save(tmp_path / "flat_pred", 2, {1: range(9), 2: range(6)})
    for root, frames in (("gt", truth), ("pred", pred)):
        for object_id in (1, 2):
            folder = tmp_path / root / f"{object_id:03d}"
            folder.mkdir(parents=True)
            for t, labels in enumerate(frames):
                mask = np.where(labels == object_id, 255, 0).astype(np.uint8)
                Image.fromarray(mask).save(folder / f"{t:05d}.png")
    flat = evaluate(tmp_path / "flat", tmp_path / "flat_pred", SAV)
    layered = evaluate(tmp_path / "gt", tmp_path / "pred", SAV)
    assert layered.measures == flat.measures
    assert flat.measures.j_mean < 0.9
