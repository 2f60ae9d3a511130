"""`vseg watch` around the clock: gaps are told, signals end it whole, secrets stay secret."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from PIL import Image

import vseg
from tests.clips import Recipe, write_clip
from tests.rtsp_server import RtspServer, free_tcp_port
from tests.unit.cli.conftest import Workplace, call
from vseg.events.scene_event import parse_event

pytestmark = pytest.mark.integration

KEYED = Recipe(num_frames=900, options={"g": "15", "bf": "0", "crf": "12"})
FAST = ("--box", "10,10,60,50")


def begun(workplace: Workplace, *words: object) -> "subprocess.Popen[str]":
    """`vseg watch` in a process of its own."""
    command = [sys.executable, "-m", "vseg", "watch", *map(str, words)]
    return subprocess.Popen(
        [*command, "--config", str(workplace.config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def test_a_gap_is_an_event_and_sigterm_ends_all_whole(
    workplace: Workplace, tmp_path: Path
) -> None:
    write_clip(tmp_path / "clip.mp4", KEYED)
    events = tmp_path / "events.jsonl"
    film = tmp_path / "seen.mp4"
    run = tmp_path / "run"
    port = free_tcp_port()
    options = ("--silence", 2, "--events", events, "--status", f"127.0.0.1:{port}")
    with RtspServer(tmp_path) as server:
        named = (*FAST, "--source", f"door={server.address}", "-o", run, "--overlay", film)
        watching = begun(workplace, *named, *options)
        assert watching.stdout is not None and watching.stderr is not None
        lines = [json.loads(watching.stdout.readline()) for _ in range(3)]
        server.kill()
        kill_s = time.monotonic()
        server.start()
        while "gap_s" not in lines[-1]:
            lines.append(json.loads(watching.stdout.readline()))
        assert time.monotonic() - kill_s < 60
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=10) as page:
            status = json.load(page)["cameras"]["door"]
        watching.send_signal(signal.SIGHUP)  # nothing to read anew, and no reason to end
        lines += [json.loads(watching.stdout.readline()) for _ in range(2)]
        watching.send_signal(signal.SIGTERM)
        rest, said = watching.communicate(timeout=60)
    assert watching.returncode == 0, said
    lines += [json.loads(line) for line in rest.splitlines()]
    assert {line["camera"] for line in lines} == {"door"}
    assert (status["up"], status["reconnects"]) == (1, 1)
    down, back = (parse_event(line) for line in events.read_text().splitlines())
    assert (down.kind, down.phase, down.camera) == ("gap", "start", "door")
    assert (back.kind, back.phase) == ("gap", "end")
    assert back.seconds == pytest.approx(max(line.get("gap_s", 0) for line in lines), abs=5.0)
    assert "door: no images" in said and "door: back after" in said
    stored = vseg.open_run(run / "door")
    assert (stored.header.status, len(stored)) == ("complete", len(lines))
    assert film.stat().st_size > 0


def test_a_camera_that_is_away_does_not_stop_the_others(workplace: Workplace) -> None:
    secret = f"rtsp://admin:s3cret@127.0.0.1:{free_tcp_port()}/live"
    answer = call(
        "watch",
        *("--source", f"away={secret}", "--source", f"here={workplace.clip}"),
        *("--auto", "--config", workplace.config, "--frames", 3, "--no-drop"),
    )
    assert answer.exit_code == 0, answer.stderr
    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    assert [line["camera"] for line in lines] == ["here"] * 3
    assert "away: no images: cannot be opened: connection refused" in answer.stderr
    assert "s3cret" not in answer.stderr + answer.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give one SOURCE, or --source"),
        (("0", "--source", "a=1"), "give one SOURCE, or --source"),
        (("--source", "rtsp://admin:s3cret@host/x"), "number 1 is not NAME=SOURCE"),
        (("--source", "a=0", "--source", "a=1"), "two sources have the name a"),
        (("--source", "a=@nothing.txt"), "cannot be read from it"),
        (("--source", "a=gopher://admin:s3cret@host/x"), "unknown kind of address"),
        (("--source", "a=0", "--source", "b=1", "--box", "1,1,9,9"), "on one camera"),
        (("0", "--rtsp", "carrier-pigeon"), "tcp or udp"),
        (("--source", "a=0", "--source", "b=1", "--overlay", "x.mp4"), "records one camera"),
        (("clip.mp4", "--status", "here"), "no HOST:PORT"),
    ],
)
def test_what_cannot_be_watched(
    words: tuple[str, ...],
    message: str,
    workplace: Workplace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "clip.mp4", Recipe(num_frames=3))
    prompts = () if "--box" in words else ("--auto",)
    answer = call("watch", *words, *prompts, "--config", workplace.config)
    assert answer.exit_code in (2, 3) and answer.stdout == ""
    assert message in answer.stderr
    assert "s3cret" not in answer.stderr


def test_an_address_can_stand_in_a_file(workplace: Workplace, tmp_path: Path) -> None:
    (tmp_path / "door").write_text(f"{workplace.clip}\nand a comment\n")
    answer = call(
        "watch",
        *("--source", f"door=@{tmp_path / 'door'}", *FAST),
        *("--config", workplace.config, "--frames", 2),
    )
    assert answer.exit_code == 0, answer.stderr
    assert len(answer.stdout.splitlines()) == 2


def test_a_folder_that_grows_is_watched_to_the_asked_frame(
    workplace: Workplace, tmp_path: Path
) -> None:
    folder = tmp_path / "grows"
    folder.mkdir()
    with vseg.open_video(workplace.clip) as video:

        def write() -> None:
            for frame in video.frames(0, 4):
                Image.fromarray(frame.image).save(folder / f"{frame.index}.png")
                time.sleep(0.2)

        writing = threading.Thread(target=write)
        writing.start()
        options = ("--config", workplace.config, "--frames", 4, "--no-drop")
        answer = call("watch", folder, *FAST, *options)
        writing.join()
    assert answer.exit_code == 0, answer.stderr
    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    assert [line["frame"] for line in lines] == [0, 1, 2, 3]


def test_objects_that_come_are_recorded(workplace: Workplace, tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    answer = call(
        "watch",
        *(workplace.clip, "--auto", "--record", folder, "--record-roll", 1),
        *("--config", workplace.config, "--frames", 4, "--no-drop"),
    )
    assert answer.exit_code == 0, answer.stderr
    (clip,) = folder.iterdir()
    assert re.fullmatch(r"camera-\d{8}T\d{6}Z\.mp4", clip.name)
    with vseg.open_video(clip) as video:
        assert len(video) == 4
