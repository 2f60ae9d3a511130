"""X-AnyLabeling's remote server protocol: marks, words and clips, as its client sends them."""

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.scenes import mask_iou, two_objects
from tests.served import TOKEN, app_of, served
from vseg.ops.outline import mask_of_rings
from vseg.server.plugins.wire_images import header_of, rgb_of
from vseg.server.plugins.x_anylabeling_values import ClientMark, marked_objects
from vseg.server.settings import Limits
from vseg.types import Box, Points

pytestmark = pytest.mark.integration

HW = (96, 160)
FRAMES = 6
AT = "/x-anylabeling/v1"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    app = app_of(tmp_path_factory.mktemp("root"), plugs=("x-anylabeling",))
    with served(app, token=None) as opened:
        opened.headers["Token"] = TOKEN
        yield opened


def uri(image: np.ndarray, kind: str = "png") -> str:
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"


def frame(index: int) -> np.ndarray:
    return two_objects(FRAMES).read(index).image


def truth(index: int, obj: int) -> np.ndarray:
    return np.asarray(two_objects(FRAMES).draw(index).labels == obj)


def middle(index: int, obj: int) -> list[float]:
    ys, xs = np.nonzero(truth(index, obj))
    return [float(np.median(xs)), float(np.median(ys))]


def box_around(index: int, obj: int) -> list[float]:
    ys, xs = np.nonzero(truth(index, obj))
    return [float(v) for v in (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)]


def mask_of_shapes(shapes: list[dict[str, Any]], group: int | None = None) -> np.ndarray:
    rings = [
        np.array(shape["points"])
        for shape in shapes
        if group is None or shape["group_id"] == group
    ]
    return mask_of_rings(rings, *HW).paste(*HW)


def predict(client: TestClient, model: str, **params: Any) -> dict[str, Any]:
    body = {"model": model, "image": uri(frame(0)), "params": params}
    answer = client.post(f"{AT}/predict", json=body)
    assert answer.status_code == 200, answer.text
    read: dict[str, Any] = answer.json()
    return read


def begin(client: TestClient, count: int = FRAMES) -> str:
    frames = [uri(frame(index)) for index in range(count)]
    body = {"model": "vseg-video", "frames": frames, "start_frame_index": 0}
    answer = client.post(f"{AT}/video/init", json=body).json()
    assert answer["success"], answer
    return str(answer["data"]["session_id"])


def click(
    client: TestClient, session: str, index: int, marks: list[list[float]], obj_id: int = 10000
) -> dict[str, Any]:
    """The client's own way to say it: shares of the image, all marks each time."""
    height, width = HW
    body = {
        "session_id": session,
        "model": "vseg-video",
        "frame_index": index,
        "points": [[x / width, y / height] for x, y, _ in marks],
        "point_labels": [int(label) for *_, label in marks],
        "obj_id": obj_id,
        "params": {"conf_threshold": 0.0, "epsilon_factor": 0.001},
    }
    read: dict[str, Any] = client.post(f"{AT}/video/prompt", json=body).json()
    return read


def propagate(client: TestClient, session: str, **span: int) -> list[dict[str, Any]]:
    body = {"session_id": session, "model": "vseg-video", **span}
    answer = client.post(f"{AT}/video/propagate/stream", json=body)
    lines = [line for line in answer.text.splitlines() if line]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def test_the_models_say_what_the_client_shows(client: TestClient) -> None:
    models = client.get(f"{AT}/models").json()["data"]
    modes = {name: facts["batch_processing_mode"] for name, facts in models.items()}
    assert modes == {"vseg-image": None, "vseg-text": "text_prompt", "vseg-video": "video"}
    assert {"name": "edit_text", "value": None} in models["vseg-text"]["widgets"]
    info = client.get(f"{AT}/models/vseg-text/info").json()["data"]
    assert info == {"model_id": "vseg-text", **models["vseg-text"]}


def test_boxes_and_points_are_objects_of_their_own(client: TestClient) -> None:
    marks = [
        {"type": "rectangle", "data": box_around(0, 1), "label": 1},
        {"type": "point", "data": middle(0, 2), "label": 1},
    ]
    data = predict(client, "vseg-image", marks=marks)["data"]
    assert data["replace"] is False
    assert {shape["label"] for shape in data["shapes"]} == {"AUTOLABEL_OBJECT"}
    assert mask_iou(mask_of_shapes(data["shapes"], 1), truth(0, 1)) > 0.7
    assert mask_iou(mask_of_shapes(data["shapes"], 2), truth(0, 2)) > 0.4


def test_words_name_what_is_found(client: TestClient) -> None:
    answer = predict(client, "vseg-text", text_prompt="person. car", conf_threshold=0.01)
    shapes = answer["data"]["shapes"]
    assert shapes and {shape["label"] for shape in shapes} <= {"person", "car"}
    assert "replace" not in answer["data"]
    assert all(0 < shape["score"] <= 1 for shape in shapes)


