"""A clip played in real time stands for a camera: one JSON line for each image that is given
out.
"""

import json
import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import vseg
from tests.clips import write_resized
from tests.scenes import drawn_scene
from tests.unit.cli.conftest import SCENE, Workplace, call
from tests.unit.grounding.test_nano_text import THINGS, painted
from vseg.config import TrackConfig
from vseg.interfaces.live_source import LiveSource
from vseg.interfaces.model import Model
from vseg.io.mp4 import Mp4Writer
from vseg.pipelines.prepare import load_configured
from vseg.video.open_live import open_live

pytestmark = pytest.mark.integration


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_each_image_is_told_and_recorded(workplace: Workplace, tmp_path: Path) -> None:
    film = tmp_path / "seen.mp4"
    options = ("--config", workplace.config, "--frames", 3, "--overlay", film)
    answer = call("watch", workplace.clip, "--box", "10,10,60,50", *options)
    assert answer.exit_code == 0
    told = lines(answer.stdout)
    assert [line["frame"] for line in told] == [0, 1, 2]
    assert [o["id"] for o in told[0]["objects"]] == [1]
    times = [line["time_s"] for line in told]
    assert times == sorted(times)
    with av.open(str(film)) as recorded:
        assert sum(1 for _ in recorded.decode(video=0)) == 3


def test_what_is_shown_is_logged_for_rerun(workplace: Workplace, tmp_path: Path) -> None:
    pytest.importorskip("rerun", reason="needs the extra vseg[rerun]")
    path = tmp_path / "a.rrd"
    options = ("--config", workplace.config, "--frames", 3, "--rerun", path)
    answer = call("watch", workplace.clip, "--box", "10,10,60,50", *options)
    assert answer.exit_code == 0, answer.stderr
    program = Path(sys.executable).with_name("rerun")
    printed = subprocess.run(
        [program, "rrd", "print", "-v", path],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"CI": "true"},
    ).stdout
    # A chunk has as many rows as came until it was flushed.
    for entity in ("/camera/masks", "/camera/boxes", "/camera/latency_ms"):
        rows = re.findall(rf"with (\d+) rows? .* - {entity} - ", printed)
        assert sum(map(int, rows)) == 3
    again = call("watch", workplace.clip, "--box", "10,10,60,50", *options)
    assert (again.exit_code, "exists already" in again.stderr) == (3, True)


