"""Sessions over HTTP give what a Session gives, to the bit: in memory, evicted, restarted."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from tests.grounder_models import saved_grounder
from tests.served import CLIP, SHORT_SIDE, app_of, local_key, served
from vseg.build import load_model, open_run, open_video
from vseg.client.values import FrameAnswer, PropagateRequest
from vseg.errors import OutputError, UsageError
from vseg.interfaces.reader import OpenReader
from vseg.io.files import sha256_of
from vseg.prompts.codec import pack_prompt
from vseg.server.live_session import answer_of
from vseg.server.security.access import Caller
from vseg.server.security.keys import key_of
from vseg.server.settings import Limits
from vseg.session.session import Session
from vseg.types import Exemplar, Prompt, Timecode

pytestmark = pytest.mark.integration

FIRST = {"kind": "box", "frame": 0, "object": 1, "xyxy": [105, 34, 133, 57]}
SECOND = {
    "kind": "points",
    "frame": 2,
    "object": 2,
    "xy": [[34, 70], [5, 5]],
    "positive": [True, False],
}


@pytest.fixture(scope="module")
def expected(scene_clip: Path) -> list[FrameAnswer]:
    """What a Session gives for both prompts."""
    model = load_model("nano", short_side=SHORT_SIDE)
    with open_video(scene_clip) as video, Session(model, video) as session:
        session.prompt(1, 0, box=(105, 34, 133, 57))
        session.prompt(2, 2, points=[(34, 70), (5, 5)], labels=[1, 0])
        return [answer_of(masks) for masks in session.propagate()]


@pytest.fixture
def client(root: Path) -> Iterator[TestClient]:
    with served(app_of(root)) as opened:
        yield opened


def begun(client: TestClient, **headers: str) -> str:
    """The path of a new session."""
    answer = client.post("/v1/sessions", json={"video": CLIP}, headers=headers)
    assert answer.status_code == 201
    return f"/v1/sessions/{answer.json()['id']}"


def prompted(client: TestClient, path: str, *prompts: dict[str, Any]) -> list[FrameAnswer]:
    answer = client.post(f"{path}/prompts", json={"prompts": list(prompts)})
    assert answer.status_code == 200, answer.text
    return [FrameAnswer.model_validate(frame) for frame in answer.json()["frames"]]


def propagated(client: TestClient, path: str, **asked: Any) -> list[FrameAnswer]:
    answer = client.post(f"{path}/propagate", json=asked)
    assert answer.status_code == 200, answer.text
    blocks = [block.splitlines() for block in answer.text.strip().split("\n\n")]
    assert blocks[-1][0] == "event: done"
    return [
        FrameAnswer.model_validate_json(lines[1].removeprefix("data: "))
        for lines in blocks[:-1]
    ]


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["title"]


def test_masks_are_those_of_a_session(client: TestClient, expected: list[FrameAnswer]) -> None:
    path = begun(client)
    shown = prompted(client, path, FIRST, SECOND)
    assert [frame.frame for frame in shown] == [0, 2]
    assert all(mask.visible for frame in shown for mask in frame.masks)
    assert propagated(client, path) == expected
    facts = client.get(path).json()
    assert facts["objects"] == [
        {"id": 1, "prompted_frames": [0]},
        {"id": 2, "prompted_frames": [2]},
    ]
    assert facts["unfinished"] is None


def test_sessions_that_are_evicted_in_turns_give_the_same(
    root: Path, expected: list[FrameAnswer]
) -> None:
    app = app_of(root, loaded_sessions=1)
    with served(app) as client:
        paths = [begun(client), begun(client)]
        for one in (FIRST, SECOND):
            for path in paths:
                prompted(client, path, one)
        assert app.state.service.sessions.counts == (2, 1)
        assert [propagated(client, path) for path in paths] == [expected, expected]


def test_a_restart_loses_nothing(root: Path, expected: list[FrameAnswer]) -> None:
    with served(app_of(root)) as client:
        path = begun(client)
        prompted(client, path, FIRST)
    with served(app_of(root)) as client:
        prompted(client, path, SECOND)
    with served(app_of(root)) as client:
        first = propagated(client, path, until=7)
    with served(app_of(root)) as client:
        rest = propagated(client, path, start=7)
    assert [*first, *rest] == expected


def test_a_state_that_cannot_be_restored_is_said_and_leaves_no_reader_open(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_of(root)
    with served(app) as client:
        path = begun(client)
        prompted(client, path, FIRST)
    (state,) = root.rglob("state-*.safetensors")
    payload = bytearray(state.read_bytes())
    payload[-1] ^= 1
    state.write_bytes(payload)
    opened = []

    def opening(source: Path) -> OpenReader:
        opened.append(open_video(source))
        return opened[-1]

    monkeypatch.setattr("vseg.server.sessions.open_video", opening)
    with served(app_of(root)) as client:
        answer = client.post(f"{path}/prompts", json={"prompts": [SECOND]})
        assert refusal(answer) == (409, "InTheWay")
        assert "begin a new one" in answer.json()["hint"]
        with pytest.raises(UsageError, match="closed"):
            opened[0].read(0)
        state.unlink()
        answer = client.post(f"{path}/prompts", json={"prompts": [SECOND]})
        assert refusal(answer) == (409, "InTheWay")
        assert client.delete(path).status_code == 204


def test_an_idle_session_leaves_the_memory(root: Path) -> None:
    app = app_of(root, idle_s=0.001)
    with served(app) as client:
        prompted(client, begun(client), FIRST)
        app.state.service.sessions.evict()
        assert app.state.service.sessions.counts == (1, 0)


def test_a_request_that_is_sent_again_does_nothing_twice(
    client: TestClient, expected: list[FrameAnswer]
) -> None:
    once = {"Idempotency-Key": "a"}
    path = begun(client, **once)
    assert begun(client, **once) == path
    assert len(client.get("/v1/sessions").json()["sessions"]) == 1
    answers = [
        client.post(f"{path}/prompts", json={"prompts": [FIRST, SECOND]}, headers=once).json()
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert propagated(client, path) == expected
    other = client.post(f"{path}/prompts", json={"prompts": [FIRST]}, headers=once)
    assert refusal(other) == (422, "UsageError")
    elsewhere = {"video": CLIP, "memory": {"recent": 2}}
    again = client.post("/v1/sessions", json=elsewhere, headers=once)
    assert refusal(again) == (422, "UsageError")


def test_of_several_prompts_all_are_taken_or_none(
    client: TestClient, expected: list[FrameAnswer]
) -> None:
    path = begun(client)
    prompted(client, path, FIRST)
    outside = {"kind": "box", "frame": 2, "object": 3, "xyxy": [1, 1, 9000, 9]}
    answer = client.post(f"{path}/prompts", json={"prompts": [SECOND, outside]})
    assert refusal(answer) == (422, "BadPrompt")
    assert [one["id"] for one in client.get(path).json()["objects"]] == [1]
    prompted(client, path, SECOND)
    assert propagated(client, path) == expected


def test_what_cannot_be_saved_has_not_happened(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OutputError("no space left", hint="free some")

    path = begun(client)
    first = prompted(client, path, FIRST)
    calm = propagated(client, path)
    with monkeypatch.context() as patched:
        patched.setattr("vseg.server.storage.session_files.atomic_write_text", full)
        more = {"prompts": [SECOND]}
        assert refusal(client.post(f"{path}/prompts", json=more)) == (409, "OutputError")
        assert refusal(client.delete(f"{path}/objects/1")) == (409, "OutputError")
        assert refusal(client.post(f"{path}/propagate", json={})) == (409, "OutputError")
    assert [one["id"] for one in client.get(path).json()["objects"]] == [1]
    assert propagated(client, path) == calm
    assert first[0].masks == calm[0].masks


def test_an_object_is_removed(client: TestClient) -> None:
    path = begun(client)
    prompted(client, path, FIRST, SECOND)
    assert client.delete(f"{path}/objects/1").status_code == 200
    assert {m.object for f in propagated(client, path) for m in f.masks} == {2}
    assert client.delete(f"{path}/objects/1").status_code == 422


@pytest.mark.parametrize(
    "prompt",
    [
        {"kind": "box", "frame": 99, "object": 1, "xyxy": [1, 1, 9, 9]},
        {"kind": "box", "frame": -1, "object": 1, "xyxy": [1, 1, 9, 9]},
        {"kind": "box", "frame": 0, "object": 0, "xyxy": [1, 1, 9, 9]},
        {"kind": "box", "frame": 0, "object": 1, "xyxy": [9, 9, 1, 1]},
        {"kind": "points", "frame": 0, "object": 1, "xy": [], "positive": []},
        {"kind": "points", "frame": 0, "object": 1, "xy": [[1, 2]], "positive": [True, False]},
        {"kind": "points", "frame": 0, "object": 1, "xy": [[1, 2]], "positive": [False]},
        {"kind": "scribble", "frame": 0, "object": 1, "xy": [], "positive": True},
        {"kind": "mask", "frame": 0, "object": 1, "size": [96, 160], "counts": "xyz~"},
        {"kind": "mask", "frame": 0, "object": 1, "size": [9**9, 9**9], "counts": "0"},
        {"kind": "mask", "frame": 0, "object": 1, "size": [-1, 5], "counts": "0"},
        {"kind": "polygon", "frame": 0, "object": 1, "rings": [[]]},
        {"kind": "text", "frame": 0, "object": 1, "phrase": "", "threshold": None},
        {"kind": "text", "frame": 0, "object": 1, "phrase": "zeppelin", "threshold": None},
        {"kind": "text", "frame": 0, "object": None, "phrase": "person", "threshold": None},
        {"kind": "text", "frame": 0, "object": 1, "phrase": "dog", "threshold": 7},
        {
            "kind": "exemplar",
            "frame": 0,
            "object": 1,
            "image": "0" * 64,
            "size": [96, 160],
            "counts": "0",
            "source": "",
            "threshold": None,
        },
        {"kind": "pickle", "frame": 0, "object": 1},
        {"kind": "text", "frame": 0, "object": 1, "phrase": "\ud800", "threshold": None},
        {
            "kind": "points",
            "frame": 0,
            "object": 1,
            "xy": [[1e308, -1e308]],
            "positive": [True],
        },
        {"kind": "polygon", "frame": 0, "object": 1, "rings": [[[0, 0], [1e300, 0], [0, 9]]]},
        "box",
        None,
    ],
)
def test_a_prompt_that_cannot_be_is_refused(client: TestClient, prompt: Any) -> None:
    path = begun(client)
    content = json.dumps({"prompts": [prompt]})
    headers = {"Content-Type": "application/json"}
    answer = client.post(f"{path}/prompts", content=content, headers=headers)
    assert answer.status_code in (413, 422), answer.text
    assert client.get(path).json()["objects"] == []


@pytest.mark.parametrize(
    "asked",
    [
        {"start": 99},
        {"until": 99},
        {"objects": [7]},
        {"resume": True},
        {"start": -1},
        {"reverse": 7},
        {"speed": 1},
    ],
)
def test_a_propagation_that_cannot_be_is_refused(
    client: TestClient, asked: dict[str, Any]
) -> None:
    path = begun(client)
    prompted(client, path, FIRST)
    answer = client.post(f"{path}/propagate", json=asked)
    assert answer.status_code == 422, answer.text
    assert len(propagated(client, path)) == 12


def test_a_propagation_whose_client_is_gone_is_given_up(
    root: Path, monkeypatch: pytest.MonkeyPatch, expected: list[FrameAnswer]
) -> None:
    app = app_of(root)
    with served(app) as client:
        path = begun(client)
        prompted(client, path, FIRST, SECOND)
        service = app.state.service
        caller = Caller(local_key(), by_cookie=False)
        begin = service.sessions.begin
        session_id = path.rpartition("/")[2]
        service.worker.submit("a", begin, caller, session_id, PropagateRequest()).result(20)
        answer = client.post(f"{path}/prompts", json={"prompts": [FIRST]})
        assert refusal(answer) == (409, "InTheWay")
        monkeypatch.setattr("vseg.server.sessions._GIVEN_UP_S", 0.0)
        assert propagated(client, path) == expected


def test_the_same_propagation_again_gives_the_same_masks(
    root: Path, expected: list[FrameAnswer]
) -> None:
    with served(app_of(root)) as client:
        path = begun(client)
        prompted(client, path, FIRST, SECOND)
        assert propagated(client, path) == expected
        assert propagated(client, path) == expected
    with served(app_of(root)) as client:
        assert propagated(client, path) == expected
        backward = propagated(client, path, reverse=True)
        assert propagated(client, path, reverse=True) == backward
        folder = root / ".vseg" / "sessions" / path.rpartition("/")[2]
        assert len(list(folder.glob("state-*"))) == 2
        prompted(client, path, SECOND)
        assert len(list(folder.glob("state-*"))) == 1


def few(app: FastAPI, path: str, frames: int) -> list[FrameAnswer]:
    """Frames of a propagation that is left early."""
    service = app.state.service
    caller = Caller(local_key(), by_cookie=False)
    session_id = path.rpartition("/")[2]

    def work() -> list[FrameAnswer]:
        service.sessions.begin(caller, session_id, PropagateRequest())
        given = [service.sessions.step(session_id) for _ in range(frames)]
        service.sessions.end(session_id)
        return given

    return list(service.worker.submit("a", work).result(20))


def test_what_was_left_early_goes_on_beside_what_was_prompted_since(root: Path) -> None:
    app = app_of(root)
    with served(app) as client:
        path = begun(client)
        prompted(client, path, FIRST)
        whole = few(app, path, 6)
        assert few(app, path, 6) == whole  # nothing was changed
        prompted(client, path, SECOND)
        assert [m.object for m in few(app, path, 2)[1].masks] == [2]
    with served(app_of(root)) as client:  # cut off, and gone on with
        rest = propagated(client, path, resume=True)
    shown = [(f.frame, [m.object for m in f.masks]) for f in rest]
    assert shown[:3] == [(4, [2]), (5, [2]), (6, [1, 2])]
    assert shown[-1] == (11, [1, 2])


def test_without_prompts_nothing_is_propagated(client: TestClient) -> None:
    answer = client.post(f"{begun(client)}/propagate", json={})
    assert refusal(answer) == (422, "BadPrompt")


def test_masks_unfold_to_so_many_pixels_only(root: Path) -> None:
    mask = {"kind": "mask", "frame": 0, "object": 1, "size": [16384, 16384], "counts": "0"}
    with served(app_of(root)) as client:
        path = begun(client)
        answer = client.post(f"{path}/prompts", json={"prompts": [mask] * 1000})
        assert refusal(answer) == (413, "TooLarge")
        job = {"kind": "track", "video": CLIP, "run": "a", "prompts": [mask]}
        assert refusal(client.post("/v1/jobs", json=job)) == (413, "TooLarge")


@pytest.mark.parametrize("body", ["[" * 100_000, b"\xff", "", "null", "9" * 10_000, "{}"])
def test_a_body_that_is_no_request_is_refused(client: TestClient, body: Any) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.post("/v1/sessions", content=body, headers=headers)
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_exemplar_is_a_region_of_a_frame_of_the_folder(
    client: TestClient, scene_clip: Path
) -> None:
    with open_video(scene_clip) as video:
        image = video.read(0).image
    region = np.zeros(image.shape[:2], dtype=bool)
    region[34:57, 105:133] = True
    shown = Prompt(1, Timecode(frame=3), Exemplar(image, region, "frame 0", 0.05))
    asked: dict[str, Any] = {"prompts": [pack_prompt(shown, {})]}
    path = begun(client)
    assert client.post(f"{path}/prompts", json=asked).status_code == 422
    asked["exemplar_frames"] = [{"video": CLIP, "frame": 99}]
    assert client.post(f"{path}/prompts", json=asked).status_code == 422
    asked["exemplar_frames"] = [{"video": CLIP, "frame": 0}]
    answer = client.post(f"{path}/prompts", json=asked)
    assert answer.status_code == 200, answer.text
    (mask,) = FrameAnswer.model_validate(answer.json()["frames"][0]).masks
    assert mask.visible


def test_sessions_are_their_keys(root: Path) -> None:
    mine = local_key("write")
    other = key_of("other", "other", "write", key_id="other")
    chief = key_of("chief", "chief", "admin", key_id="chief")
    with served(app_of(root, mine, other, chief)) as client:
        path = begun(client)
        assert len(client.get("/v1/sessions").json()["sessions"]) == 1
        client.headers["Authorization"] = "Bearer other"
        assert client.get("/v1/sessions").json()["sessions"] == []
        assert refusal(client.get(path)) == (404, "NotThere")
        assert refusal(client.delete(path)) == (404, "NotThere")
        assert refusal(client.post(f"{path}/propagate", json={})) == (404, "NotThere")
        client.headers["Authorization"] = "Bearer chief"
        assert len(client.get("/v1/sessions").json()["sessions"]) == 1


def test_a_key_has_so_many_sessions_and_objects(root: Path) -> None:
    limits = Limits(sessions=1, objects=1)
    with served(app_of(root, limits=limits)) as client:
        path = begun(client)
        answer = client.post("/v1/sessions", json={"video": CLIP})
        assert refusal(answer) == (429, "TooMany")
        assert int(answer.headers["retry-after"]) > 0
        prompted(client, path, FIRST)
        answer = client.post(f"{path}/prompts", json={"prompts": [SECOND]})
        assert refusal(answer) == (413, "TooLarge")
        assert client.delete(path).status_code == 204
        assert refusal(client.get(path)) == (404, "NotThere")
        begun(client)


def test_a_session_knows_when_its_clip_was_replaced(root: Path) -> None:
    with served(app_of(root)) as client:
        path = begun(client)
        clip = root / "two.mp4"
        clip.write_bytes(clip.read_bytes()[:-1])
        answer = client.post(f"{path}/prompts", json={"prompts": [FIRST]})
    assert refusal(answer) == (409, "InTheWay")


def test_what_cannot_be_read_of_the_state_is_no_session(root: Path) -> None:
    folder = root / ".vseg" / "sessions" / "0123456789abcdef"
    folder.mkdir(parents=True)
    (folder / "session.json").write_text("{}")
    with served(app_of(root)) as client:
        assert client.get("/v1/sessions").json()["sessions"] == []


def test_a_body_that_is_too_large_is_refused(root: Path) -> None:
    with served(app_of(root, limits=Limits(body_bytes=2048))) as client:
        path = begun(client)
        many = {**SECOND, "xy": [[1, 1]] * 500, "positive": [True] * 500}
        body = json.dumps({"prompts": [many]}).encode()
        for content in (body, iter([body[:1500], body[1500:]])):  # at once, and in chunks
            answer = client.post(f"{path}/prompts", content=content)
            assert answer.status_code == 413
            assert answer.headers["content-type"] == "application/problem+json"
            assert "content-security-policy" in answer.headers


def test_words_of_the_grounder_that_the_service_was_given(root: Path, tmp_path: Path) -> None:
    saved_grounder("grounding-dino", tmp_path / "dino")
    words = {"kind": "text", "frame": 0, "object": 1, "phrase": "the house", "threshold": None}
    asked = {"kind": "track", "video": CLIP, "run": "houses", "prompts": [words]}
    with served(app_of(root, grounder=str(tmp_path / "dino"))) as client:
        (shown,) = prompted(client, begun(client), words)
        assert shown.masks[0].object == 1
        job = client.post("/v1/jobs", json={**asked, "settings": {"range": "0:2"}}).json()
        assert "event: job" in client.get(f"/v1/jobs/{job['id']}/events").text
    run = open_run(root / "runs" / "houses")
    assert run.header.options["grounder.weights"] == sha256_of(
        *(tmp_path / "dino").glob("*.safe*")
    )
