"""X-AnyLabeling's own client class, in its own environment, against the service."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.scenes import mask_iou, two_objects
from tests.served import service_process
from tests.tool_environments import run_in_tool, tool_python
from vseg.ops.outline import mask_of_rings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # an environment is made

HW = (96, 160)
FRAMES = 5


def truth(index: int) -> np.ndarray:
    return np.asarray(two_objects(FRAMES).draw(index).labels == 1)


def point_on(index: int) -> dict[str, object]:
    ys, xs = np.nonzero(truth(index))
    return {"type": "point", "data": [int(np.median(xs)), int(np.median(ys))], "label": 1}


def mask_of(shapes: list[dict[str, list[list[float]]]]) -> np.ndarray:
    return mask_of_rings([np.array(shape["points"]) for shape in shapes], *HW).paste(*HW)


def test_the_tool_clicks_names_and_tracks(root: Path, tmp_path: Path) -> None:
    python = tool_python("x_anylabeling")
    folder = tmp_path / "frames"
    folder.mkdir()
    for index in range(FRAMES):
        image = Image.fromarray(two_objects(FRAMES).read(index).image)
        image.save(folder / f"{index:03d}.png")
    asked = {
        "marks": [point_on(0), {"type": "point", "data": [2, 2], "label": 0}],
        "words": "person, car",
        "video_marks": [point_on(1)],
    }
    with service_process(root, 'plugs = ["x-anylabeling"]\n') as service:
        words = [f"{service.address}/x-anylabeling", service.key, str(folder)]
        said = run_in_tool(
            python,
            "x_anylabeling_session.py",
            *words,
            json.dumps(asked),
            home=tmp_path,
        )
    done = json.loads(said.splitlines()[-1])
    assert done["models"] == ["vseg-image", "vseg-text", "vseg-video"]
    assert mask_iou(mask_of(done["image"]), truth(0)) > 0.5
    assert {shape["label"] for shape in done["words"]} <= {"person", "car"}
    assert done["words"] and done["unknown"] == []
    assert mask_iou(mask_of(done["video"]), truth(1)) > 0.5
    # Frames from the click on, as label files that the tool wrote.
    saved = sorted(path.stem for path in folder.glob("*.json"))
    assert saved == ["001", "002", "003", "004"]
    last = json.loads((folder / "004.json").read_text("utf-8"))["shapes"]
    assert {(shape["label"], shape["group_id"]) for shape in last} == {("runner", 3)}
    assert mask_iou(mask_of(last), truth(4)) > 0.5
    assert {shape["label"] for shape in done["video_words"]} <= {"person", "car"}
    assert done["video_words"]
    assert done["refused"] == {}
    assert done["told"] == [t for t in done["told"] if t.startswith("Packing")]
    assert list((root / "uploads").rglob("*.png")) == []
