"""The service as it is started, used by its own client: whole uses, and kills in between."""

import asyncio
import socket
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.served import CLIP, SHORT_SIDE, ServiceProcess, run_async, service_process
from vseg.build import load_model, open_run, open_video
from vseg.client import AsyncClient, Client
from vseg.client.values import FrameAnswer, JobFacts, PropagateRequest, TrackSettings
from vseg.config import TrackConfig
from vseg.errors import BadPrompt, InTheWay, NotAllowed, NotThere, ServiceError, UsageError
from vseg.pipelines.job import TrackJob
from vseg.pipelines.track import track
from vseg.server.live_session import answer_of
from vseg.session.session import Session
from vseg.types import Box, Points, Prompt, Timecode

pytestmark = pytest.mark.integration

PROMPTS = (
    Prompt(1, Timecode(frame=0), Box(105, 34, 133, 57)),
    Prompt(2, Timecode(frame=2), Points([(34, 70), (5, 5)], [1, 0])),
)


@pytest.fixture(scope="module")
def expected(scene_clip: Path) -> list[FrameAnswer]:
    """What a Session gives."""
    model = load_model("nano", short_side=SHORT_SIDE)
    with open_video(scene_clip) as video, Session(model, video) as session:
        for prompt in PROMPTS:
            assert prompt.object_id is not None
            session.prompt(prompt.object_id, prompt.frame_index, [prompt.value])
        return [answer_of(masks) for masks in session.propagate()]


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, scene_clip: Path
) -> Iterator[ServiceProcess]:
    root = tmp_path_factory.mktemp("served") / "root"
    root.mkdir()
    (root / "two.mp4").write_bytes(scene_clip.read_bytes())
    with service_process(root) as started:
        yield started


@pytest.fixture
def client(service: ServiceProcess) -> Iterator[Client]:
    with Client(service.address, key=service.key) as opened:
        yield opened


def test_a_clip_is_uploaded_tracked_and_fetched(
    client: Client, scene_clip: Path, tmp_path: Path
) -> None:
    video = client.upload(scene_clip)
    assert (video.frames, video.height, video.width) == (12, 96, 160)
    assert video.path.startswith("uploads/")
    assert "two" not in video.path
    seen: list[JobFacts] = []
    job = client.wait(client.track(video.id, "a", *PROMPTS, labels={1: "car"}).id, seen.append)
    assert (job.status, job.problem) == ("complete", None)
    assert (job.done, job.total) == (seen[-1].done, seen[-1].total) == (12, 12)
    assert job.run is not None
    assert {entry.id for entry in client.runs()} >= {job.run}
    run = client.run(job.run)
    assert [one.label for one in run.objects] == ["car", None]
    masks = list(client.masks(job.run))
    assert [frame.frame for frame in masks] == list(range(12))
    assert masks[0].masks[0].mask().sum() > 200
    assert client.table(job.run)[:4] == b"PAR1"
    done = client.wait(client.export(job.run, "davis").id)
    assert zipfile.is_zipfile(client.download(done.id, tmp_path / "a.zip"))
    with pytest.raises(InTheWay):
        client.track(video.id, "a", *PROMPTS)


def test_errors_are_those_of_the_library(client: Client, service: ServiceProcess) -> None:
    session = client.create_session(CLIP)
    with pytest.raises(BadPrompt, match="past the end"):
        client.prompt(session.id, Prompt(1, Timecode(frame=99), Box(1, 1, 9, 9)))
    with pytest.raises(NotThere):
        client.video("0" * 12)
    with pytest.raises(NotThere):
        list(client.propagate("0" * 16))
    with Client(service.address, key="wrong") as stranger, pytest.raises(NotAllowed):
        stranger.sessions()
    with Client("http://127.0.0.1:1", key="") as nobody, pytest.raises(ServiceError):
        nobody.sessions()


def test_many_wait_for_their_answers_at_once(
    service: ServiceProcess, expected: list[FrameAnswer]
) -> None:
    async def one(client: AsyncClient) -> list[FrameAnswer]:
        session = await client.create_session(CLIP)
        await client.prompt(session.id, *PROMPTS)
        masks = [frame async for frame in client.propagate(session.id)]
        await client.delete_session(session.id)
        return masks

    async def several() -> list[list[FrameAnswer]]:
        async with AsyncClient(service.address, key=service.key) as client:
            assert [video.id async for video in client.videos()]
            return await asyncio.gather(*(one(client) for _ in range(3)))

    assert run_async(several()) == [expected] * 3


