"""What the system refuses ends in one line and an exit code, never in a traceback."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.cli.conftest import call
from vseg.batch.job_list import read_jobs
from vseg.batch.overview import overview
from vseg.batch.place import FolderPlace
from vseg.batch.planning import make_plan, read_plan
from vseg.build import open_run, open_video
from vseg.errors import BadRun, BadVideo
from vseg.results.fingerprint import fingerprint
from vseg.server.storage.served_folder import ServedFolder

pytestmark = pytest.mark.integration
FOREIGN = os.fsdecode(b"clip-\xff")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A folder of two images whose name ASCII does not have."""
    folder = tmp_path / "câméra"
    folder.mkdir()
    for number in range(2):
        image = Image.fromarray(np.full((8, 12, 3), 90 * number, np.uint8))
        image.save(folder / f"{number}.png")
    return folder


def shell(words: str, clip: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """A line of a shell in which $VSEG is the command and $CLIP a clip."""
    values = {"VSEG": f"{sys.executable} -m vseg", "CLIP": str(clip), **variables}
    return subprocess.run(
        ["bash", "-c", words],
        env=os.environ | values,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", ['probe "$CLIP"', "--help", "track --help", "--version"])
def test_a_full_disk_behind_stdout_is_one_line(
    words: str, unbuffered: str, clip: Path
) -> None:
    done = shell(f"$VSEG {words} > /dev/full", clip, PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 3
    assert done.stderr.splitlines()[0].endswith("No space left on device")
    assert len(done.stderr.splitlines()) == 2, done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", ['"$CLIP"', "nowhere.mp4"])
def test_json_that_stdout_does_not_take_is_told_on_stderr(
    words: str, unbuffered: str, clip: Path
) -> None:
    full = f"$VSEG probe {words} --json > /dev/full"
    done = shell(full, clip, PYTHONUNBUFFERED=unbuffered)
    lines = done.stderr.splitlines()
    assert (done.returncode, len(lines)) == (3, 2), done.stderr
    assert lines[0].startswith("error: ") and lines[1].startswith("hint: ")


def test_a_reader_that_had_enough_is_no_error(clip: Path) -> None:
    done = shell('{ sleep 0.1; $VSEG probe "$CLIP"; echo $? >&2; } | true', clip)
    assert done.stderr == "141\n"


def test_a_terminal_without_the_letters_shows_them_escaped(clip: Path) -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = shell('$VSEG probe "$CLIP" && $VSEG probe "$CLIP" --json', clip, **ascii_only)
    assert done.returncode == 0, done.stderr
    assert "c\\xe2m\\xe9ra" in done.stdout
    assert json.loads(done.stdout[done.stdout.index("{") :])["path"] == str(clip)


def test_a_name_of_too_many_bytes_is_said(clip: Path, tmp_path: Path) -> None:
    for words in (
        ["track", clip, "-o", tmp_path / ("x" * 300), "--point", "3,3"],
        ["export", tmp_path / ("x" * 300), "--to", "coco", "-o", tmp_path / "a.json"],
        ["probe", tmp_path / ("x" * 300)],
    ):
        answer = call(*words)
        assert answer.exit_code == 3
        assert answer.stderr.count("error: ") == 1
    with pytest.raises(BadVideo):
        open_video("x" * 300)


def test_a_name_that_is_not_utf8_is_refused_by_name(clip: Path, tmp_path: Path) -> None:
    foreign = tmp_path / FOREIGN
    shutil.copytree(clip, foreign)
    with pytest.raises(BadVideo, match="not UTF-8"):
        fingerprint(foreign)
    for name in (foreign, Path("run\0")):
        with pytest.raises(BadRun, match="no name in UTF-8"):
            open_run(name)
    answer = call("track", clip, "-o", tmp_path / os.fsdecode(b"run-\xff"), "--point", "3,3")
    assert (answer.exit_code, "not UTF-8" in answer.stderr) == (3, True)


def test_a_clip_whose_name_is_not_utf8_stops_no_batch(clip: Path, tmp_path: Path) -> None:
    shutil.copytree(clip, tmp_path / FOREIGN)
    place = FolderPlace(tmp_path / "out")
    make_plan(read_jobs(str(tmp_path), {"point": ["3,3"]}), place)
    named = {Path(planned.clip).name: planned for planned in read_plan(place)}
    assert sorted(named) == ["clip-\\xff", clip.name]
    assert named[clip.name].job is not None
    error = named["clip-\\xff"].error
    assert error is not None and "not UTF-8" in error.message
    assert overview(place).jobs == {"unreadable": 1, "waiting": 1}


def test_the_service_passes_over_names_that_no_answer_can_hold(
    clip: Path, tmp_path: Path
) -> None:
    shutil.copytree(clip, tmp_path / FOREIGN)
    assert [e.path for e in ServedFolder(tmp_path).entries("video")] == [clip.name]
