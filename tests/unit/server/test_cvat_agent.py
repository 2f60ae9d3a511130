"""cvat-cli's own agent runs the functions for CVAT, against a server that speaks as CVAT does.

The agent's packages are in an environment of their own; what else the function needs, nano
among it, is that of the tests.
"""

import os
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from tests.fake_cvat import FUNCTION, FakeCvat, Json, served
from tests.scenes import mask_iou, two_objects
from tests.tool_environments import tool_python
from vseg.server.plugins.shape_points import points_of_mask, prompt_of_shape
from vseg.types import Mask, MaskCrop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # an environment is made

HW = (96, 160)
FRAMES = 6


def run_agent(cvat: FakeCvat, *parameters: str) -> None:
    """Register a function with `create-native`, then work the queue off."""
    module = ["--function-module", "vseg.server.plugins.cvat"]
    for name in ("model=str:nano", "short_side=int:96", *parameters):
        module += ["-p", name]
    ours = os.pathsep.join(path for path in sys.path if path)
    env = {**os.environ, "CVAT_ACCESS_TOKEN": "token", "OMP_NUM_THREADS": "1"}
    env["PYTHONPATH"] = ours
    python = str(tool_python("cvat"))
    with served(cvat) as address:
        for command in (
            ["create-native", "vseg", *module],
            ["run-agent", str(FUNCTION), *module, "--burst"],
        ):
            cli = [python, "-m", "cvat_cli", "--server-host", address, "function"]
            done = subprocess.run(
                [*cli, *command],
                capture_output=True,
                text=True,
                timeout=200,
                env=env,
            )
            assert done.returncode == 0, done.stderr
    assert cvat.failures == [], done.stderr


def truth(index: int, obj: int) -> np.ndarray:
    return np.asarray(two_objects(FRAMES).draw(index).labels == obj)


def images() -> list[np.ndarray]:
    return [two_objects(FRAMES).read(index).image for index in range(FRAMES)]


def mask_of(shape: Json) -> np.ndarray:
    prompt = prompt_of_shape(shape["type"], shape["points"], HW)
    assert isinstance(prompt, Mask)
    return prompt.mask


def test_the_agent_tracks_shapes_over_gaps_and_back() -> None:
    shapes = [
        {"type": kind, "points": points_of_mask(kind, MaskCrop.of(truth(0, obj)))}
        for kind, obj in (("mask", 1), ("polygon", 2), ("rectangle", 1))
    ]
    asked = [1, 4, 2]

    def begin(_: Json) -> Json:
        return {"type": "init_tracking", "frame": 0, "shapes": shapes}

    def track(frame: int, before: Json) -> Json:
        return {"type": "track", "frame": frame, "states": before["states"]}

    cvat = FakeCvat(images(), [begin, *(partial(track, n) for n in asked)])
    run_agent(cvat, "kind=str:track")
    assert cvat.function["supported_shape_types"] == ["mask", "polygon", "rectangle"]
    assert len(cvat.results) == 1 + len(asked)
    for frame, result in zip(asked, cvat.results[1:], strict=True):
        mask, polygon, rectangle = result["shapes"]
        assert mask_iou(mask_of(mask), truth(frame, 1)) > 0.8
        assert (
            mask_iou(mask_of(polygon), truth(frame, 2)) > 0.55
        )  # thin, for nano at this size
        crop = MaskCrop.of(truth(frame, 1))
        assert np.abs(np.array(rectangle["points"]) - crop.xyxy).max() < 10


def test_the_agent_makes_masks_of_clicks() -> None:
    ys, xs = np.nonzero(truth(0, 1))
    point = [float(np.median(xs)), float(np.median(ys))]
    x1, y1, x2, y2 = MaskCrop.of(truth(0, 1)).xyxy

    def click(box: list[list[int]], _: Json) -> Json:
        marks = {"pos_points": [point], "neg_points": [[1.0, 1.0]], "obj_bbox": box}
        return {"type": "interact", "frame": 0, **marks}

    boxes: list[list[list[int]]] = [[], [[x1, y1], [x2, y2]]]
    cvat = FakeCvat(images(), [partial(click, box) for box in boxes])
    run_agent(cvat, "kind=str:interact")
    assert cvat.function["startswith_box_optional"]
    for result in cvat.results:
        (shape,) = result["shapes"]
        assert mask_iou(mask_of(shape), truth(0, 1)) > 0.7
        (attribute,) = shape["attributes"]
        assert 0 < float(attribute["value"]) <= 1


def test_the_agent_detects_words() -> None:
    kinds = {"mask": False, "polygon": True}

    def detect(to_polygons: bool, _: Json) -> Json:
        mapping = {"person": {"name": "human", "attributes": {}, "sublabels": {}}}
        options = {"threshold": 0.0, "conv_mask_to_poly": to_polygons, "mapping": mapping}
        return {"type": "annotate_frame", "frame": 0, **options}

    asked = [partial(detect, to_polygons) for to_polygons in kinds.values()]
    cvat = FakeCvat(images(), asked, labels=["human"])
    run_agent(cvat, "kind=str:detect", "text=str:person,car")
    assert [label["name"] for label in cvat.function["labels_v2"]] == ["person", "car"]
    for kind, result in zip(kinds, cvat.results, strict=True):
        assert result["annotations"]["shapes"]
        for shape in result["annotations"]["shapes"]:
            assert shape["label_id"] == 100
            assert shape["type"] == kind
            assert mask_of(shape).any()
