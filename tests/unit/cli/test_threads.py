"""`--threads` and `VSEG_THREADS` limit torch, OpenCV and the decoder together."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clips import Recipe, write_clip
from tests.written_runs import FRAMES, header, track
from vseg.errors import UsageError
from vseg.results import RunWriter
from vseg.weights.threads import limit_threads

pytestmark = pytest.mark.integration

REPORT = """
import sys
from vseg.cli.app import main
try:
    main()
except SystemExit as ended:
    # 4: a clip of numbers has no object that could be tracked.
    assert ended.code in (None, 0, 4), ended.code
heavy = {"scipy", "transformers", "matplotlib", "vseg_trackers", "pyarrow.compute"}
print("only others need", sorted(heavy & set(sys.modules)))
import cv2, torch
from vseg.video.file import VideoFile
with VideoFile(sys.argv[2]) as video:
    decoder = video._decoder.opened.stream.codec_context.thread_count
print("threads", torch.get_num_threads(), cv2.getNumThreads(), decoder)
"""


def _reported(folder: Path, variable: str, *more: str) -> list[str]:
    """What is printed once an object was tracked that a box prompted."""
    # H.264 is decoded in one thread whatever the limit.
    recipe = Recipe(num_frames=3, codec="mpeg2video", options={})
    clip = write_clip(folder / "a.mp4", recipe)
    track = ["track", str(clip), "-o", str(folder / "run"), "--box", "5,5,60,50"]
    done = subprocess.run(
        [sys.executable, "-c", REPORT, *track, "--short-side", "64", *more],
        capture_output=True,
        text=True,
        env=os.environ | {"VSEG_THREADS": variable},
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "run" / "run.json").exists(), done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return _reported(tmp_path_factory.mktemp("reported"), "3")


def test_threads_are_limited_everywhere_by_the_variable(reported: list[str]) -> None:
    assert reported[-1] == "threads 3 3 3"


def test_threads_are_limited_everywhere_by_the_option(tmp_path: Path) -> None:
    assert _reported(tmp_path, "2", "--threads", "3", "--no-preview")[-1] == "threads 3 3 3"


def test_a_prompted_object_waits_for_no_package_that_only_others_need(
    reported: list[str],
) -> None:
    assert reported[-2] == "only others need []"


@pytest.mark.parametrize("limit", ["many", "0", "-1", "1.5", "2000000", "9" * 5000])
def test_a_limit_that_is_no_number_of_threads_is_refused(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VSEG_THREADS", limit)
    with pytest.raises(UsageError, match="VSEG_THREADS=4"):
        limit_threads()


CAPACITY = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
WAITING = """
import os, sys
import vseg
# Libraries read their variables once: when torch is loaded.
names = ("OMP_WAIT_POLICY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY")
print("torch" in sys.modules, *(os.environ.get(name) for name in names))
"""


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, "PASSIVE 512"),
        ({"OMP_WAIT_POLICY": "ACTIVE", CAPACITY: "32"}, "ACTIVE 32"),
    ],
)
def test_threads_be_a_good_neighbour_in_programs_too(
    said: dict[str, str], expected: str
) -> None:
    ours = ("OMP_WAIT_POLICY", CAPACITY)
    environment = {k: v for k, v in os.environ.items() if k not in ours} | said
    done = subprocess.run(
        [sys.executable, "-c", WAITING],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == f"False {expected}"


LOADED = """
import vseg
import onnxruntime
"""


@pytest.mark.integration
def test_the_runtime_tells_nobody_that_it_runs(tmp_path: Path) -> None:
    """What it would report waits in the user's cache, beside an id of the machine."""
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", LOADED], env=environment, check=True)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


READ = """
import contextlib, io, sys
from vseg.cli.command_line import app
clip, run = sys.argv[1:]
for words in (
    ["probe", clip],
    ["frame", clip, "1", "-o", f"{run}.png"],
    ["review", run],
    ["report", run, "-o", f"{run}.html"],
    ["export", run, "--to", "coco", "-o", f"{run}.json"],
    ["revisions", run],
    ["accept", run, "1@0:2"],
    ["correct", run, "--rename", "1=car"],
    ["correct", run, "--point", "1@1:5,5", "--dry-run"],
    ["import", f"{run}.json", "--into", run, "--dry-run"],
    ["models"],
    ["models", "path", "nano"],
):
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            app(words)
    except SystemExit as ended:
        assert ended.code in (None, 0), words
    print(words[0], "torch" in sys.modules)
"""


def test_what_is_only_read_waits_for_no_torch(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    write_clip(clip, Recipe(num_frames=2))
    run = tmp_path / "run"
    writer = RunWriter.create(run, header())
    track(writer, range(FRAMES))
    writer.finish()
    done = subprocess.run(
        [sys.executable, "-c", READ, clip, run], capture_output=True, text=True, check=False
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 12 and all(line.endswith(" False") for line in lines), done


REFUSED = """
import sys
from vseg.cli.app import main
sys.argv = ["vseg", *sys.argv[1:]]
try:
    main()
finally:
    print("torch" in sys.modules)
"""


@pytest.mark.parametrize("words", [["serve", "--root", "none"], ["annotate", "none.mp4"]])
def test_a_clip_that_is_missing_is_refused_before_torch_loads(
    words: list[str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REFUSED, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 3 and "none" in done.stderr, done
    assert done.stdout.strip() == "False"
