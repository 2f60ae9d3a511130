"""The annotator over its socket: click, see, propagate, edit, undo, watch."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

import vseg
from tests.annotator_page import AnnotatorPage, empty_run, page_of
from tests.scenes import mask_iou, two_objects
from tests.served import ADDRESS, app_of, local_key, served
from vseg.build import load_model
from vseg.interfaces.grounder import Grounder
from vseg.interfaces.model import Model
from vseg.pipelines.run_edit import RunEdit
from vseg.prompts.simulate import innermost
from vseg.server.annotator.mask_message import MaskFlag
from vseg.server.annotator.prompted_images import PromptedImages
from vseg.server.storage.ids import id_of
from vseg.synthetic import SyntheticVideo, write_clip
from vseg.types import Box, MaskCrop, Points, Prompt, Timecode

pytestmark = pytest.mark.integration

FRAMES = 8


@pytest.fixture(scope="module")
def scene() -> SyntheticVideo:
    return two_objects(FRAMES)


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("nano", short_side=64)


@pytest.fixture(scope="module")
def clip(scene: SyntheticVideo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scene") / "two.mp4"
    write_clip(scene, path)
    return path


@pytest.fixture
def root(clip: Path, model: Model, tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "two.mp4").write_bytes(clip.read_bytes())
    empty_run(folder, model)
    return folder


@pytest.fixture
def client(root: Path) -> Iterator[TestClient]:
    with served(app_of(root)) as opened:
        yield opened


@pytest.fixture
def page(client: TestClient) -> Iterator[AnnotatorPage]:
    with page_of(client, "run") as opened:
        yield opened


def inside(scene: SyntheticVideo, obj: int, frame: int) -> tuple[int, int]:
    return innermost(scene.draw(frame).labels == obj)


def propagate(page: AnnotatorPage, **reach: object) -> dict[str, object]:
    assert "job" in page.ask("propagate", **reach)
    return page.event("done")


def test_hello_tells_the_state(page: AnnotatorPage) -> None:
    state = page.welcome["state"]
    assert (state["width"], state["height"], state["first"], state["end"]) == (160, 96, 0, 8)
    assert state["objects"] == state["pending"] == []
    assert page.welcome["lease"] == {"mode": "write", "held": True, "watchers": 0}


def test_click_gives_a_mask_and_propagation_a_revision(
    scene: SyntheticVideo, page: AnnotatorPage, root: Path
) -> None:
    page.ask("view", frame=2)
    answer = page.point(None, 2, inside(scene, 1, 2))
    assert answer["object"] == 1
    clicked = page.mask(1, 2, MaskFlag.PENDING, MaskFlag.PRESENT)
    truth = scene.draw(2).labels == 1
    assert mask_iou(clicked.mask, truth) > 0.5
    told = page.event("objects")
    assert [(o["id"], o["stored"]) for o in told["objects"]] == [(1, False)]
    assert told["undo"] == {"title": "click", "object": 1, "frame": 2}
    assert page.event("stale")["spans"] == [
        {"object": 1, "first": 2, "end": 3},
        {"object": 1, "first": 0, "end": 2},
        {"object": 1, "first": 3, "end": 8},
    ]
    done = propagate(page)
    assert (done["revision"], done["cancelled"]) == (1, False)
    run = vseg.open_run(root / "run")
    assert [row.frame for row in run.track(1)] == [*range(FRAMES)]
    page.ask("view", frame=5)
    stored = page.mask(1, 5, MaskFlag.PRESENT)
    assert np.array_equal(stored.mask, run[5][1])
    assert not stored.flags & MaskFlag.PENDING


def test_the_mask_that_a_click_shows_is_the_one_that_is_stored(
    page: AnnotatorPage, root: Path
) -> None:
    page.point(None, 2, (8, 88))  # on the ground: a small object is decoded anew
    propagate(page)
    page.ask("view", frame=5)
    page.point(1, 5, (150, 8))
    shown = page.mask(1, 5, MaskFlag.PENDING).mask
    assert shown.sum() > 1000
    propagate(page)
    assert np.array_equal(vseg.open_run(root / "run")[5][1], shown)


def test_the_masks_of_two_clicks_share_no_pixel(page: AnnotatorPage, root: Path) -> None:
    """Decoded alone they do; the ones that are stored are those that were shown last."""
    page.ask("view", frame=2)
    page.point(None, 2, (8, 88))
    first = page.mask(1, 2, MaskFlag.PENDING).mask
    page.point(None, 2, (60, 88))
    second = page.mask(2, 2, MaskFlag.PENDING).mask
    again = page.mask(1, 2, MaskFlag.PENDING).mask
    assert (first & ~again).any() and not (first & ~again & ~second).any()
    assert not (again & second).any()
    page.ask("undo")
    assert np.array_equal(page.mask(1, 2, MaskFlag.PENDING).mask, first)
    # A mask that the user painted keeps its pixels.
    top = int(np.flatnonzero(first.any(axis=1))[0])
    crop = {"x": 0, "y": top - 8, "w": 160, "h": 10, "runs": [0, 1600]}
    page.ask("prompt", object=None, frame=2, prompt={"kind": "mask", "crop": crop})
    painted = page.mask(3, 2, MaskFlag.PENDING).mask
    assert painted.sum() == 1600 and (painted & first).any()
    beside = page.mask(1, 2, MaskFlag.PENDING).mask
    assert np.array_equal(beside, first & ~painted)
    propagate(page)
    stored = vseg.open_run(root / "run")[2]
    assert np.array_equal(stored[1], beside) and np.array_equal(stored[3], painted)


def test_a_frame_is_shown_while_the_device_is_used(
    scene: SyntheticVideo, client: TestClient, page: AnnotatorPage
) -> None:
    page.ask("view", frame=2)
    page.point(None, 2, inside(scene, 1, 2))
    clicked = page.mask(1, 2, MaskFlag.PENDING)
    page.event("stale")
    service = client.app.state.service  # type: ignore[attr-defined]
    with service.worker.turn("somebody else"):
        page.ask("view", frame=2)
        assert np.array_equal(page.mask(1, 2, MaskFlag.PENDING).mask, clicked.mask)


def test_a_propagation_is_told_of_before_its_first_frame(
    scene: SyntheticVideo, client: TestClient, page: AnnotatorPage
) -> None:
    page.ask("view", frame=0)
    page.point(None, 0, inside(scene, 1, 0))
    page.mask(1, 0, MaskFlag.PENDING)
    service = client.app.state.service  # type: ignore[attr-defined]
    with service.worker.turn("somebody else"):
        job = page.ask("propagate", direction="forward", end=3)["job"]
        begun = page.events[-1] if page.events[-1]["type"] == "progress" else None
        running = (begun or page.event("progress"))["running"]
        assert (running["job"], running["done"], running["frame"]) == (job, 0, None)
    assert page.event("progress")["running"]["frame"] == 0
    page.event("done")


def test_mask_that_was_painted_replaces_clicks(
    scene: SyntheticVideo, page: AnnotatorPage
) -> None:
    page.ask("view", frame=0)
    page.point(None, 0, inside(scene, 1, 0))
    crop = {"x": 10, "y": 20, "w": 4, "h": 2, "runs": [0, 8]}
    page.ask("prompt", object=1, frame=0, prompt={"kind": "mask", "crop": crop})
    told = [page.event("objects") for _ in range(2)][-1]
    assert [p["kind"] for p in told["pending"]] == ["mask"]
    page.ask("view", frame=0)
    painted = page.mask(1, 0, MaskFlag.PENDING).mask
    assert painted.sum() == 8 and painted[20:22, 10:14].all()


def test_what_was_undone_is_propagated_again(
    scene: SyntheticVideo, page: AnnotatorPage, root: Path
) -> None:
    page.point(None, 0, inside(scene, 1, 0))
    propagate(page, end=3)
    assert page.ask("undo")["step"]["title"] == "propagation"
    page.point(1, 0, inside(scene, 1, 0))
    assert propagate(page, end=3)["revision"] == 2
    assert vseg.open_run(root / "run").object_ids == (1,)


def objects_of(page: AnnotatorPage) -> list[dict[str, object]]:
    """As the page was told last."""
    told = [event for event in page.events if event["type"] == "objects"][-1]["objects"]
    return list(told)


def test_a_split_takes_no_id_of_an_object_that_is_not_propagated_yet(
    scene: SyntheticVideo, page: AnnotatorPage, root: Path
) -> None:
    page.point(None, 0, inside(scene, 1, 0))
    propagate(page, end=4)
    page.point(None, 0, inside(scene, 2, 0))
    assert page.ask("edit", edit={"kind": "split", "object": 1, "at": 2})["object"] == 3
    assert [(o["id"], o["stored"]) for o in objects_of(page)] == [
        (1, True),
        (2, False),
        (3, True),
    ]
    assert vseg.open_run(root / "run").object_ids == (1, 3)


def test_an_object_that_was_named_before_it_is_propagated_is_stored_with_its_name(
    scene: SyntheticVideo, page: AnnotatorPage, root: Path
) -> None:
    page.point(None, 0, inside(scene, 1, 0))
    page.point(None, 0, inside(scene, 2, 0))
    for edit in (
        {"kind": "rename", "object": 1, "label": "car"},
        {"kind": "rename", "object": 1, "label": "person:anna"},
        {"kind": "colour", "object": 1, "colour": "#123456"},
        {"kind": "rename", "object": 2, "label": "gone"},
    ):
        assert page.ask("edit", edit=edit)["revision"] == 0
    told = page.ask("edit", edit={"kind": "rename", "object": 1, "label": " "})
    assert told["error"]["title"] == "BadPrompt"
    one, _ = objects_of(page)
    assert (one["label"], one["colour"], one["stored"]) == ("person:anna", "#123456", False)
    assert vseg.open_run(root / "run").objects == ()
    assert page.ask("undo")["step"]["title"] == "name"
    page.ask("edit", edit={"kind": "delete", "object": 2})
    propagate(page, end=3)
    (stored,) = vseg.open_run(root / "run").objects
    assert (stored.id, stored.label, stored.colour) == (1, "person:anna", "#123456")
    # As any other object from now on, and undone to what it was before.
    rename = {"kind": "rename", "object": 1, "label": "car"}
    assert page.ask("edit", edit=rename)["revision"] == 2
    titles = [page.ask("undo")["step"]["title"] for _ in range(2)]
    assert titles == ["name", "propagation"]
    assert objects_of(page)[0]["label"] == "person:anna"
    # Absent somewhere, it is stored as it is called.
    absent = {"kind": "absent", "object": 1, "first": 5, "end": 7}
    assert "revision" in (told := page.ask("edit", edit=absent)), told
    assert vseg.open_run(root / "run").labels == {1: "person:anna"}


def test_undo_and_redo_go_through_everything(
    scene: SyntheticVideo, page: AnnotatorPage, root: Path
) -> None:
    page.point(None, 2, inside(scene, 1, 2))
    propagate(page)
    page.ask("edit", edit={"kind": "rename", "object": 1, "label": "ball"})
    page.ask("edit", edit={"kind": "colour", "object": 1, "colour": "#123456"})
    titles = []
    while (step := page.ask("undo")["step"]) is not None:
        titles.append(step["title"])
    assert titles == ["colour", "name", "propagation", "click"]
    assert vseg.open_run(root / "run").objects == ()
    while page.ask("redo")["step"] is not None:
        pass
    (ball,) = vseg.open_run(root / "run").objects
    assert (ball.label, ball.colour) == ("ball", "#123456")


def test_edits_are_revisions(scene: SyntheticVideo, page: AnnotatorPage, root: Path) -> None:
    for obj in (1, 2):
        page.point(None, 0, inside(scene, obj, 0))
    propagate(page)
    split = page.ask("edit", edit={"kind": "split", "object": 2, "at": 4})
    assert split["object"] == 3
    page.ask("edit", edit={"kind": "merge", "objects": [2, 3]})
    page.ask("edit", edit={"kind": "absent", "object": 2, "first": 6, "end": 8})
    page.ask("accept", object=1, first=0, end=4)
    page.ask("edit", edit={"kind": "delete", "object": 2})
    run = vseg.open_run(root / "run")
    assert run.object_ids == (1,)
    assert run.spans[0].state_at(2) == "accepted"
    refused = page.ask("edit", edit={"kind": "delete", "object": 7})
    assert refused["error"]["title"] == "UnknownObject" and refused["error"]["hint"]


def test_cancel_keeps_what_was_tracked(
    scene: SyntheticVideo, page: AnnotatorPage, root: Path
) -> None:
    page.ask("view", frame=0)
    page.point(None, 0, inside(scene, 1, 0))
    page.tell("propagate")
    page.mask(1, 0, MaskFlag.TRANSIENT)
    assert page.ask("cancel")["cancelled"]
    done = page.event("done")
    held = [row.frame for row in vseg.open_run(root / "run").track(1)]
    assert held == [*range(len(held))] and held
    if len(held) < FRAMES:  # the object is not at its end: the next propagation goes on
        assert done["cancelled"] and done["revision"] == 1
        page.point(1, held[-1], inside(scene, 1, held[-1]))
        propagate(page)
        assert [r.frame for r in vseg.open_run(root / "run").track(1)] == [*range(FRAMES)]


def test_one_writes_the_other_watches_and_takes_over(
    client: TestClient, page: AnnotatorPage, scene: SyntheticVideo
) -> None:
    with page_of(client, "run") as other:
        assert other.welcome["lease"]["mode"] == "watch"
        refused = other.point(None, 0, (5, 5))
        assert refused["error"]["title"] == "NotAllowed"
        page.point(None, 0, inside(scene, 1, 0))
        assert other.event("objects")["objects"][0]["id"] == 1
        assert other.ask("takeover")["ok"]
        while page.event("lease")["lease"]["mode"] != "watch":
            pass
        assert other.point(1, 0, inside(scene, 1, 0))["object"] == 1
        assert page.point(1, 0, (5, 5))["error"]["title"] == "NotAllowed"
    assert page.ask("takeover")["ok"]


def test_key_that_may_read_only_watches(root: Path) -> None:
    with served(app_of(root, local_key("read"))) as client, page_of(client, "run") as page:
        assert page.welcome["lease"]["mode"] == "watch"
        assert page.point(None, 0, (5, 5))["error"]["title"] == "NotAllowed"
        page.ask("takeover")
        assert page.point(None, 0, (5, 5))["error"]["title"] == "NotAllowed"
        assert page.ask("view", frame=0)["masks"] == 0


def test_who_comes_back_gets_what_was_missed(
    client: TestClient, page: AnnotatorPage, scene: SyntheticVideo
) -> None:
    with page_of(client, "run", mode="watch") as other:
        stream = other.welcome["stream"]
        last = other.welcome["seq"]
    page.point(None, 0, inside(scene, 1, 0))
    page.event("stale")
    with page_of(client, "run", mode="watch", stream=stream, last_seq=last) as again:
        assert again.welcome["resumed"] and again.welcome["state"] is None
        assert again.event("objects")["seq"] > last
    with page_of(client, "run", mode="watch", stream="unknown", last_seq=3) as fresh:
        assert not fresh.welcome["resumed"] and fresh.welcome["state"]["pending"]


def test_lanes_have_as_many_cells_as_asked(scene: SyntheticVideo, page: AnnotatorPage) -> None:
    page.point(None, 2, inside(scene, 1, 2))
    propagate(page)
    page.point(1, 6, inside(scene, 1, 6))
    lanes = page.ask("lanes", first=0, end=1000, bins=4)
    assert (lanes["first"], lanes["end"], lanes["cells"]) == (0, 8, 4)
    (lane,) = lanes["lanes"]
    assert lane["states"] == [2, 2, 2, 2] and lane["anchors"] == [2]
    assert lane["pending"] == [6] and [6, 7] in lane["stale"]
    assert len(lane["visible"]) == len(lane["risk"]) == 4
    assert page.ask("lanes", first=8, end=9, bins=4)["error"]["title"] == "BadPrompt"


def test_preview_stores_nothing_and_only_the_newest_counts(
    scene: SyntheticVideo, page: AnnotatorPage, root: Path
) -> None:
    page.ask("view", frame=0)
    x, y = inside(scene, 1, 0)
    numbers = [page.tell("preview", frame=0, point=[x, y]) for _ in range(5)]
    answers: dict[int, bool] = {}
    while len(answers) < 5:
        message = page.receive()
        if message.get("re") in numbers:
            answers[message["re"]] = message["superseded"]
    assert not answers[numbers[-1]] and sum(answers.values()) >= 1
    shown = page.masks[-1]
    assert shown.object_id == 0 and shown.flags & MaskFlag.TRANSIENT and shown.mask[y, x]
    assert not page.ask("statistics")["prompts"]


def test_words_exemplar_and_alternatives(scene: SyntheticVideo, page: AnnotatorPage) -> None:
    page.ask("view", frame=0)
    page.point(None, 0, inside(scene, 1, 0))
    rows, columns = np.nonzero(scene.draw(0).labels == 1)
    box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    like = {"kind": "exemplar", "frame": 0, "xyxy": [int(side) for side in box]}
    answer = page.ask("prompt", object=None, frame=3, prompt=like)
    assert answer["object"] == 2
    assert page.ask("alternatives", object=2, frame=3)["alternatives"] == []
    assert page.ask("alternatives", object=1, frame=5)["error"]["title"] == "BadPrompt"
    words = {"kind": "text", "phrase": "zeppelin"}
    told = page.ask("prompt", object=2, frame=0, prompt=words)
    assert "zeppelin" in told["error"]["detail"] and told["error"]["hint"]
    assert page.ask("undo")["step"]["title"] == "exemplar"


def test_a_click_has_smaller_and_larger_masks(scene: SyntheticVideo, model: Model) -> None:
    images = PromptedImages(model, lambda index: scene.draw(index).frame, _no_words)
    click = Prompt(1, Timecode(frame=0), Points([inside(scene, 1, 0)]))
    whole = images.mask("whole", [click], None).crop
    x, y, width, height = whole.xywh
    part = MaskCrop(x, y, whole.mask[: height // 3, : width // 3] | True)
    (larger,) = [m for kind, m in images.alternatives([click], part) if kind == "larger"]
    assert larger.crop.area > part.area
    around = np.pad(whole.mask, height) | True
    several = MaskCrop(max(0, x - height), max(0, y - height), around)
    (smaller,) = [m for kind, m in images.alternatives([click], several) if kind == "smaller"]
    assert smaller.crop.area < several.area
    boxed = Prompt(1, Timecode(frame=0), Box(1, 1, 50, 50))
    assert images.alternatives([click, boxed], whole) == []


def _no_words(texts: object) -> Grounder:
    raise AssertionError("no words were given")


def test_alternatives_are_told(page: AnnotatorPage) -> None:
    page.ask("view", frame=0)
    page.point(None, 0, (37, 71))  # near the rim of an object, as most of it or more
    area = int(page.mask(1, 0, MaskFlag.PENDING).mask.sum())
    alternatives = page.ask("alternatives", object=1, frame=0)["alternatives"]
    assert [each["kind"] for each in alternatives] == ["smaller", "larger"]
    for each in alternatives:
        assert (each["area"] < area) == (each["kind"] == "smaller")
        assert each["area"] == sum(each["crop"]["runs"][1::2])


def test_review_statistics_export_report_and_import(
    scene: SyntheticVideo, page: AnnotatorPage, client: TestClient, root: Path
) -> None:
    page.point(None, 0, inside(scene, 1, 0))
    propagate(page)
    # What cannot be read of another run stops no review.
    other = shutil.copytree(root / "run", root / "other") / "annotation" / "journal.jsonl"
    other.write_text("nonsense\n")
    told = page.ask("review_next", everywhere=True)
    if told["span"] is not None:
        span = told["span"]
        keys = {key: span[key] for key in ("run", "object", "first", "end")}
        assert page.ask("skip", **keys)["ok"]
        assert page.ask("review_next")["left"] == told["left"] - 1
    numbers = page.ask("statistics")
    assert (numbers["points"], numbers["propagations"], numbers["objects"]) == (1, 1, 1)
    assert (numbers["corrected_spans"], numbers["corrected_frames"]) == (1, FRAMES)
    assert (numbers["accepted_spans"], numbers["accepted_frames"]) == (0, 0)
    report = page.ask("report")
    content = client.get(report["url"]).content
    assert b"<html" in content
    assert b"nothing was tracked" not in content
    made = page.ask("export", format="coco")
    payload = client.get(made["url"])
    assert payload.headers["content-disposition"].startswith("attachment")
    assert page.ask("export", format="nothing")["error"]["title"] == "UsageError"
    page.ask("edit", edit={"kind": "delete", "object": 1})
    url = made["url"].replace(f"files/{made['name']}", f"import?name={made['name']}")
    back = client.post(url, content=payload.content)
    assert back.status_code == 422, back.text  # it is what the run had, at that revision
    assert (
        client.get(made["url"].replace(made["name"], "..%2f..%2frun.json")).status_code == 404
    )


def test_a_clip_is_begun_over_http(client: TestClient, root: Path) -> None:
    listed = vseg.open_run(root / "run")
    assert len(listed) == FRAMES
    begun = client.post("/v1/annotations", json={"video": id_of("two.mp4"), "name": "mine"})
    assert begun.status_code == 201 and begun.json()["run"] == id_of("mine")
    assert len(vseg.open_run(root / "mine")) == FRAMES
    again = client.post("/v1/annotations", json={"video": id_of("two.mp4"), "name": "mine"})
    assert again.status_code == 409


def test_one_process_annotates_a_run(page: AnnotatorPage, root: Path) -> None:
    path = f"ws://127.0.0.1:8707/v1/annotations/{id_of('run')}/socket"
    with (
        served(app_of(root)) as other,
        other.websocket_connect(path, headers={"Origin": ADDRESS}) as socket,
    ):
        told = socket.receive_json()
    assert told["error"]["title"] == "RunBusy"
    assert page.ask("undo")["step"] is None


def test_what_another_program_makes_of_the_run_is_told(
    page: AnnotatorPage, scene: SyntheticVideo, root: Path
) -> None:
    page.point(None, 0, inside(scene, 1, 0))
    propagate(page)
    with RunEdit(root / "run") as edit:
        edit.rename(1, "ball")
    page.tell("undo")
    assert page.event("state")["state"]["objects"][0]["label"] == "ball"
    assert page.event("objects")["objects"][0]["label"] is None
