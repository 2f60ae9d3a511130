"""J and F equal TrackEval's on masks of every awkward kind."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jaxtyping import Bool
from PIL import Image

from vseg.metrics.jf import score_frame
from vseg.metrics.mask_evaluation import evaluate, evaluate_object
from vseg.metrics.protocols import DAVIS17

mask_utils = pytest.importorskip("pycocotools.mask")
j_and_f = pytest.importorskip("trackeval.metrics.j_and_f")

# TrackEval and pycocotools predate NumPy 2's copy keyword.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

H = 60
W = 90
RegionMask = Bool[np.ndarray, "H W"]


def _disk(cx: float, cy: float, r: float, shape: tuple[int, int] = (H, W)) -> RegionMask:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.asarray((x - cx) ** 2 + (y - cy) ** 2 <= r * r, dtype=bool)


def _kinds() -> dict[str, RegionMask]:
    rng = np.random.default_rng(0)
    one = np.zeros((H, W), dtype=bool)
    one[30, 40] = True
    corner = np.zeros((H, W), dtype=bool)
    corner[-1, -1] = True
    frame = np.ones((H, W), dtype=bool)
    frame[1:-1, 1:-1] = False
    last_row = np.zeros((H, W), dtype=bool)
    last_row[-1] = True
    return {
        "empty": np.zeros((H, W), dtype=bool),
        "full": np.ones((H, W), dtype=bool),
        "disk": _disk(40, 30, 12),
        "near": _disk(42, 31, 13),
        "top left": _disk(0, 0, 9),
        "bottom right": _disk(W - 1, H - 1, 20),
        "left half": np.asarray(np.mgrid[:H, :W][1] < W // 2, dtype=bool),
        "pixel": one,
        "corner pixel": corner,
        "frame": frame,
        "last row": last_row,
        "noise": np.asarray(rng.random((H, W)) < 0.4, dtype=bool),
        "sparse": np.asarray(rng.random((H, W)) < 0.003, dtype=bool),
    }


def _encode(mask: RegionMask) -> Any:
    return mask_utils.encode(np.asfortranarray(mask.astype(np.uint8)))


def _theirs(pred: RegionMask, truth: RegionMask) -> tuple[float, float]:
    p = [[_encode(pred)]]
    t = [[_encode(truth)]]
    peer = j_and_f.JAndF
    return peer._compute_j(t, p, 1, 1, 1)[0, 0, 0], peer._compute_f(t, p, 0, 0, 0.008)[0]


def test_every_pair_of_awkward_masks() -> None:
    kinds = _kinds()
    for pred_name, pred in kinds.items():
        for truth_name, truth in kinds.items():
            ours = score_frame(pred, truth)
            assert ours == pytest.approx(_theirs(pred, truth), abs=1e-6), (
                pred_name,
                truth_name,
            )


@pytest.mark.parametrize("shape", [(480, 854), (37, 1001), (1080, 1920), (5, 5), (1, 7)])
def test_other_sizes_and_so_other_tolerances(shape: tuple[int, int]) -> None:
    height, width = shape
    pred = _disk(width * 0.5, height * 0.5, height * 0.3, shape)
    truth = _disk(width * 0.5 + height * 0.02, height * 0.52, height * 0.31, shape)
    ours = score_frame(pred, truth)
    assert ours == pytest.approx(_theirs(pred, truth), abs=1e-6)


def _moving(num_frames: int, drift: float) -> list[RegionMask]:
    masks = [_disk(20 + 2 * t + drift * t, 30, 10) for t in range(num_frames)]
    masks[num_frames // 2] = np.zeros((H, W), dtype=bool)
    return masks


@pytest.mark.parametrize("num_frames", [3, 4, 7, 25])
def test_mean_recall_and_decay_of_an_object(num_frames: int) -> None:
    truth = _moving(num_frames, 0.0)
    pred = _moving(num_frames, 0.4)
    theirs = j_and_f.JAndF().eval_sequence(
        {
            "num_timesteps": num_frames,
            "num_tracker_ids": 1,
            "num_gt_ids": 1,
            "gt_ids": [np.array([0])] * num_frames,
            "tracker_ids": [np.array([0])] * num_frames,
            "gt_dets": [[_encode(m)] for m in truth],
            "tracker_dets": [[_encode(m)] for m in pred],
        }
    )
    ours = evaluate_object(pred, truth, DAVIS17.on_all_frames())
    names = ("J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay", "J&F")
    values = (
        ours.j_mean,
        ours.j_recall,
        ours.j_decay,
        ours.f_mean,
        ours.f_recall,
        ours.f_decay,
    )
    assert (*values, ours.jf_mean) == pytest.approx([theirs[name] for name in names], abs=1e-6)


def test_a_tree_with_void_and_three_objects(tmp_path: Path) -> None:
    davis = pytest.importorskip("trackeval.datasets.davis")
    gt_dir = tmp_path / "gt" / "clip"
    pred_dir = tmp_path / "peer" / "mine" / "data" / "clip"
    for t in range(8):
        _save(gt_dir / f"{t:05d}.png", _three_objects(t, 0, void=True))
        _save(pred_dir / f"{t:05d}.png", _three_objects(t, 2, void=False))
    dataset = davis.DAVIS(
        {
            "GT_FOLDER": str(tmp_path / "gt"),
            "TRACKERS_FOLDER": str(tmp_path / "peer"),
            "TRACKERS_TO_EVAL": ["mine"],
            "SEQMAP_FILE": str(_seqmap(tmp_path)),
            "PRINT_CONFIG": False,
        }
    )
    sequence = dataset.get_raw_seq_data("mine", "clip")
    theirs = j_and_f.JAndF().eval_sequence(
        dataset.get_preprocessed_seq_data(sequence, "general")
    )
    ours = evaluate(gt_dir, pred_dir, DAVIS17.on_all_frames())
    assert [one.object_id for one in ours.objects] == [1, 2, 4]
    assert ours.measures.j_mean == pytest.approx(theirs["J-Mean"], abs=1e-6)
    assert ours.measures.f_mean == pytest.approx(theirs["F-Mean"], abs=1e-6)
    assert ours.measures.j_decay == pytest.approx(theirs["J-Decay"], abs=1e-6)
    assert ours.measures.j_mean < 0.95


def _seqmap(folder: Path) -> Path:
    path = folder / "seqmap.txt"
    path.write_text("clip\n")
    return path


def _three_objects(t: int, off: int, *, void: bool) -> np.ndarray:
    labels = np.zeros((H, W), dtype=np.uint8)
    labels[_disk(20 + t, 20 + off, 9)] = 1
    labels[_disk(60 - t + off, 35, 12)] = 2
    if 2 <= t < 6:
        labels[_disk(85, 5, 6 + off)] = 4
    if void:
        labels[15:20, 10:70] = 255
    return labels


def _save(path: Path, labels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(labels)
    image.putpalette([channel for i in range(256) for channel in (i, 255 - i, i // 2)])
    image.save(path)
