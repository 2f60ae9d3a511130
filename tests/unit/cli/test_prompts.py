"""Prompts as typed: what each form means, and how a mistake is answered."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vseg.errors import BadPrompt, UsageError, VsegError
from vseg.prompts.parse import (
    parse_boxes,
    parse_exemplars,
    parse_labels,
    parse_masks,
    parse_points,
    parse_prompts,
    parse_scribbles,
)
from vseg.prompts.timecode import parse_range, parse_timecode
from vseg.types import Box, Exemplar, Mask, Points, Scribble, Timecode


@pytest.mark.parametrize(
    ("spec", "object_id", "at", "positive"),
    [
        ("412,220", 1, Timecode(frame=0), True),
        ("412,220-", 1, Timecode(frame=0), False),
        ("3:412,220+", 3, Timecode(frame=0), True),
        ("3@30:412,220", 3, Timecode(frame=30), True),
        ("3@1.25s:412,220-", 3, Timecode(time_s=1.25), False),
        ("@2s:412,220", 1, Timecode(time_s=2.0), True),
    ],
)
def test_point_forms(spec: str, object_id: int, at: Timecode, positive: bool) -> None:
    (request,) = parse_points([spec])
    assert (request.object_id, request.at) == (object_id, at)
    assert isinstance(request.value, Points)
    assert request.value.xy.tolist() == [[412, 220]]
    assert request.value.positive.tolist() == [positive]


def test_box_and_scribble_forms() -> None:
    (box,) = parse_boxes(["2@30:10,20,200.5,300"])
    assert (box.object_id, box.at, box.value) == (
        2,
        Timecode(frame=30),
        Box(10.0, 20.0, 200.5, 300.0),
    )
    (line,) = parse_scribbles(["10,20 30,40 50,60-"])
    assert isinstance(line.value, Scribble)
    assert line.value.xy.shape == (3, 2)
    assert not line.value.positive


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("point", "412"),
        ("point", "a,b"),
        ("point", "1@:4,5"),
        ("point", "1@soon:4,5"),
        ("point", "0:4,5"),
        ("point", "nan,4"),
        ("box", "1,2,3"),
        ("box", "200,20,10,300"),
        ("scribble", ""),
        ("label", "person"),
        ("label", "0=person"),
        ("label", "1="),
    ],
)
def test_a_malformed_prompt_is_refused_with_a_hint(kind: str, spec: str) -> None:
    parse = {
        "point": parse_points,
        "box": parse_boxes,
        "scribble": parse_scribbles,
        "label": parse_labels,
    }[kind]
    with pytest.raises(VsegError):
        list(parse([spec]))


def test_labels() -> None:
    assert parse_labels(["1=person", "2=red ball"]) == {1: "person", 2: "red ball"}
    assert parse_labels(["1=person:anna"]) == {1: "person:anna"}
    for spec in ("1=person:", "1=:anna", "1=:"):
        with pytest.raises(UsageError, match="is not OBJ=class"):
            parse_labels([spec])
    with pytest.raises(UsageError, match="object 1 has two labels: 'person' and 'dog'"):
        parse_labels(["1=person", "1=dog"])
    with pytest.raises(UsageError, match="is not OBJ=class"):
        parse_labels(["\u00b2=person"])


def test_an_example_may_lie_in_a_file_with_an_equals_sign(tmp_path: Path) -> None:
    path = save(tmp_path / "frame=1.png", np.full((8, 10, 3), 90), "RGB")
    (request,) = parse_exemplars([f"{path}:1,1,6,6=0.4"])
    assert isinstance(request.value, Exemplar)
    assert request.value.threshold == 0.4
    (request,) = parse_exemplars([f"{path}:1,1,6,6"])
    assert isinstance(request.value, Exemplar)
    assert request.value.threshold is None


def save(path: Path, values: np.ndarray, mode: str) -> Path:
    """A mask image of the given mode."""
    image = Image.fromarray(values.astype(np.uint8))
    if mode == "P":
        image = image.convert("L")
        image.putpalette([value for grey in range(256) for value in (grey, grey, grey)])
    elif mode != "L":
        image = image.convert(mode)
    image.save(path)
    return path


def test_a_label_image_gives_one_object_per_value(tmp_path: Path) -> None:
    values = np.zeros((8, 10))
    values[1:3, 1:3], values[4:6, 4:6], values[7, 9] = 1, 2, 255
    path = save(tmp_path / "a.png", values, "P")
    requests = list(parse_masks([f"@5:{path}"]))
    assert [(r.object_id, r.at) for r in requests] == [
        (1, Timecode(frame=5)),
        (2, Timecode(frame=5)),
    ]
    masks = [r.value.mask for r in requests if isinstance(r.value, Mask)]
    assert [int(m.sum()) for m in masks] == [4, 4]
    (only,) = parse_masks([f"2:{path}"])
    assert only.object_id == 2
    with pytest.raises(BadPrompt, match="no object 7"):
        list(parse_masks([f"7:{path}"]))


@pytest.mark.parametrize("mode", ["L", "1"])
def test_a_black_and_white_image_is_one_object(tmp_path: Path, mode: str) -> None:
    values = np.zeros((8, 10))
    values[1:3, 1:3] = 255
    path = save(tmp_path / "odd name: @1.png", values, mode)
    (request,) = parse_masks([str(path)])
    assert request.object_id == 1
    (named,) = parse_masks([f"4:{path}"])
    assert named.object_id == 4


def test_a_mask_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not an image")
    empty = save(tmp_path / "empty.png", np.zeros((4, 4)), "L")
    colour = tmp_path / "colour.png"
    Image.new("RGB", (4, 4), (200, 30, 30)).save(colour)
    for path in (tmp_path / "none.png", tmp_path / "text.png", empty, colour):
        with pytest.raises(BadPrompt, match=path.name):
            list(parse_masks([str(path)]))


def test_all_kinds_together_keep_their_order() -> None:
    kinds = [type(r.value) for r in parse_prompts(["1,2"], ["1,2,3,4"], ["1,2 3,4"], [])]
    assert kinds == [Points, Box, Scribble]


def test_moments_and_ranges() -> None:
    assert parse_timecode("0.5s") == Timecode(time_s=0.5)
    assert parse_range("2s:300") == (Timecode(time_s=2.0), Timecode(frame=300))
    assert parse_range(":") == (Timecode(frame=0), None)
    for bad in ("30", "a:b", "-3:4"):
        with pytest.raises(UsageError):
            parse_range(bad)
