"""Where the protocols differ, each difference on the smallest clip that shows it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vseg.errors import BadDataset, UsageError
from vseg.metrics.bootstrap import intervals, paired_intervals
from vseg.metrics.breakdown import attribute_rows, read_attributes, size_rows
from vseg.metrics.jf_scores import DatasetScore, SequenceScore
from vseg.metrics.mask_evaluation import evaluate, evaluate_clips
from vseg.metrics.protocols import DAVIS16, DAVIS17, MOSE, SAV, VOTS, protocol_of

H = 40
W = 60

Boxes = dict[int, tuple[int, int, int, int]]


def write(folder: Path, frames: list[Boxes]) -> Path:
    """Label PNGs; of each object left, top, width, height."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, boxes in enumerate(frames):
        labels = np.zeros((H, W), dtype=np.uint8)
        for object_id, (x, y, width, height) in boxes.items():
            labels[y : y + height, x : x + width] = object_id
        image = Image.fromarray(labels)
        image.putpalette([v for i in range(256) for v in (i, i, i)])
        image.save(folder / f"{number:05d}.png")
    return folder


BOX = (10, 10, 12, 10)
OFF = (16, 10, 12, 10)
"""Half of BOX is in it: J is 1/3."""


def test_which_frames_count(tmp_path: Path) -> None:
    gt = write(tmp_path / "gt", [{}, {1: BOX}, {1: BOX}, {1: BOX}, {1: BOX}])
    pred = write(tmp_path / "pred", [{}, {1: OFF}, {1: BOX}, {1: BOX}, {1: OFF}])
    j = {p.name: evaluate(gt, pred, p).objects[0] for p in (DAVIS17, SAV, MOSE, VOTS)}
    assert {name: one.num_frames for name, one in j.items()} == {
        "davis17": 3,
        "sav": 3,
        "mose": 3,
        "vots": 3,
    }
    assert j["davis17"].measures.j_mean == pytest.approx((1 / 3 + 2) / 3)
    # The prompted frame does not count, the last one does.
    assert j["vots"].measures.j_mean == pytest.approx((2 + 1 / 3) / 3)
    every = evaluate(gt, pred, DAVIS17.on_all_frames())
    assert every.measures.j_mean == pytest.approx((1 + 1 / 3 + 2 + 1 / 3) / 5)


def test_one_foreground_of_davis_2016(tmp_path: Path) -> None:
    other = (40, 10, 12, 10)
    gt = write(tmp_path / "gt", [{1: BOX, 2: other}] * 3)
    swapped = write(tmp_path / "pred", [{1: other, 2: BOX}] * 3)
    assert evaluate(gt, swapped, DAVIS17).measures.j_mean == 0
    assert evaluate(gt, swapped, DAVIS16).measures.j_mean == 1
    assert [one.object_id for one in evaluate(gt, swapped, DAVIS16).objects] == [1]


def test_void_pixels(tmp_path: Path) -> None:
    gt = write(tmp_path / "gt", [{1: BOX, 255: (22, 10, 12, 10)}] * 3)
    pred = write(tmp_path / "pred", [{1: (10, 10, 24, 10)}] * 3)
    assert evaluate(gt, pred, DAVIS17).measures.j_mean == 1
    assert evaluate(gt, pred, VOTS).measures.j_mean == 1
    assert evaluate(gt, pred, MOSE).measures.j_mean == pytest.approx(121 / 241)
    assert [one.object_id for one in evaluate(gt, pred, SAV).objects] == [1, 255]