@pytest.mark.parametrize(
    ("model", "change", "code"),
    [
        ("yolo", {}, "MODEL_NOT_FOUND"),
        ("vseg-image", {"image": "data:image/png;base64,AAAA"}, "INVALID_IMAGE"),
        ("vseg-image", {"image": "data:image/png;base64,***"}, "INVALID_IMAGE"),
        ("vseg-image", {"image": 7}, "INVALID_REQUEST"),
        ("vseg-image", {"params": {"marks": []}}, "BAD_PROMPT"),
        (
            "vseg-image",
            {"params": {"marks": [{"type": "rectangle", "data": [1, 2]}]}},
            "BAD_PROMPT",
        ),
        (
            "vseg-image",
            {"params": {"marks": [{"type": "point", "data": [900, 2]}]}},
            "BAD_PROMPT",
        ),
        ("vseg-text", {"params": {"text_prompt": "gryphon"}}, "BAD_PROMPT"),
    ],
)
def test_what_cannot_be_done_is_told_in_the_tools_way(
    client: TestClient, model: str, change: dict[str, Any], code: str
) -> None:
    body = {"model": model, "image": uri(frame(0)), "params": {}} | change
    answer = client.post(f"{AT}/predict", json=body)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["success"], told["error"]["code"]) == (False, code)
    assert told["error"]["message"]
    # The client takes away what it shows unless it is told not to.
    assert told["data"] == {"replace": False}


def test_a_clip_is_tracked_from_clicks_and_corrected(client: TestClient) -> None:
    session = begin(client)
    first = [[*middle(2, 1), 1]]
    data = click(client, session, 2, first)["data"]
    assert mask_iou(mask_of_shapes(data["masks"]), truth(2, 1)) > 0.5
    # The client sends the marks again before it tracks.
    assert click(client, session, 2, first)["data"] == data
    assert click(client, session, 2, [*first, [1, 1, 0]])["success"]
    assert click(client, session, 2, [[*middle(2, 2), 1]], obj_id=7)["success"]
    started, *progress, completed = propagate(client, session)
    assert (started["total_frames"], started["start_frame_index"]) == (FRAMES, 2)
    assert [event["current_frame"] for event in progress] == [2, 3, 4, 5]
    results = completed["results"]
    assert list(results) == ["2", "3", "4", "5"]
    assert mask_iou(mask_of_shapes(results["5"]["masks"], 1), truth(5, 1)) > 0.5
    assert {shape["group_id"] for shape in results["5"]["masks"]} == {1, 2}


def test_a_batch_that_begins_before_the_click_is_tracked_back(client: TestClient) -> None:
    session = begin(client)
    click(client, session, 3, [[*middle(3, 1), 1]])
    *_, completed = propagate(client, session, start_frame=1, end_frame=4)
    assert sorted(completed["results"], key=int) == ["1", "2", "3", "4"]
    assert mask_iou(mask_of_shapes(completed["results"]["1"]["masks"]), truth(1, 1)) > 0.5
    *_, later = propagate(client, session, start_frame=5)
    assert list(later["results"]) == ["5"]


def test_marks_that_were_cleared_begin_the_object_anew(client: TestClient) -> None:
    session = begin(client, 2)
    click(client, session, 0, [[*middle(0, 1), 1]])
    data = click(client, session, 0, [[*middle(0, 2), 1]])["data"]
    assert mask_iou(mask_of_shapes(data["masks"]), truth(0, 2)) > 0.4
    *_, completed = propagate(client, session)
    assert len({shape["group_id"] for shape in completed["results"]["0"]["masks"]}) == 1


def test_words_are_tracked_with_their_names_and_replace_each_other(
    client: TestClient,
) -> None:
    session = begin(client, 3)
    body = {"session_id": session, "model": "vseg-video", "frame_index": 0}
    body |= {"params": {"conf_threshold": 0.01}}
    for words in ("person", "person, car"):
        asked = body | {"text_prompt": words}
        data = client.post(f"{AT}/video/prompt", json=asked).json()["data"]
    groups = {shape["group_id"]: shape["label"] for shape in data["masks"]}
    assert groups
    *_, completed = propagate(client, session)
    last = {s["group_id"]: s["label"] for s in completed["results"]["2"]["masks"]}
    assert last.items() <= groups.items()


def test_what_goes_wrong_in_a_stream_is_its_last_event(client: TestClient) -> None:
    session = begin(client, 2)
    (event,) = propagate(client, session)
    assert (event["type"], "prompted" in event["message"]) == ("error", True)
    (event,) = propagate(client, "0" * 16)
    assert event["type"] == "error"


def test_a_session_is_forgotten_with_its_clip(tmp_path: Path) -> None:
    app = app_of(tmp_path, plugs=("x-anylabeling",))
    with served(app) as client:
        sessions = [begin(client, 1) for _ in range(6)]
        click(client, sessions[-1], 0, [[*middle(0, 1), 1]])
        kept = {one["id"] for one in client.get("/v1/sessions").json()["sessions"]}
        assert kept == set(sessions[-4:])
        for session in kept:
            client.post(f"{AT}/video/cleanup/{session}", params={"model": "vseg-video"})
        assert client.get("/v1/sessions").json()["sessions"] == []
        gone = client.post(f"{AT}/video/cleanup/{sessions[-1]}").json()
    assert gone["error"]["code"] == "NOT_THERE"
    assert [p for p in (tmp_path / "uploads").rglob("*") if p.is_file()] == []
    assert list((tmp_path / ".vseg" / "x-anylabeling").iterdir()) == []