def test_a_propagation_that_is_left_can_be_gone_on_with(
    client: Client, expected: list[FrameAnswer]
) -> None:
    session = client.create_session(CLIP)
    client.prompt(session.id, *PROMPTS)
    stream = client.propagate(session.id)
    first = [next(stream) for _ in range(3)]
    stream.close()
    for _ in range(100):  # the service hears of it a moment later
        unfinished = client.session(session.id).unfinished
        try:
            rest = list(client.propagate(session.id, PropagateRequest(resume=True, after=2)))
            break
        except InTheWay:
            time.sleep(0.05)
    assert unfinished is not None
    taken = {frame.frame: frame for frame in (*first, *rest)}
    assert list(taken.values()) == expected
    assert client.session(session.id).unfinished is None


def test_what_was_sent_and_did_not_arrive_is_sent_again(
    client: Client, expected: list[FrameAnswer]
) -> None:
    session = client.create_session(CLIP)
    client.prompt(session.id, *PROMPTS)
    assert list(client.propagate(session.id)) == expected
    lost = PropagateRequest(resume=True, after=8)
    assert list(client.propagate(session.id, lost)) == expected[9:]
    with pytest.raises(UsageError, match="nothing to resume"):
        list(client.propagate(session.id, PropagateRequest(resume=True, after=11)))
    with pytest.raises(UsageError, match="frame 99 is not among the last 256"):
        list(client.propagate(session.id, PropagateRequest(resume=True, after=99)))


def test_a_service_that_is_killed_goes_on_to_the_same_masks(
    root: Path, expected: list[FrameAnswer]
) -> None:
    taken: dict[int, FrameAnswer] = {}
    session_id = ""
    resumed: list[int] = []
    while len(taken) < len(expected):
        with (
            service_process(root, "save_every_s = 0\n") as service,
            Client(service.address, key=service.key) as client,
        ):
            if not session_id:
                session_id = client.create_session(CLIP).id
                client.prompt(session_id, *PROMPTS)
            asked = PropagateRequest(resume=bool(taken), after=max(taken, default=None))
            for count, frame in enumerate(client.propagate(session_id, asked)):
                if count == 0:
                    resumed.append(frame.frame)
                assert taken.setdefault(frame.frame, frame) == frame
                if count == 5:
                    service.kill()
                    break
    assert [taken[frame.frame] for frame in expected] == expected
    # What was kept is not computed again.
    assert resumed[0] == 0
    assert len(resumed) >= 2
    assert resumed[1] >= 5


def test_a_job_that_is_killed_goes_on_to_the_same_run(root: Path, tmp_path: Path) -> None:
    settings = TrackSettings(direction="both")
    with (
        service_process(root) as service,
        Client(service.address, key=service.key) as client,
    ):
        job = client.track(CLIP, "a", *PROMPTS, settings=settings)
        while client.job(job.id).status == "queued":
            time.sleep(0.01)
        service.kill()
    with (
        service_process(root) as service,
        Client(service.address, key=service.key) as client,
    ):
        assert client.wait(job.id).status == "complete"
    config = TrackConfig(short_side=SHORT_SIDE, direction="both", preview=False)
    track(TrackJob(str(root / "two.mp4"), tmp_path / "plain", PROMPTS, config))
    masks = list(open_run(root / "runs" / "a")), list(open_run(tmp_path / "plain"))
    assert len(masks[0]) == 12
    for one, other in zip(*masks, strict=True):
        assert np.array_equal(one.masks, other.masks)


@pytest.mark.parametrize(
    "request_lines",
    [
        "GET /v1/videos HTTP/1.1\r\nX: " + "a" * 100_000,
        "GET /v1/videos HTTP/1.1\r\n" + "X: a\r\n" * 20_000,
        "GET /static/../../../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1",
        "GET /static/%2e%2e/%2e%2e/pyproject.toml HTTP/1.1\r\nHost: 127.0.0.1",
        "GET /static/..%2f..%2fapp.py HTTP/1.1\r\nHost: 127.0.0.1",
        "GET /static//etc/passwd HTTP/1.1\r\nHost: 127.0.0.1",
        "GET /healthz/../v1/videos HTTP/1.1\r\nHost: 127.0.0.1",
        "GET http://127.0.0.1/v1/videos HTTP/1.1\r\nHost: 127.0.0.1",
        "BREW / HTTP/1.1\r\nHost: 127.0.0.1",
        "\x00\x01\x02",
    ],
)
def test_requests_that_no_browser_sends_are_refused(
    service: ServiceProcess, client: Client, request_lines: str
) -> None:
    host, port = service.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(request_lines.encode("latin-1") + b"\r\n\r\n")
        answer = connection.makefile("rb").readline()
    assert answer.split()[1:2] and answer.split()[1].startswith(b"4")
    assert list(client.videos())
