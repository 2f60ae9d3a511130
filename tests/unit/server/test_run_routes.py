"""Runs and jobs over HTTP."""

import io
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.served import CLIP, SHORT_SIDE, app_of, local_key, served
from vseg.build import open_run
from vseg.client.values import RunMasks
from vseg.config import TrackConfig
from vseg.errors import OutputError
from vseg.pipelines.job import TrackJob
from vseg.pipelines.track import track
from vseg.server.security.keys import key_of
from vseg.server.settings import Limits
from vseg.server.storage.ids import id_of
from vseg.types import Box, Prompt, Timecode

pytestmark = pytest.mark.integration

PROMPT = {"kind": "box", "frame": 0, "object": 1, "xyxy": [105, 34, 133, 57]}
TRACK = {"kind": "track", "video": CLIP, "run": "new", "prompts": [PROMPT]}
RUN = id_of("runs/old")


@pytest.fixture(scope="module")
def tracked(scene_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the clip."""
    out = tmp_path_factory.mktemp("run") / "old"
    prompts = (
        Prompt(1, Timecode(frame=0), Box(105, 34, 133, 57)),
        Prompt(2, Timecode(frame=0), Box(18, 52, 51, 89)),
    )
    config = TrackConfig(short_side=SHORT_SIDE, preview=False, shard_frames=4)
    track(TrackJob(str(scene_clip), out, prompts, config, labels={1: "car"}))
    return out


@pytest.fixture
def served_run(root: Path, tracked: Path) -> Path:
    """The root with the run in it."""
    (root / "runs").mkdir()
    target = root / "runs" / "old"
    for path in sorted(tracked.rglob("*")):
        place = target / path.relative_to(tracked)
        if path.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
    return root


@pytest.fixture
def client(served_run: Path) -> Iterator[TestClient]:
    with served(app_of(served_run)) as opened:
        yield opened


def ended(client: TestClient, job: Any) -> dict[str, Any]:
    """The facts of a job once it has ended."""
    assert job.status_code == 202, job.text
    path = f"/v1/jobs/{job.json()['id']}"
    assert "event: job" in client.get(f"{path}/events").text
    facts: dict[str, Any] = client.get(path).json()
    return facts


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["title"]


def test_a_run_is_described(client: TestClient) -> None:
    assert client.get("/v1/runs").json()["runs"] == [{"id": RUN, "path": "runs/old"}]
    facts = client.get(f"/v1/runs/{RUN}").json()
    assert (facts["frames"], facts["extent"], facts["status"]) == (12, [0, 11], "complete")
    assert [one["label"] for one in facts["objects"]] == ["car", None]


def test_masks_as_run_lengths_are_those_of_the_run(client: TestClient, tracked: Path) -> None:
    answer = client.get(f"/v1/runs/{RUN}/masks?frames=3:9")
    masks = RunMasks.model_validate_json(answer.content)
    run = open_run(tracked)
    assert [frame.frame for frame in masks.frames] == list(range(3, 9))
    for frame in masks.frames:
        for one in frame.masks:
            assert np.array_equal(one.mask(), run[frame.frame][one.object])
    only = client.get(f"/v1/runs/{RUN}/masks?frames=3:4&object=2").json()["frames"]
    assert [one["object"] for one in only[0]["masks"]] == [2]


def test_masks_come_in_pages(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from vseg.server.routes import run_routes

    monkeypatch.setattr(run_routes, "_FRAMES_AT_ONCE", 5)
    seen: list[int] = []
    place: int | None = 0
    while place is not None:
        page = client.get(f"/v1/runs/{RUN}/masks?frames={place}:").json()
        seen += [frame["frame"] for frame in page["frames"]]
        place = page["next"]
    assert seen == list(range(12))


def test_masks_as_images(client: TestClient, tracked: Path) -> None:
    masks = open_run(tracked)[5]
    answer = client.get(f"/v1/runs/{RUN}/masks?frames=5:6&format=png&object=2")
    image = Image.open(io.BytesIO(answer.content))
    assert np.array_equal(np.asarray(image) > 0, masks[2])
    answer = client.get(f"/v1/runs/{RUN}/masks?frames=5:6&format=png")
    labels = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert np.array_equal(labels == 1, masks[1])
    for frames in ("5:7", "99:100", ":"):
        answer = client.get(f"/v1/runs/{RUN}/masks?frames={frames}&format=png")
        assert refusal(answer) == (422, "UsageError")


def test_masks_as_a_table(client: TestClient) -> None:
    answer = client.get(f"/v1/runs/{RUN}/masks?frames=2:6&format=parquet")
    table = pq.read_table(io.BytesIO(answer.content))
    assert sorted(set(table["frame"].to_pylist())) == [2, 3, 4, 5]
    assert table.num_rows == 8


@pytest.mark.parametrize(
    "query", ["frames=a:b", "frames=1", "frames=-1:2", "format=exe", "object=0", "object=x"]
)
def test_a_question_that_makes_no_sense_is_refused(client: TestClient, query: str) -> None:
    assert client.get(f"/v1/runs/{RUN}/masks?{query}").status_code == 422


def test_an_object_that_is_not_there(client: TestClient) -> None:
    answer = client.get(f"/v1/runs/{RUN}/masks?object=9")
    assert refusal(answer) == (404, "NotThere")


def test_a_damaged_run_is_an_error_of_its_own(client: TestClient, served_run: Path) -> None:
    (served_run / "runs" / "old" / "run.json").write_text("{")
    assert refusal(client.get(f"/v1/runs/{RUN}")) == (409, "BadRun")
    assert str(served_run) not in client.get(f"/v1/runs/{RUN}").text


def test_a_job_tracks_into_a_run_of_the_folder(client: TestClient, tracked: Path) -> None:
    facts = ended(client, client.post("/v1/jobs", json=TRACK))
    assert (facts["status"], facts["run"]) == ("complete", id_of("runs/new"))
    masks = client.get(f"/v1/runs/{facts['run']}/masks").json()["frames"]
    assert [frame["frame"] for frame in masks] == list(range(12))


def test_a_job_goes_on_after_a_restart(served_run: Path) -> None:
    with served(app_of(served_run)) as client:
        job = client.post("/v1/jobs", json=TRACK)
    with served(app_of(served_run)) as client:
        assert ended(client, job)["status"] == "complete"
    assert len(open_run(served_run / "runs" / "new")) == 12


def test_a_job_exports_a_run(client: TestClient) -> None:
    for kind, suffix in (("davis", ".zip"), ("coco", ".json")):
        asked = {"kind": "export", "run": RUN, "format": kind}
        facts = ended(client, client.post("/v1/jobs", json=asked))
        assert facts["file"].endswith(suffix)
        file = client.get(f"/v1/jobs/{facts['id']}/file")
        assert "attachment" in file.headers["content-disposition"]
        assert zipfile.is_zipfile(io.BytesIO(file.content)) == (suffix == ".zip")
        assert client.delete(f"/v1/jobs/{facts['id']}").status_code == 200
        assert client.get(f"/v1/jobs/{facts['id']}").status_code == 404


def test_a_job_that_fails_says_why(client: TestClient) -> None:
    asked = {"kind": "export", "run": RUN, "format": "betamax"}
    facts = ended(client, client.post("/v1/jobs", json=asked))
    assert (facts["status"], facts["problem"]["title"]) == ("failed", "UsageError")
    assert "coco" in facts["problem"]["hint"]
    late = {**TRACK, "prompts": [{**PROMPT, "frame": 99}]}
    facts = ended(client, client.post("/v1/jobs", json=late))
    assert (facts["status"], facts["problem"]["title"]) == ("failed", "BadPrompt")


@pytest.mark.parametrize(
    "change",
    [
        {"run": "../out"},
        {"run": ".hidden"},
        {"run": "a/b"},
        {"run": ""},
        {"video": "../two.mp4"},
        {"prompts": [{"kind": "box"}]},
        {"settings": {"weights": "/etc/passwd"}},
        {"settings": {"range": "x"}},
        {"settings": {"direction": "up"}},
        {"labels": {"1": ""}},
        {"kind": "delete"},
    ],
)
def test_a_job_that_cannot_be_is_refused(client: TestClient, change: dict[str, Any]) -> None:
    answer = client.post("/v1/jobs", json={**TRACK, **change})
    if answer.status_code == 202:  # what only the clip itself can tell
        assert ended(client, answer)["status"] == "failed"
    else:
        assert answer.status_code == 422, answer.text


def test_a_name_that_is_taken_is_refused(client: TestClient) -> None:
    answer = client.post("/v1/jobs", json={**TRACK, "run": "old"})
    assert refusal(answer) == (409, "InTheWay")


def test_a_job_that_is_asked_for_again_is_one(client: TestClient) -> None:
    once = {"Idempotency-Key": "a"}
    answers = [client.post("/v1/jobs", json=TRACK, headers=once) for _ in range(2)]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    other = client.post("/v1/jobs", json={**TRACK, "run": "b"}, headers=once)
    assert refusal(other) == (422, "UsageError")
    assert len(client.get("/v1/jobs").json()["jobs"]) == 1


def test_a_key_has_so_many_jobs_and_sees_its_own(served_run: Path) -> None:
    mine = local_key("write")
    other = key_of("other", "other", "write", key_id="other")
    app = app_of(served_run, mine, other, limits=Limits(jobs=1))
    with served(app) as client, app.state.service.worker.turn("someone"):
        # Nothing is tracked while someone else has the device.
        first = client.post("/v1/jobs", json=TRACK)
        answer = client.post("/v1/jobs", json={**TRACK, "run": "b"})
        assert refusal(answer) == (429, "TooMany")
        path = f"/v1/jobs/{first.json()['id']}"
        client.headers["Authorization"] = "Bearer other"
        assert client.get("/v1/jobs").json()["jobs"] == []
        assert refusal(client.get(path)) == (404, "NotThere")
        assert refusal(client.delete(path)) == (404, "NotThere")


def test_a_job_is_cancelled(served_run: Path) -> None:
    app = app_of(served_run, running_jobs=1)
    with served(app) as client:
        with app.state.service.worker.turn("someone"):
            running = client.post("/v1/jobs", json=TRACK).json()["id"]
            queued = client.post("/v1/jobs", json={**TRACK, "run": "b"}).json()["id"]
            while client.get(f"/v1/jobs/{running}").json()["status"] != "running":
                time.sleep(0.01)
            assert client.delete(f"/v1/jobs/{queued}").json()["status"] == "cancelled"
            client.delete(f"/v1/jobs/{running}")
        client.get(f"/v1/jobs/{running}/events")
        assert client.get(f"/v1/jobs/{running}").json()["status"] == "cancelled"
        assert client.get(f"/v1/jobs/{queued}").json()["status"] == "cancelled"


def test_a_disk_that_is_full_for_a_while_ends_no_thread(
    served_run: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OutputError("no space left", hint="free some")

    export = {"kind": "export", "run": RUN, "format": "coco"}
    app = app_of(served_run, running_jobs=1)
    with served(app) as client:
        with app.state.service.worker.turn("someone"):
            first = client.post("/v1/jobs", json=TRACK)
            while client.get(f"/v1/jobs/{first.json()['id']}").json()["status"] != "running":
                time.sleep(0.01)
            monkeypatch.setattr("vseg.server.storage.job_files.atomic_write_text", full)
        assert ended(client, first)["status"] == "complete"
        assert refusal(client.post("/v1/jobs", json=export)) == (409, "OutputError")
        monkeypatch.undo()
        assert ended(client, client.post("/v1/jobs", json=export))["status"] == "complete"
    assert "is complete, which is not stored: no space left" in caplog.text


def test_clients_of_two_keys_get_turns_while_a_job_runs(served_run: Path) -> None:
    other = key_of("other", "other", "write", key_id="other")
    app = app_of(served_run, local_key("write"), other)
    order: list[str] = []
    with served(app) as client:
        job = client.post("/v1/jobs", json=TRACK)
        worker = app.state.service.worker

        def click() -> None:
            worker.submit("other", order.append, "click").result(20)

        thread = threading.Thread(target=click)
        thread.start()
        thread.join()
        order.append(ended(client, job)["status"])
    assert order == ["click", "complete"]


def test_metrics_count_by_route_and_name_no_clip(client: TestClient) -> None:
    client.get(f"/v1/runs/{RUN}")
    client.get("/v1/nothing")
    text = client.get("/metrics").text
    assert 'route="/v1/runs/{run_id}"' in text
    assert RUN not in text
    assert "vseg_sessions 0.0" in text
