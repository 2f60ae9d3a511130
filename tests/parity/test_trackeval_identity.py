"""HOTA, IDF1 and CLEAR equal TrackEval's on random tracks, clip by clip and together."""

from dataclasses import dataclass

import numpy as np
import pytest

from tests.trackeval_sequence import trackeval_sequence
from vseg.metrics.clear import ClearCounts, count_clear
from vseg.metrics.hota import HotaCounts, count_hota
from vseg.metrics.identity_clip import IdentifiedBoxes, IdentityClip, box_clip
from vseg.metrics.idf1 import IdentityCounts, count_identity

trackeval = pytest.importorskip("trackeval")
QUIET = {"PRINT_CONFIG": False}


@dataclass(frozen=True)
class Noise:
    """How far a prediction departs from the truth."""

    missed: float
    invented: float
    switched: float
    shift_px: float


def _clip(seed: int, noise: Noise, num_frames: int = 60, num_objects: int = 7) -> IdentityClip:
    rng = np.random.default_rng(seed)
    at = rng.uniform(0, 300, (num_objects, 2))
    speed = rng.normal(0, 4, (num_objects, 2))
    size = rng.uniform(20, 60, (num_objects, 2))
    names = np.arange(100, 100 + num_objects)
    truth = []
    pred = []
    for _ in range(num_frames):
        at = at + speed
        boxes = np.concatenate([at, at + size], axis=1)
        here = rng.random(num_objects) < 0.85
        truth.append(IdentifiedBoxes(np.flatnonzero(here) + 1, boxes[here]))
        if rng.random() < noise.switched:
            names = rng.permutation(names)
        found = here & (rng.random(num_objects) >= noise.missed)
        moved = boxes[found] + rng.normal(0, noise.shift_px, (int(found.sum()), 4))
        extra = rng.uniform(0, 300, (rng.poisson(noise.invented), 2))
        pred.append(
            IdentifiedBoxes(
                np.concatenate([names[found], 900 + np.arange(len(extra))]),
                np.concatenate([moved, np.concatenate([extra, extra + 30], axis=1)]),
            )
        )
    return box_clip(truth, pred)


def _compare(clips: list[IdentityClip]) -> None:
    peers = [trackeval.metrics.HOTA(), trackeval.metrics.Identity(QUIET)]
    peers.append(trackeval.metrics.CLEAR(QUIET))
    hota, identity, clear = (
        peer.combine_sequences(
            {str(i): peer.eval_sequence(trackeval_sequence(c)) for i, c in enumerate(clips)}
        )
        for peer in peers
    )
    ours = HotaCounts.total([count_hota(clip) for clip in clips]).score()
    theirs = [float(np.mean(hota[name])) for name in ("HOTA", "DetA", "AssA", "LocA")]
    assert (ours.hota, ours.det_a, ours.ass_a, ours.loc_a) == pytest.approx(theirs, abs=1e-6)
    ids = IdentityCounts.total([count_identity(clip) for clip in clips])
    theirs = [float(identity[name]) for name in ("IDF1", "IDP", "IDR")]
    assert (ids.f1, ids.precision, ids.recall) == pytest.approx(theirs, abs=1e-6)
    counts = ClearCounts.total([count_clear(clip) for clip in clips])
    names = ("MOTA", "MOTP", "IDSW", "Frag", "CLR_TP", "CLR_FN", "CLR_FP")
    mine = (counts.mota, counts.motp, counts.switches, counts.fragments)
    totals = (counts.true_positives, counts.false_negatives, counts.false_positives)
    assert (*mine, *totals) == pytest.approx([float(clear[name]) for name in names], abs=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_random_tracks(seed: int) -> None:
    _compare([_clip(seed, Noise(0.1 + 0.05 * seed, 0.5, 0.1, 1.0 + 2.0 * seed))])


def test_crowded_and_wrong() -> None:
    _compare([_clip(11, Noise(0.5, 6.0, 0.5, 12.0), num_objects=20)])


def test_a_perfect_prediction() -> None:
    clip = _clip(3, Noise(0.0, 0.0, 0.0, 0.0))
    _compare([clip])
    assert count_hota(clip).score().hota == pytest.approx(1.0)


def test_several_clips_count_as_one() -> None:
    _compare(
        [_clip(seed, Noise(0.2, 1.0, 0.2, 4.0), num_frames=20 + seed) for seed in range(4)]
    )


@pytest.mark.parametrize("side", ["truth", "prediction"])
def test_one_side_without_any_box(side: str) -> None:
    none = IdentifiedBoxes(np.zeros(0, dtype=np.int64), np.zeros((0, 4)))
    some = IdentifiedBoxes(np.array([5, 6]), np.array([[0.0, 0, 9, 9], [20, 20, 40, 40]]))
    frames = [some] * 5
    empty = [none] * 5
    _compare([box_clip(empty, frames) if side == "truth" else box_clip(frames, empty)])


def test_frames_without_boxes_inside_a_clip() -> None:
    none = IdentifiedBoxes(np.zeros(0, dtype=np.int64), np.zeros((0, 4)))
    some = IdentifiedBoxes(np.array([5, 6]), np.array([[0.0, 0, 9, 9], [20, 20, 40, 40]]))
    swapped = IdentifiedBoxes(some.ids[::-1].copy(), some.boxes)
    _compare([box_clip([some] * 6, [some, none, swapped, some, none, none])])
    _compare([box_clip([some, none, some, none, some, some], [some] * 5 + [swapped])])