def test_small_objects_are_measured_more_finely_by_mose(tmp_path: Path) -> None:
    gt = write(tmp_path / "gt", [{1: (10, 10, 3, 3)}] * 3)
    shifted = write(tmp_path / "shifted", [{1: (12, 10, 3, 3)}] * 3)
    big = tmp_path / "big"
    for name, folder in (("gt", gt), ("pred", shifted)):
        for path in sorted(folder.iterdir()):
            labels = np.zeros((480, 640), dtype=np.uint8)
            labels[:H, :W] = np.asarray(Image.open(path))
            (big / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(labels).save(big / name / path.name)
    # 0.008 of the diagonal is 7 px, a tenth of the object's size 1 px.
    assert evaluate(big / "gt", big / "pred").measures.f_mean == 1
    assert evaluate(big / "gt", big / "pred", MOSE).measures.f_mean < 0.8


def test_disappearing_and_reappearing(tmp_path: Path) -> None:
    there, gone = {1: BOX}, {2: (40, 30, 4, 4)}
    both = [{**there, **gone}, {**there, **gone}, gone, gone, {**there, **gone}, there]
    gt = write(tmp_path / "gt", both)
    pred = write(tmp_path / "pred", [{**there, **gone}] * 3 + [gone, {1: OFF, **gone}, there])
    row = evaluate(gt, pred, MOSE).rows(MOSE)[0]
    # Of the two frames without it one is right; the frame where it is back is beside it.
    assert row.presence["disappear"] == pytest.approx((1 / 121 / 2 + 1) / 2, abs=0.01)
    # No pixel of its outline is near enough: J alone counts, smoothed.
    assert row.presence["reappear"] == pytest.approx(61 / 181 / 2)
    second = evaluate(gt, pred, MOSE).rows(MOSE)[1]
    assert second.presence == {"disappear": None, "reappear": None}
    assert evaluate(gt, pred).rows()[0].presence == {}


def test_what_vots_says_of_lost_objects(tmp_path: Path) -> None:
    other = {2: (40, 30, 4, 4)}
    there, away, off = {1: BOX, **other}, {1: (40, 10, 5, 5), **other}, {1: OFF, **other}
    gt = write(tmp_path / "gt", [there] * 5 + [other] * 11)
    pred = write(tmp_path / "pred", [there, there, off, away, other, away] + [other] * 10)
    row = evaluate(gt, pred, VOTS).rows(VOTS)[0]
    assert row.num_frames == 15
    assert row.measures.j_mean == pytest.approx((1 + 1 / 3 + 0 + 0 + 0 + 10) / 15)
    assert row.presence["accuracy"] == pytest.approx((1 + 1 / 3) / 2)
    assert (row.presence["robustness"], row.presence["nre"], row.presence["dre"]) == (
        0.5,
        0.25,
        0.25,
    )
    assert row.presence["adq"] == pytest.approx(10 / 11)


def test_means_over_objects_or_over_clips(tmp_path: Path) -> None:
    two = {1: BOX, 2: (40, 10, 5, 5)}
    write(tmp_path / "gt" / "a", [two] * 4)
    write(tmp_path / "gt" / "b", [{1: BOX}] * 4)
    preds = {
        "a": write(tmp_path / "a", [two] * 4),
        "b": write(tmp_path / "b", [{1: OFF}] * 4),
    }
    third = 1 / 3
    of_objects = evaluate_clips(tmp_path / "gt", preds, DAVIS17)
    assert of_objects.measures.j_mean == pytest.approx((2 + third) / 3)
    of_clips = evaluate_clips(tmp_path / "gt", preds, VOTS)
    assert of_clips.measures.j_mean == pytest.approx((1 + third) / 2)
    assert of_clips.rows()[-1].presence["accuracy"] == pytest.approx((1 + third) / 2)


def test_an_object_never_predicted_is_absent(tmp_path: Path) -> None:
    gt = write(tmp_path / "gt", [{1: BOX, 2: (40, 10, 5, 5)}] * 4)
    score = evaluate(gt, write(tmp_path / "pred", [{1: BOX}] * 4))
    assert [one.measures.j_mean for one in score.objects] == [1, 0]
    assert score.missing_ids == (2,)


def test_an_unknown_protocol_names_the_others() -> None:
    with pytest.raises(UsageError, match="unknown protocol 'coco'"):
        protocol_of("coco")


def clip_score(tmp_path: Path, name: str, num_good: int) -> SequenceScore:
    """A clip of ten counted frames, so many of which are right."""
    gt = write(tmp_path / "gt" / name, [{1: BOX}] * 12)
    frames: list[Boxes] = [{1: BOX}] + [{1: BOX if t < num_good else OFF} for t in range(11)]
    return evaluate(gt, write(tmp_path / f"{num_good}" / name, frames))


def test_intervals_over_clips(tmp_path: Path) -> None:
    good = [9, 8, 10, 6, 9, 7]
    names = "abcdef"
    first = [clip_score(tmp_path, n, k) for n, k in zip(names, good, strict=True)]
    second = [clip_score(tmp_path, n, k - 2) for n, k in zip(names, good, strict=True)]
    one, two = DatasetScore(tuple(first)), DatasetScore(tuple(second))
    found = intervals(one)
    assert found is not None and found["j_mean"].low < one.measures.j_mean
    assert one.measures.j_mean < found["j_mean"].high
    # By the normal approximation, which the bootstrap nears: 1.96 times the standard error.
    shares = np.array([clip.measures.j_mean for clip in first])
    error = 1.96 * shares.std() / np.sqrt(len(shares))
    assert found["j_mean"].high - found["j_mean"].low == pytest.approx(2 * error, rel=0.1)
    gain = paired_intervals(one, two)
    # Every clip loses two frames of ten: paired, there is nothing left to chance.
    assert gain is not None and gain["j_mean"].low == pytest.approx(-2 / 10 * 2 / 3)
    assert gain["j_mean"].high == pytest.approx(-2 / 10 * 2 / 3)
    assert intervals(DatasetScore((first[0],))) is None
    with pytest.raises(BadDataset, match="not scored on the same clips"):
        paired_intervals(one, DatasetScore(tuple(second[:2])))


def test_sizes_and_attributes(tmp_path: Path) -> None:
    tiny, small = (2, 2, 8, 8), (10, 4, 40, 32)
    gt = write(tmp_path / "gt" / "a", [{1: tiny}, {1: tiny}, {1: small}, {}, {1: tiny}, {}])
    pred = write(tmp_path / "a", [{1: tiny}, {1: tiny}, {1: tiny}, {}, {1: tiny}, {}])
    score = DatasetScore((evaluate(gt, pred),))
    rows = {row.name: (row.num_objects, row.num_frames, row.j) for row in size_rows(score)}
    assert rows["small"] == (1, 2, 1.0) and rows["absent"] == (1, 1, 1.0)
    assert rows["medium"][:2] == (1, 1) and rows["medium"][2] < 0.05
    file = tmp_path / "attributes.json"
    file.write_text('{"a": {"1": ["OCC"]}, "other": ["FM"]}')
    named = attribute_rows(score, read_attributes(file))
    assert [row.name for row in named] == ["OCC", "reappears"]
    assert named[0].jf == score.measures.jf_mean
    file.write_text('{"a": ["FM"]}')
    assert attribute_rows(score, read_attributes(file))[0].name == "FM"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "Expecting value"),
        ("[1]", "holds no object of clips"),
        ('{"a": "OCC"}', "has no list of words"),
        ('{"a": {"x": ["OCC"]}}', "a key that is no id"),
        ('{"b": ["OCC"]}', "of none of the scored clips"),
        ('{"a": {"4": ["OCC"]}}', "object 4 of clip 'a', which was not scored"),
    ],
)
def test_attributes_that_do_not_fit(tmp_path: Path, text: str, said: str) -> None:
    gt = write(tmp_path / "gt" / "a", [{1: BOX}] * 3)
    score = DatasetScore((evaluate(gt, write(tmp_path / "a", [{1: BOX}] * 3)),))
    file = tmp_path / "attributes.json"
    file.write_text(text)
    with pytest.raises(BadDataset, match=said):
        attribute_rows(score, read_attributes(file))
