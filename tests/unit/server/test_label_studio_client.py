"""Label Studio's own connector and checks, in their own environment, against the service."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.scenes import two_objects
from tests.served import service_process
from tests.tool_environments import run_in_tool, tool_python

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # an environment is made

HW = (96, 160)
CONFIG = """<View><Image name="img" value="$image"/><KeyPointLabels name="kp" toName="img">
<Label value="person"/></KeyPointLabels><{0} name="out" toName="img"><Label value="person"/>
</{0}></View>"""
VIDEO = """<View><Labels name="l" toName="v"><Label value="Car"/></Labels>
<Video name="v" value="$video"/><VideoRectangle name="box" toName="v"/></View>"""


def truth(index: int) -> np.ndarray:
    return np.asarray(two_objects(12).draw(index).labels == 1)


def box_of(index: int) -> list[int]:
    ys, xs = np.nonzero(truth(index))
    return [int(side) for side in (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)]


def percent(index: int) -> dict[str, float]:
    x1, y1, x2, y2 = (np.array(box_of(index)) * 100 / (*HW[::-1], *HW[::-1])).tolist()
    return {"x": x1, "y": y1, "width": x2 - x1, "height": y2 - y1}


def requests() -> list[dict[str, Any]]:
    ys, xs = np.nonzero(truth(0))
    place = {"x": float(np.median(xs)) / 1.6, "y": float(np.median(ys)) / 0.96, "width": 0.5}
    click = {
        "type": "keypointlabels",
        "is_positive": True,
        "value": {**place, "keypointlabels": ["person"]},
    }
    image = {"image": "/data/upload/1/first.png"}
    controls = ("BrushLabels", "PolygonLabels", "RectangleLabels")
    clicked = [
        {"config": CONFIG.format(name), "data": image, "context": {"result": [click]}}
        for name in controls
    ]
    sequence = [{"frame": 1, "enabled": True, "rotation": 0, "time": 0.0, **percent(0)}]
    drawn = {"id": "r1", "type": "videorectangle", "value": {"sequence": sequence}}
    clip = {"video": "/data/local-files/?d=two.mp4"}
    return [
        *clicked,
        {"config": CONFIG.format("BrushLabels"), "data": image, "context": None},
        {"config": VIDEO, "data": clip, "context": {"result": [drawn]}},
        {"config": VIDEO, "data": {"video": "s3://a/b.mp4"}, "context": {"result": [drawn]}},
    ]


def test_the_tool_connects_clicks_and_tracks(root: Path, tmp_path: Path) -> None:
    python = tool_python("label_studio")
    (root / "1").mkdir()
    Image.fromarray(two_objects(12).read(0).image).save(root / "1" / "first.png")
    with service_process(root, 'plugs = ["label-studio"]\n') as service:
        address = f"{service.address}/label-studio"
        words = [address, service.key, json.dumps(requests())]
        said = run_in_tool(python, "label_studio_session.py", *words, home=tmp_path)
    done = json.loads(said.splitlines()[-1])
    assert done["health"].get("status") == "UP", done["health"]
    assert done["setup"]["model_version"] in done["versions"]["versions"]
    assert (done["webhook"], done["stranger"]) == (201, 401)
    brush, polygon, rectangle, named, tracked, refused = done["answers"]
    for answer in (brush, polygon, rectangle, named, tracked):
        assert answer["problems"] == [], answer
    (facts,) = brush["brushes"]
    assert facts["area"] == pytest.approx(truth(0).sum(), rel=0.4)
    assert np.abs(np.array(facts["box"]) - box_of(0)).max() < 12
    (region,) = rectangle["prediction"]["result"]
    assert region["value"]["rectanglelabels"] == ["person"]
    (region,) = tracked["prediction"]["result"]
    entries = region["value"]["sequence"]
    assert [entry["frame"] for entry in entries] == list(range(1, 13))
    assert abs(entries[-1]["x"] - percent(11)["x"]) < 10
    assert refused["status"] == 404
