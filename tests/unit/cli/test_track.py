"""`vseg track` from end to end: what it writes, and that no end of it loses or changes
anything.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.clips import cut
from tests.unit.cli.conftest import SCENE, Workplace, call, files_of, track_words
from vseg.build import open_run

pytestmark = pytest.mark.integration

NUM_FRAMES = SCENE.num_frames


@pytest.fixture(scope="module")
def reference(workplace: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed."""
    out = tmp_path_factory.mktemp("reference") / "run"
    answer = call(*track_words(workplace, out))
    assert answer.exit_code == 0, answer.stderr
    return out


def started(words: list[str]) -> subprocess.Popen[str]:
    """`vseg` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "vseg", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Return once the file is there."""
    for _ in range(6000):
        if path.exists():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    raise AssertionError(f"{path} never came")


def test_a_run_holds_every_frame_and_every_object(reference: Path) -> None:
    run = open_run(reference)
    assert run.header.status == "complete"
    assert list(run.frame_numbers()) == list(range(NUM_FRAMES))
    assert [run[19].object_ids, run[20].object_ids] == [(1,), (1, 2)]
    assert [(each.id, each.label) for each in run.objects] == [(1, None), (2, "body")]
    assert len(list((reference / "masks").iterdir())) == 8
    assert len(run.prompts) == 2


def test_the_same_command_again_changes_nothing(workplace: Workplace, reference: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in reference.rglob("*")}
    answer = call(*track_words(workplace, reference))
    assert (answer.exit_code, "nothing to do" in answer.stdout) == (0, True)
    assert before == {path: path.stat().st_mtime_ns for path in reference.rglob("*")}


def test_another_command_on_a_run_is_refused(workplace: Workplace, reference: Path) -> None:
    answer = call(*track_words(workplace, reference, "--point", "3:5,5"))
    assert answer.exit_code == 3
    assert "prompts" in answer.stderr
    assert "--overwrite" in answer.stderr


def test_overwrite_replaces_a_run(
    workplace: Workplace, tmp_path: Path, reference: Path
) -> None:
    words = [
        "track",
        workplace.clip,
        "-o",
        tmp_path / "run",
        "--point",
        "9,9",
        "--range",
        "0:9",
    ]
    assert call(*words, *workplace.settings).exit_code == 0
    assert len(open_run(tmp_path / "run")) == 9
    assert call(*track_words(workplace, tmp_path / "run", "--overwrite")).exit_code == 0
    assert files_of(tmp_path / "run") == files_of(reference)


def test_a_killed_run_resumes_to_the_same_bits(
    workplace: Workplace, tmp_path: Path, reference: Path
) -> None:
    words = [str(word) for word in track_words(workplace, tmp_path / "run")]
    process = started(words)
    wait_for(tmp_path / "run" / "masks" / "shard-000001.parquet", process)
    process.kill()
    process.communicate()
    assert open_run(tmp_path / "run").header.status == "running"
    refused = call(*words)
    assert refused.exit_code == 3
    assert "--resume" in refused.stderr
    assert call(*words, "--resume").exit_code == 0
    assert files_of(tmp_path / "run") == files_of(reference)


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_ctrl_c_commits_and_prints_the_command_that_resumes(
    workplace: Workplace, tmp_path: Path, reference: Path, number: int
) -> None:
    process = started([str(word) for word in track_words(workplace, tmp_path / "run")])
    wait_for(tmp_path / "run" / "masks" / "shard-000001.parquet", process)
    os.kill(process.pid, number)
    stdout, stderr = process.communicate()
    assert process.returncode == 130, stderr
    run = open_run(tmp_path / "run")
    assert run.header.status == "interrupted"
    # More than the two committed shards: the frames since the last of them were kept too.
    assert len(run) > 16
    (line,) = [line for line in stdout.splitlines() if line.startswith("resume with: ")]
    words = shlex.split(line.removeprefix("resume with: "))
    assert words[0] == "vseg"
    assert call(*words[1:]).exit_code == 0
    assert files_of(tmp_path / "run") == files_of(reference)


def test_a_damaged_clip_is_partial(workplace: Workplace, tmp_path: Path) -> None:
    clip = cut(workplace.clip, tmp_path / "cut.mp4", 0.6)
    words = ["track", clip, "-o", tmp_path / "run", "--point", "60,36", *workplace.settings]
    answer = call(*words, "--preview", "--json")
    assert answer.exit_code == 4
    told = json.loads(answer.stdout)
    run = open_run(tmp_path / "run")
    assert told["status"] == run.header.status == "partial"
    assert told["damage"]["frame"] == len(run) > 10
    assert told["damage"]["reason"]
    again = call(*words, "--preview")
    assert (again.exit_code, "partial" in again.stdout) == (4, True)


def test_previews_are_written(workplace: Workplace, tmp_path: Path) -> None:
    words = ["track", workplace.clip, "-o", tmp_path / "run", "--point", "60,36"]
    answer = call(*words, "--range", "0:0.4s", *workplace.settings, "--preview")
    assert answer.exit_code == 0
    assert len(open_run(tmp_path / "run")) == 10
    for name in ("overlay.mp4", "contact.png"):
        assert (tmp_path / "run" / name).stat().st_size > 500
        assert name in answer.stdout


def test_a_prompt_at_a_time_is_on_the_frame_shown_then(
    workplace: Workplace, tmp_path: Path
) -> None:
    words = ["track", workplace.clip, "-o", tmp_path / "run", "--range", "0:20"]
    assert call(*words, "--point", "@0.5s:60,36", *workplace.settings).exit_code == 0
    run = open_run(tmp_path / "run")
    # 25 frames a second: frame 12 is on display from 0.48 s to 0.52 s.
    assert run.prompts[0].frame_index == 12
    assert [len(run[11]), len(run[12])] == [0, 1]


def test_a_bag_is_tracked_and_its_masks_have_its_stamps(
    workplace: Workplace, tmp_path: Path
) -> None:
    pytest.importorskip("rosbags", reason="needs the extra vseg[ros]")
    reader = pytest.importorskip("mcap_ros2.reader", reason="needs mcap-ros2-support")
    from tests.bags import colours, raw, stamp, write_bag

    images = [raw(stamp(n), "rgb8", colours(n)) for n in range(3)]
    others = [raw(stamp(n), "rgb8", colours(40)) for n in range(3)]
    path = write_bag(tmp_path, {"/left": images, "/right": others})
    run = tmp_path / "run"
    words = ("--box", "10,10,30,25", "-o", run, *workplace.settings)
    refused = call("track", path, *words)
    assert (refused.exit_code, "--topic /left" in refused.stderr) == (3, True)
    assert call("track", path, "--topic", "/left", *words).exit_code == 0
    assert call("render", run, "--no-sheet", "-o", tmp_path / "a.mp4").exit_code == 0
    assert call("export", run, "--to", "mcap", "-o", tmp_path / "a.mcap").exit_code == 0
    times = [one.log_time_ns for one in reader.read_ros2_messages(tmp_path / "a.mcap")]
    assert times == [stamp(n) for n in range(3)]
