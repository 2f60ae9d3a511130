"""Label Studio's ML backend: what its page and its batches ask, and what they get."""

import base64
import io
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
from vseg.server.plugins.brush_rle import brush_rle
from vseg.server.plugins.label_config import read_label_config
from vseg.synthetic.files import write_clip

pytestmark = pytest.mark.integration

HW = (96, 160)
FRAMES = 8
AT = "/label-studio"
VIDEO = """<View><Labels name="l" toName="v"><Label value="Car"/></Labels>
<Video name="v" value="$video"/><VideoRectangle name="box" toName="v"/></View>"""


def image_config(control: str) -> str:
    return f"""<View><!-- --><Image name="img" value="$image"/>
    <KeyPointLabels name="kp" toName="img"><Label value="person"/></KeyPointLabels>
    <{control} name="out" toName="img"><Label value="person" background="red"/>
    <Label value="Sky pattern"></Label></{control}></View>"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    root = tmp_path_factory.mktemp("root")
    scene = two_objects(FRAMES)
    (root / "3").mkdir()
    write_clip(scene, root / "3" / "ab-two.mp4")
    Image.fromarray(scene.read(0).image).save(root / "3" / "first image.png")
    (root / ".hidden.png").write_bytes((root / "3" / "first image.png").read_bytes())
    with served(app_of(root, plugs=("label-studio",)), token=None) as opened:
        opened.auth = ("anybody", TOKEN)
        yield opened


def truth(index: int, obj: int) -> np.ndarray:
    return np.asarray(two_objects(FRAMES).draw(index).labels == obj)


def point(index: int, obj: int, positive: bool = True) -> dict[str, Any]:
    ys, xs = np.nonzero(truth(index, obj))
    place = {"x": np.median(xs) / HW[1] * 100, "y": np.median(ys) / HW[0] * 100, "width": 0.5}
    value = {**place, "keypointlabels": ["person"]}
    return {"type": "keypointlabels", "is_positive": positive, "value": value}


def percent(index: int, obj: int) -> dict[str, float]:
    ys, xs = np.nonzero(truth(index, obj))
    sides = (xs.min(), ys.min(), xs.max() + 1 - xs.min(), ys.max() + 1 - ys.min())
    scale = np.array([HW[1], HW[0], HW[1], HW[0]]) / 100
    names = ("x", "y", "width", "height")
    return dict(zip(names, (np.array(sides) / scale).tolist(), strict=True))


def ask(client: TestClient, data: dict[str, str], config: str, **context: Any) -> Any:
    body = {
        "tasks": [{"id": 1, "data": data, "annotations": []}],
        "project": "1.17",
        "label_config": config,
        "params": {"login": None, "password": None, "context": context or None},
    }
    answer = client.post(f"{AT}/predict", json=body)
    return answer.json()["results"][0]["result"] if answer.status_code == 200 else answer


IMAGE = {"image": "/data/upload/3/first%20image.png"}
CLIP = {"video": "/data/local-files/?d=3/ab-two.mp4"}


def mask_of(region: dict[str, Any]) -> np.ndarray:
    """A result as a mask, by the rules of its control."""
    value = region["value"]
    if "rle" in value:
        return unpacked(value["rle"], HW)
    if "imageDataURL" in value:
        content = base64.b64decode(value["imageDataURL"].partition(",")[2])
        return np.array(Image.open(io.BytesIO(content)).convert("1"))
    if "points" in value:
        ring = np.array(value["points"]) * np.array([HW[1], HW[0]]) / 100
        return mask_of_rings([ring], *HW).paste(*HW)
    x, y = value["x"] * HW[1] / 100, value["y"] * HW[0] / 100
    box = np.zeros(HW, dtype=bool)
    right, bottom = x + value["width"] * HW[1] / 100, y + value["height"] * HW[0] / 100
    box[round(y) : round(bottom), round(x) : round(right)] = True
    return box


def unpacked(rle: list[int], hw: tuple[int, int]) -> np.ndarray:
    """The reverse of `brush_rle`, by the words of the format."""
    bits = "".join(f"{byte:08b}" for byte in rle)
    place = 0

    def read(width: int) -> int:
        nonlocal place
        place += width
        return int(bits[place - width : place], 2)

    count = read(32)
    width = read(5) + 1
    sizes = [read(4) + 1 for _ in range(4)]
    values: list[int] = []
    while len(values) < count:
        repeated = read(1)
        length = 1 + read(sizes[read(2)])
        values += [read(width)] * length if repeated else [read(width) for _ in range(length)]
    assert len(values) == count
    pixels = np.array(values, dtype=np.uint8).reshape(*hw, 4)
    assert (pixels == pixels[..., :1]).all()
    return np.asarray(pixels[..., 0] == 255)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (200, 300)])
def test_a_brush_is_packed_without_loss(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(4)
    for mask in (rng.random(shape) < 0.5, np.zeros(shape, bool), np.ones(shape, bool)):
        assert (unpacked(brush_rle(mask), shape) == mask).all()


def test_the_backend_is_connected_as_label_studio_does_it(client: TestClient) -> None:
    assert client.get(f"{AT}/health").json()["status"] == "UP"
    body = {"project": "1.17", "schema": VIDEO, "hostname": "h", "access_token": "secret"}
    version = client.post(f"{AT}/setup", json=body).json()["model_version"]
    assert client.get(f"{AT}/versions").json() == {"versions": [version]}
    assert client.post(f"{AT}/webhook", json={"action": "X"}).status_code == 201
    capabilities = ask(client, {}, "", event="capabilities")
    assert capabilities[0]["value"]["prompts"] == ["point", "box"]


@pytest.mark.parametrize("auth", [("anybody", "wrong"), ("", ""), None])
def test_the_password_is_the_key(client: TestClient, auth: tuple[str, str] | None) -> None:
    assert client.get(f"{AT}/health", auth=auth).status_code == 401
    # Below the plug's own path only.
    assert client.get("/v1/videos").status_code == 401


@pytest.mark.parametrize(
    "control", ["BrushLabels", "BitmaskLabels", "PolygonLabels", "RectangleLabels"]
)
def test_a_click_becomes_a_result_of_the_control(client: TestClient, control: str) -> None:
    beside = point(0, 1)
    beside["value"] = {**beside["value"], "x": 2.0, "y": 2.0}
    beside["is_positive"] = False
    drawn = [point(0, 1), beside]
    (region,) = ask(client, IMAGE, image_config(control), result=drawn)
    kind = control.lower()
    assert (region["type"], region["from_name"], region["to_name"]) == (kind, "out", "img")
    assert region["value"][kind] == ["person"]
    assert (region["original_height"], region["original_width"]) == HW
    wanted = truth(0, 1)
    if control == "RectangleLabels":
        ys, xs = np.nonzero(wanted)
        wanted = np.zeros(HW, bool)
        wanted[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1] = True
    assert mask_iou(mask_of(region), wanted) > 0.6


def test_a_rectangle_becomes_a_mask(client: TestClient) -> None:
    drawn = [{"type": "rectanglelabels", "value": percent(0, 1)}]
    (region,) = ask(client, IMAGE, image_config("BrushLabels"), result=drawn)
    assert mask_iou(mask_of(region), truth(0, 1)) > 0.7


def test_tasks_are_annotated_in_advance_by_their_labels(client: TestClient) -> None:
    regions = ask(client, IMAGE, image_config("BrushLabels"))
    assert {region["value"]["brushlabels"][0] for region in regions} <= {"person"}
    assert ask(client, CLIP, VIDEO) == []


def test_drawn_boxes_are_tracked_together(client: TestClient) -> None:
    drawn = [
        {
            "id": f"region{obj}",
            "type": "videorectangle",
            "value": {
                "framesCount": FRAMES,
                "labels": ["Car"],
                "sequence": [{"frame": 3, "enabled": True, "rotation": 0, **percent(2, obj)}],
            },
        }
        for obj in (1, 2)
    ]
    ended = {**drawn[0], "id": "ended"}
    entry = {"frame": 1, "enabled": False, **percent(0, 1)}
    ended["value"] = {"sequence": [entry]}
    first, second, third = ask(client, CLIP, VIDEO, result=[*drawn, ended])
    assert [first["id"], second["id"]] == ["region1", "region2"]
    assert first["value"]["labels"] == ["Car"]
    assert (first["from_name"], first["type"]) == ("box", "videorectangle")
    sequence = first["value"]["sequence"]
    assert [entry["frame"] for entry in sequence] == [3, 4, 5, 6, 7, 8]
    last = {"value": sequence[-1]}
    wanted = {"value": percent(7, 1)}
    assert mask_iou(mask_of(last), mask_of(wanted)) > 0.6
    assert len(third["value"]["sequence"]) == 1


def test_a_track_is_polled_to_its_end(client: TestClient) -> None:
    drawn = [point(2, 1)]
    (begun,) = ask(client, CLIP, VIDEO, event="track", frame=3, direction="both", result=drawn)
    assert begun["type"] == "track_started"
    assert begun["value"]["total_frames"] == 6 + 3
    frames: list[dict[str, Any]] = []
    session = begun["value"]["session_id"]
    told: dict[str, Any] = {"done": False}
    while not told["done"]:
        (item,) = ask(client, CLIP, VIDEO, event="track_progress", session_id=session)
        told = item["value"]
        assert told["error"] is None
        frames += told["frames"]
    assert [frame["frame"] for frame in frames] == [3, 4, 5, 6, 7, 8, 3, 2, 1]
    assert told["produced"] == len(frames)
    assert mask_iou(mask_of({"value": frames[-1]}), truth(0, 1)) > 0.5
    (item,) = ask(client, CLIP, VIDEO, event="track_progress", session_id=session)
    assert item["value"] == {"error": "session not found", "done": True}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    listed = client.get("/v1/sessions", headers=headers, auth=None)
    assert listed.json()["sessions"] == []


def test_a_track_is_cancelled(client: TestClient) -> None:
    drawn = [{"type": "rectanglelabels", "value": percent(0, 1)}]
    (begun,) = ask(client, CLIP, VIDEO, event="track", time_ms=0, max_frames=2, result=drawn)
    assert begun["value"]["total_frames"] == 3
    session = begun["value"]["session_id"]
    (item,) = ask(client, CLIP, VIDEO, event="track_cancel", session_id=session)
    assert item["type"] == "track_cancel_ack"
    (item,) = ask(client, CLIP, VIDEO, event="track_progress", session_id=session)
    assert item["value"]["error"] == "session not found"


def test_a_frame_of_a_video_is_masked_and_warmed(client: TestClient) -> None:
    (item,) = ask(client, CLIP, VIDEO, event="prewarm", frame=4, window=20)
    assert item["value"] == {"status": "ok", "cached": [3], "pending": [], "frame_count": 8}
    (item,) = ask(client, CLIP, VIDEO, frame=4, result=[point(3, 1)])
    assert item["type"] == "bitmask"
    assert mask_iou(mask_of(item), truth(3, 1)) > 0.5
    (item,) = ask(client, CLIP, VIDEO, event="release")
    assert item["type"] == "release_ack"


@pytest.mark.parametrize(
    ("named", "status"),
    [
        ("http://169.254.169.254/latest/meta-data", 404),
        ("s3://bucket/clip.mp4", 404),
        ("http://[::1", 404),
        ("/etc/passwd", 404),
        ("/data/upload/../../etc/hostname.png", 404),
        ("/data/local-files/?d=../../../etc/passwd", 404),
        ("/data/local-files/", 404),
        (".hidden.png", 404),
        ("3/ab-two.mp4", 404),
        ("3/none.png", 404),
        ("%00.png", 404),
        ("a" * 5000 + ".png", 404),
        ("3/first image.png", 200),
        ("http://labels.example/data/upload/3/first%20image.png", 200),
    ],
)
def test_only_what_is_under_the_root_is_read(
    client: TestClient, named: str, status: int
) -> None:
    drawn = [point(0, 1)]
    answer = ask(client, {"image": named}, image_config("BrushLabels"), result=drawn)
    got = 200 if isinstance(answer, list) else answer.status_code
    assert got == status


@pytest.mark.parametrize(
    ("data", "config", "context"),
    [
        (IMAGE, "<View/>", {"result": []}),
        (IMAGE, "<<<", {"result": []}),
        (CLIP, VIDEO, {"event": "explode"}),
        (CLIP, VIDEO, {"event": "track", "result": []}),
        (IMAGE, image_config("BrushLabels"), {"event": "track", "result": [point(0, 1)]}),
        (CLIP, VIDEO, {"frame": -3}),
        (CLIP, VIDEO, {"time_ms": 1e300}),
        (IMAGE, image_config("BrushLabels"), {"result": [point(0, 1, positive=False)]}),
        (
            CLIP,
            VIDEO,
            {"result": [{"value": {"sequence": [{"frame": 99, **percent(0, 1)}]}}]},
        ),
    ],
)
def test_what_cannot_be_done_is_one_clear_answer(
    client: TestClient, data: dict[str, str], config: str, context: dict[str, Any]
) -> None:
    answer = ask(client, data, config, **context)
    assert answer.status_code == 422, answer
    assert answer.json()["detail"]


def test_a_config_is_read_as_far_as_it_says_something() -> None:
    config = read_label_config(image_config("BrushLabels"))
    assert [control.tag for control in config.controls] == ["keypointlabels", "brushlabels"]
    assert config.controls[1].labels == ["person", "Sky pattern"]
    output = config.output()
    assert output is not None
    assert (output[0].key, output[1].name) == ("image", "out")


def test_nothing_is_there_unless_it_is_switched_on(tmp_path: Path) -> None:
    with served(app_of(tmp_path)) as client:
        assert client.get(f"{AT}/health").status_code == 404