def test_a_session_survives_a_restart(tmp_path: Path) -> None:
    with served(app_of(tmp_path, plugs=("x-anylabeling",))) as client:
        session = begin(client, 3)
        other = begin(client, 3)
        click(client, session, 0, [[*middle(0, 1), 1]])
        click(client, other, 0, [[*middle(0, 1), 1]])
        unbroken = propagate(client, other)
    with served(app_of(tmp_path, plugs=("x-anylabeling",))) as client:
        assert click(client, session, 0, [[*middle(0, 1), 1]])["success"]
        assert propagate(client, session) == unbroken


@pytest.mark.parametrize(
    ("frames", "limits", "code"),
    [
        ([], {}, "INVALID_IMAGE"),
        (["nothing"], {}, "INVALID_IMAGE"),
        ([7], {}, "INVALID_IMAGE"),
        (
            [uri(np.zeros((size, 64, 3), np.uint8)) for size in (64, 64, 48)],
            {},
            "INVALID_IMAGE",
        ),
        ([uri(np.zeros((64, 64, 3), np.uint8))] * 3, {"frames": 2}, "TOO_LARGE"),
        ([uri(np.zeros((64, 64, 3), np.uint8))], {"pixels": 1000}, "TOO_LARGE"),
        (["A" * 4000], {"body_bytes": 1024}, "INVALID_IMAGE"),
        (["A" * 4000], {"upload_bytes": 1024}, "TOO_LARGE"),
        ([uri(np.zeros((64, 64, 3), np.uint8))], {"stored_bytes": 10}, "TOO_LARGE"),
    ],
)
def test_a_clip_that_cannot_be_taken_leaves_nothing_behind(
    tmp_path: Path, frames: list[Any], limits: dict[str, int], code: str
) -> None:
    app = app_of(tmp_path, limits=Limits(**limits), plugs=("x-anylabeling",))
    with served(app) as client:
        body = {"model": "vseg-video", "frames": frames}
        told = client.post(f"{AT}/video/init", json=body).json()
    assert (told["success"], told["error"]["code"]) == (False, code), told
    assert str(tmp_path) not in told["error"]["message"]
    left = [p for p in tmp_path.rglob("*") if p.is_file() and p.name != "secret"]
    assert left == []


def test_an_image_that_does_not_decode_is_refused(client: TestClient) -> None:
    text = uri(frame(0))
    spoiled = base64.b64encode(base64.b64decode(text.partition(",")[2])[:600]).decode()
    body = {"model": "vseg-video", "frames": [text, spoiled]}
    told = client.post(f"{AT}/video/init", json=body).json()
    assert not told["success"]


def test_an_image_of_16_bits_that_lies_on_its_side_is_read_as_displayed() -> None:
    values = np.arange(6 * 4, dtype=np.uint16).reshape(6, 4) * 2000
    image = Image.fromarray(values)
    exif = Image.Exif()
    exif[274] = 6  # turned by a quarter
    file = io.BytesIO()
    image.save(file, "PNG", exif=exif)
    shown = rgb_of(file.getvalue(), 100)
    assert header_of(file.getvalue(), 100) == (".png", (4, 6))
    assert (shown == (np.rot90(values, -1) >> 8)[..., None]).all()


def test_the_key_is_asked_for(client: TestClient, tmp_path: Path) -> None:
    for token in ("wrong", ""):
        assert client.get(f"{AT}/models", headers={"Token": token}).status_code == 401
    # The header counts below the plug's own path only.
    assert client.get("/v1/videos").status_code == 401
    with served(app_of(tmp_path)) as without:
        assert without.get(f"{AT}/models").status_code == 404


def test_an_upload_of_images_is_deleted_as_a_clip_is(client: TestClient) -> None:
    session = begin(client, 1)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    facts = client.get(f"/v1/sessions/{session}", headers=headers).json()
    assert client.delete(f"/v1/videos/{facts['video']}", headers=headers).status_code == 204


def test_points_belong_to_the_box_they_lie_in() -> None:
    marks = [
        ClientMark(type="rectangle", data=[60, 60, 20, 20]),
        ClientMark(type="point", data=[30, 30], label=1),
        ClientMark(type="point", data=[99, 99], label=0),
        ClientMark(type="point", data=[90, 10], label=1),
    ]
    boxed, other = marked_objects(marks)
    box, points = boxed
    assert isinstance(box, Box) and isinstance(points, Points)
    assert (box.x1, box.y1, box.x2, box.y2) == (20, 20, 60, 60)
    assert points.xy.tolist() == [[30, 30], [99, 99]]
    (points,) = other
    assert isinstance(points, Points)
    assert points.positive.tolist() == [False, True]