def test_what_is_shown_is_stored_as_a_run(workplace: Workplace, tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = ("--config", workplace.config, "--frames", 4, "-o", run, "--label", "1=box:a")
    answer = call("watch", workplace.clip, "--box", "10,10,60,50", *options)
    assert answer.exit_code == 0, answer.stderr
    told = lines(answer.stdout)
    stored = vseg.open_run(run)
    assert (len(stored), stored.header.status) == (4, "complete")
    assert stored.header.labels == {1: "box:a"} and told[0]["objects"][0]["label"] == "box:a"
    for line in told:
        masks = stored[line["frame"]]
        assert round(masks.time_s, 3) == line["time_s"]
        assert [masks.crop(o["id"]).area for o in line["objects"]] == [
            o["area"] for o in line["objects"]
        ]
    again = call("watch", workplace.clip, "--box", "10,10,60,50", *options)
    assert again.exit_code == 3 and "already holds a run" in again.stderr
    assert again.stdout == "" and "--resume" not in again.stderr
    assert call("watch", workplace.clip, "--auto", *options, "--overwrite").exit_code == 0


def test_a_stream_that_breaks_leaves_a_partial_run(
    workplace: Workplace, tmp_path: Path
) -> None:
    resized = write_resized(tmp_path / "a.ts")
    run = tmp_path / "run"
    options = ("--config", workplace.config, "-o", run)
    answer = call("watch", resized, "--box", "10,10,60,50", *options)
    assert answer.exit_code != 0
    stored = vseg.open_run(run)
    assert stored.header.status == "partial"
    assert len(stored) == len(lines(answer.stdout)) > 0


def test_what_is_found_gets_an_id(workplace: Workplace) -> None:
    answer = call(
        "watch", workplace.clip, "--auto", "--config", workplace.config, "--frames", 2
    )
    assert answer.exit_code == 0
    first = lines(answer.stdout)[0]
    born = [event["object_id"] for event in first["events"] if event["kind"] == "created"]
    assert born == [each["id"] for each in first["objects"]] != []
    assert {each["label"] for each in first["objects"]} == {None}


def test_that_nothing_was_found_is_said(workplace: Workplace) -> None:
    words = ("watch", workplace.clip, "--config", workplace.config, "--frames", 2)
    answer = call(*words, "--text", "person=0.99")
    assert answer.exit_code == 0
    assert "nothing was found in 2 frames" in answer.stderr
    assert "nothing was found" not in call(*words, "--auto").stderr


def test_the_first_image_is_not_missed_while_the_model_loads(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []

    def loaded(config: TrackConfig) -> Model:
        happened.append("loaded")
        return load_configured(config)

    def opened(source: str, *options: Any, **more: Any) -> LiveSource:
        happened.append("opened")
        return open_live(source, *options, **more)

    monkeypatch.setattr("vseg.cli.live_loop.load_configured", loaded)
    monkeypatch.setattr("vseg.cli.live_loop.open_live", opened)
    options = ("--config", workplace.config, "--frames", 1)
    assert call("watch", workplace.clip, "--box", "10,10,60,50", *options).exit_code == 0
    assert happened == ["loaded", "opened"]


@pytest.mark.parametrize("words", [("--box", "10,10,60,50"), ("--auto",)])
def test_a_cut_is_told_however_the_objects_came(
    words: tuple[str, ...], workplace: Workplace, tmp_path: Path
) -> None:
    film = tmp_path / "film.mp4"
    blocks = np.random.default_rng(3).integers(0, 255, (6, 6, 3)).astype(np.uint8)
    strange = np.kron(blocks, np.ones((12, 20, 1), dtype=np.uint8))
    with drawn_scene(SCENE) as scene, Mp4Writer(film, 72, 120, Fraction(1)) as recording:
        for image in (scene.read(0).image, scene.read(1).image, strange, strange):
            recording.write(image)
    answer = call("watch", film, *words, "--config", workplace.config)
    kinds = [event["kind"] for line in lines(answer.stdout) for event in line["events"]]
    assert kinds.count("cut") == 1


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "give prompts, or --auto"),
        (("--auto", "--text", "person"), 2, "give prompts, or --auto"),
        (("--box", "@5:10,10,60,50"), 3, "no frame but the newest"),
        (("--box", "1:10,10,60,50", "--text", "person"), 2, "is for every instance"),
        (("--text", "zeppelin"), 3, "zeppelin"),
        (("--auto", "--tagger", "clip-vit-b32"), 2, "without --auto and --grounder"),
        (("--auto", "--grounder", "owlv2-base"), 2, "no words for the grounder"),
        (("--auto", "--vocabulary", "words.txt"), 2, "without --tagger"),
        (("--auto", "--until", "0s"), 2, "before the first detection"),
        (("--point", "20,20", "--until", "5"), 2, "--until was given, and nothing is to be"),
    ],
)
def test_what_a_live_source_cannot_be_asked(
    words: tuple[str, ...], code: int, message: str, workplace: Workplace
) -> None:
    answer = call("watch", workplace.clip, *words, "--config", workplace.config, "--frames", 1)
    assert (answer.exit_code, answer.stdout) == (code, "")
    assert message in answer.stderr


def test_a_source_that_is_not_there() -> None:
    answer = call("watch", "nothing.mp4", "--auto")
    assert answer.exit_code == 3
    assert "nothing.mp4" in answer.stderr


def test_what_was_recorded_before_a_source_broke_is_kept(
    workplace: Workplace, tmp_path: Path
) -> None:
    clip = write_resized(tmp_path / "a.ts", first=4, second=4)
    film = tmp_path / "seen.mp4"
    options = ("--config", workplace.config, "--overlay", film)
    answer = call("watch", clip, "--box", "10,10,60,50", *options)
    assert answer.exit_code == 4
    assert "size changes to 48x32" in answer.stderr
    with av.open(str(film)) as recorded:
        assert sum(1 for _ in recorded.decode(video=0)) == len(lines(answer.stdout)) > 0


def test_what_moves_is_found_on_the_first_frame(workplace: Workplace, tmp_path: Path) -> None:
    """The first frame waits for the second, without which nothing moves."""
    film = tmp_path / "film.mp4"
    with Mp4Writer(film, 280, 500, Fraction(2)) as recording:
        for step in range(3):
            recording.write(painted(5 * step))
    words = ("--text", "1:moving objects", "--frames", 2)
    answer = call("watch", film, *words)
    assert answer.exit_code == 0, answer.stderr
    told = lines(answer.stdout)
    assert [line["frame"] for line in told] == [0, 1]
    x, y, side, _ = THINGS["blue"]
    (object_,) = told[0]["objects"]
    np.testing.assert_allclose(object_["box"], [x, y, x + side, y + side], atol=6)


def test_negative_points_alone_are_refused_before_the_source_is_tracked(
    workplace: Workplace,
) -> None:
    answer = call("watch", workplace.clip, "--point", "5,5-", "--config", workplace.config)
    assert answer.exit_code == 3
    assert "negative marks alone" in answer.stderr and answer.stdout == ""
