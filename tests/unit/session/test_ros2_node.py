"""The demo's node, as far as it needs no ROS: messages of ROS 2 in, plain values out."""

import json
from collections.abc import Iterator

import numpy as np
import pytest

from vseg.errors import BadFrame, BadPrompt
from vseg.models.nano.model import Nano
from vseg.synthetic import SyntheticVideo

pytest.importorskip("rosbags", reason="needs the extra vseg[ros]")
from demos.ros2_node import Perception
from tests.bags import raw

pytestmark = pytest.mark.integration
START = 1_700_000_000 * 10**9


@pytest.fixture
def node(model: Nano) -> Iterator[Perception]:
    with Perception(model, None) as made:
        yield made


def stamp(index: int) -> int:
    return START + index * 10**8


def test_objects_are_tracked_and_told(node: Perception, scene: SyntheticVideo) -> None:
    first = node.image(raw(stamp(0), "rgb8", scene.read(0).image))
    assert first is not None and first[1] == {"stamp": stamp(0), "objects": []}
    ys, xs = np.nonzero(scene.truth(0) == 1)
    box = [int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1]
    assert node.prompt(json.dumps({"box": box, "label": "cup"})) == 1
    found = node.image(raw(stamp(1), "bgr8", scene.read(1).image[..., ::-1].copy()))
    assert found is not None
    labels, told = found
    assert labels.dtype == np.uint16
    assert labels.shape == (96, 160)
    assert [(one["id"], one["label"]) for one in told["objects"]] == [(1, "cup")]
    truth = scene.truth(1) == 1
    assert ((labels == 1) & truth).sum() > 0.5 * truth.sum()
    # Late, and so dropped; then a prompt on an image that is past.
    assert node.image(raw(stamp(0), "rgb8", scene.read(0).image)) is None
    assert node.prompt(json.dumps({"id": 2, "box": box, "stamp": stamp(0)})) == 2
    kept, values = node.latencies()
    assert kept and (values["updates"], values["late"]) == ("2", "1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"id": "a", "box": [1, 2, 3, 4]}',
        '{"clicks": [[1, 2]]}',
        '{"box": 3}',
        '{"box": [1, 2, 9, 9], "stamp": 7}',
    ],
)
def test_a_prompt_that_says_nothing_is_refused(
    node: Perception, scene: SyntheticVideo, text: str
) -> None:
    node.image(raw(stamp(0), "rgb8", scene.read(0).image))
    with pytest.raises(BadPrompt):
        node.prompt(text)


def test_an_image_of_another_size_is_refused(node: Perception, scene: SyntheticVideo) -> None:
    node.image(raw(stamp(0), "rgb8", scene.read(0).image))
    with pytest.raises(BadFrame):
        node.image(raw(stamp(1), "rgb8", scene.read(0).image[:50]))
