"""Reading annotation folders and refusing what does not fit."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Bool
from PIL import Image

from vseg.errors import BadDataset
from vseg.metrics.annotations import LabelFolder, clip_folders, object_folders
from vseg.metrics.jf import score_frame
from vseg.metrics.mask_evaluation import (
    PredictedFrame,
    evaluate,
    evaluate_clips,
    evaluate_object,
)
from vseg.metrics.protocols import DAVIS17

H = 24
W = 32


def _labels(value: int, left: int = 4) -> np.ndarray:
    labels = np.zeros((H, W), dtype=np.uint8)
    labels[6:18, left : left + 10] = value
    return labels


def _write(
    folder: Path, frames: list[np.ndarray], *, palette: bool = True, step: int = 1
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, labels in enumerate(frames):
        image = Image.fromarray(labels)
        if palette:
            image.putpalette([v for i in range(256) for v in (i, i, i)])
        image.save(folder / f"{number * step:05d}.png")
    return folder


def _stream(frames: list[np.ndarray], object_id: int = 1) -> Iterator[PredictedFrame]:
    for index, labels in enumerate(frames):
        yield index, {object_id: np.asarray(labels == object_id, dtype=bool)}


def test_a_perfect_prediction_scores_one(tmp_path: Path) -> None:
    frames = [_labels(1, left=t) for t in range(5)]
    score = evaluate(_write(tmp_path / "clip", frames), _stream(frames))
    assert score.clip == "clip"
    assert score.objects[0].num_frames == 3
    assert score.measures.jf_mean == 1.0


def test_first_and_last_frame_do_not_count(tmp_path: Path) -> None:
    frames = [_labels(1)] * 5
    wrong_ends = [_labels(1, left=20), *frames[1:4], _labels(1, left=20)]
    folder = _write(tmp_path / "clip", frames)
    assert evaluate(folder, _stream(wrong_ends)).measures.j_mean == 1.0
    assert (
        evaluate(folder, _stream(wrong_ends), DAVIS17.on_all_frames()).measures.j_mean == 0.6
    )


def test_grey_zero_and_255_is_one_object(tmp_path: Path) -> None:
    frames = [_labels(0), _labels(255), _labels(255)]
    folder = _write(tmp_path / "clip", frames, palette=False)
    assert [f.object_ids for f in LabelFolder.open(folder)] == [(), (1,), (1,)]
    assert all(f.void is None for f in LabelFolder.open(folder))


def test_grey_ids_keep_255_as_void(tmp_path: Path) -> None:
    labels = _labels(3)
    labels[0, 0] = 255
    frames = list(LabelFolder.open(_write(tmp_path / "clip", [labels], palette=False)))
    assert frames[0].object_ids == (3,)
    assert frames[0].void is not None and int(frames[0].void.sum()) == 1


def test_void_pixels_are_not_held_against_a_prediction(tmp_path: Path) -> None:
    truth = _labels(1)
    pred = _labels(1)
    truth[6:18, 14:18] = 255
    pred[6:18, 14:18] = 1
    folder = _write(tmp_path / "clip", [truth] * 3)
    assert evaluate(folder, _stream([pred] * 3)).measures.j_mean == 1.0


def test_binary_turning_into_ids_is_refused(tmp_path: Path) -> None:
    folder = _write(tmp_path / "clip", [_labels(255), _labels(2)], palette=False)
    with pytest.raises(BadDataset, match=r"00001\.png: holds label 2"):
        list(LabelFolder.open(folder))


def test_sparse_annotation_is_counted_in_video_frames(tmp_path: Path) -> None:
    video = [_labels(1, left=t) for t in range(12)]
    folder = _write(tmp_path / "clip", video[::4], step=4)
    score = evaluate(folder, _stream(video))
    assert (score.objects[0].num_frames, score.measures.jf_mean) == (1, 1.0)


def test_an_object_that_appears_late_is_absent_before(tmp_path: Path) -> None:
    frames = [_labels(0), _labels(0), _labels(2), _labels(2), _labels(2)]
    folder = _write(tmp_path / "clip", frames)
    assert evaluate(folder, _stream(frames, 2)).objects[0].num_frames == 3
    early = [_labels(2)] * 5
    assert evaluate(folder, _stream(early, 2)).measures.j_mean == pytest.approx(2 / 3)


def test_objects_unknown_to_the_annotation_are_not_scored(tmp_path: Path) -> None:
    folder = _write(tmp_path / "gt", [_labels(1)] * 3)
    both = _labels(1)
    both[20:, 20:] = 7
    pred = _write(tmp_path / "pred", [both] * 3)
    score = evaluate(folder, pred)
    assert [one.object_id for one in score.objects] == [1]


def test_a_missing_object_is_named(tmp_path: Path) -> None:
    folder = _write(tmp_path / "clip", [_labels(1)] * 3)
    with pytest.raises(
        BadDataset, match=r"none of the annotated objects \(1\) is ever predicted"
    ):
        evaluate(folder, _stream([_labels(2)] * 3, 2))


@pytest.mark.parametrize(
    ("num_predicted", "message"),
    [(2, r"00002\.png is frame 2 but the prediction ends at frame 1"), (6, "has frame 4")],
)
def test_another_number_of_frames(tmp_path: Path, num_predicted: int, message: str) -> None:
    folder = _write(tmp_path / "clip", [_labels(1)] * 4)
    with pytest.raises(BadDataset, match=message):
        evaluate(folder, _stream([_labels(1)] * num_predicted))


def test_frames_out_of_order_or_left_out(tmp_path: Path) -> None:
    folder = _write(tmp_path / "clip", [_labels(1)] * 4)
    frames = list(_stream([_labels(1)] * 4))
    with pytest.raises(BadDataset, match="from frame 1 back to frame 0"):
        evaluate(folder, [frames[0], frames[1], frames[0]])
    with pytest.raises(BadDataset, match=r"00001\.png is frame 1: the prediction has no such"):
        evaluate(folder, [frames[0], frames[2]])


def test_another_size_names_both(tmp_path: Path) -> None:
    folder = _write(tmp_path / "clip", [_labels(1)] * 3)
    small: Bool[np.ndarray, "H W"] = np.ones((4, 5), dtype=bool)
    with pytest.raises(BadDataset, match=r"00000\.png is 32x24 .* object 1 is 5x4"):
        evaluate(folder, [(0, {1: small})])
    with pytest.raises(BadDataset, match="5x4 but the true one is 32x24"):
        score_frame(small, np.ones((H, W), dtype=bool))


def test_two_frames_are_too_few(tmp_path: Path) -> None:
    folder = _write(tmp_path / "clip", [_labels(1)] * 2)
    with pytest.raises(
        BadDataset,
        match="2 annotated frames, and none of them counts under the protocol davis17",
    ):
        evaluate(folder, _stream([_labels(1)] * 2))


def test_an_annotation_without_objects(tmp_path: Path) -> None:
    folder = _write(tmp_path / "clip", [_labels(0)] * 3)
    with pytest.raises(BadDataset, match="no frame of this annotation shows an object"):
        evaluate(folder, _stream([_labels(1)] * 3))


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    folder = _write(tmp_path / "clip", [_labels(1)] * 2)
    (folder / "00001.png").write_bytes(b"not an image")
    with pytest.raises(BadDataset, match=r"00001\.png is no image"):
        list(LabelFolder.open(folder))
    Image.fromarray(np.zeros((H, W, 3), dtype=np.uint8)).save(folder / "00001.png")
    with pytest.raises(BadDataset, match="mode RGB"):
        list(LabelFolder.open(folder))
    Image.fromarray(np.zeros((H, W + 1), dtype=np.uint8)).save(folder / "00001.png")
    with pytest.raises(BadDataset, match="is 33x24, the frame before is 32x24"):
        list(LabelFolder.open(folder))


def test_places_without_masks(tmp_path: Path) -> None:
    with pytest.raises(BadDataset, match="no PNG masks here"):
        clip_folders(tmp_path)
    with pytest.raises(BadDataset, match="no such folder"):
        clip_folders(tmp_path / "nothing")
    with pytest.raises(BadDataset, match="no PNG masks here"):
        LabelFolder.open(tmp_path)
    with pytest.raises(BadDataset, match="no such folder"):
        LabelFolder.open(tmp_path / "nothing")


def test_two_names_for_one_frame(tmp_path: Path) -> None:
    folder = _write(tmp_path / "clip", [_labels(1)] * 2)
    Image.fromarray(_labels(1)).save(folder / "1.png")
    with pytest.raises(BadDataset, match="are the same frame"):
        LabelFolder.open(folder)


def test_a_davis_tree_gives_rows_for_a_table(tmp_path: Path) -> None:
    frames = [_labels(1)] * 4
    for clip in ("a", "b"):
        _write(tmp_path / "Annotations" / "480p" / clip, frames)
    assert list(clip_folders(tmp_path)) == ["a", "b"]
    two = [(index, {**masks, 9: masks[1]}) for index, masks in _stream(frames)]
    score = evaluate_clips(tmp_path, {"a": _stream(frames), "b": two})
    rows = [(r.clip, r.object_id, r.num_objects, r.num_frames) for r in score.rows()]
    assert rows == [
        ("a", 1, 1, 2),
        ("a", None, 1, 2),
        ("b", 1, 1, 2),
        ("b", None, 1, 2),
        ("all", None, 2, 4),
    ]
    assert score.measures.jf_mean == 1.0
    with pytest.raises(BadDataset, match="no annotation for clip 'c'"):
        evaluate_clips(tmp_path, {"c": _stream(frames)})
    with pytest.raises(BadDataset, match="no scored object"):
        _ = evaluate_clips(tmp_path, {}).measures


def test_streams_of_masks_must_end_together() -> None:
    full = np.ones((H, W), dtype=bool)
    with pytest.raises(BadDataset, match="the prediction ends at frame 2"):
        evaluate_object([full] * 2, [full] * 3)
    with pytest.raises(BadDataset, match="the truth ends at frame 3"):
        evaluate_object(iter([full] * 4), iter([full] * 3))
    with pytest.raises(BadDataset, match="no frame is left"):
        evaluate_object([full] * 2, [full] * 2)


def test_a_compressed_mask_is_refused(tmp_path: Path) -> None:
    """Its edges have ids of their own."""
    labels = np.zeros((30, 40), dtype=np.uint8)
    labels[5:20, 5:20] = 200
    Image.fromarray(labels).save(tmp_path / "00000.png", "JPEG")
    with pytest.raises(BadDataset, match="compressed as JPEG"):
        list(LabelFolder.open(tmp_path))


def test_two_folders_of_one_object_are_refused(tmp_path: Path) -> None:
    for name in ("1", "01"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.ones((4, 4), dtype=bool)).save(tmp_path / name / "00000.png")
    with pytest.raises(BadDataset, match="01 and 1 are the same object"):
        object_folders(tmp_path)
