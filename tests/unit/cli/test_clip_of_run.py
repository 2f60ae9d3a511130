"""The clip of a run is the one that it was made from, wherever it is now."""

import json
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.clips import cut
from tests.unit.cli.conftest import Workplace, call
from vseg.build import open_run, open_video
from vseg.config import TrackConfig
from vseg.errors import BadVideo
from vseg.pipelines.job import ProgressCallbacks, TrackJob
from vseg.pipelines.track import track
from vseg.types import Points, Prompt, Timecode

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def run_of_a_copy(workplace: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose clip has moved."""
    folder = tmp_path_factory.mktemp("moved")
    clip = Path(shutil.copy(workplace.clip, folder / "here.mp4"))
    words = ["track", clip, "-o", folder / "run", "--point", "60,36", "--range", "0:6"]
    assert call(*words, *workplace.settings).exit_code == 0
    clip.rename(folder / "there.mp4")
    return folder


WITH_VIDEO = {
    "render": ["render", "RUN", "-o", "OUT.mp4"],
    "associate": ["associate", "RUN", "-o", "OUT"],
    "associate by motion": ["associate", "RUN", "-o", "OUT", "--no-colours"],
}


@pytest.mark.parametrize("command", WITH_VIDEO)
def test_another_clip_than_the_run_s_is_refused(
    run_of_a_copy: Path, workplace: Workplace, tmp_path: Path, command: str
) -> None:
    clip = run_of_a_copy / "there.mp4"
    bytes_changed = bytearray(clip.read_bytes())
    bytes_changed[-1] ^= 1
    same_size = tmp_path / "same_size.mp4"
    same_size.write_bytes(bytes_changed)
    shorter = cut(clip, tmp_path / "shorter.mp4", 0.5)
    places = {"RUN": run_of_a_copy / "run", "OUT": tmp_path / "out"}
    words = [places.get(word, word) for word in WITH_VIDEO[command]]
    words = [tmp_path / "out.mp4" if word == "OUT.mp4" else word for word in words]
    for other in (same_size, shorter, tmp_path, "http://127.0.0.1:9/clip.mp4"):
        answer = call(*words, "--video", other)
        assert answer.exit_code == 3, answer.stdout
        assert "hint: " in answer.stderr
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "same_size.mp4",
            "shorter.mp4",
        ]
    assert call(*words, "--video", clip).exit_code == 0


def test_an_address_in_a_run_is_not_opened(run_of_a_copy: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/clip.mp4"
        run = Path(shutil.copytree(run_of_a_copy / "run", tmp_path / "run"))
        header = json.loads((run / "run.json").read_text())
        header["source"]["path"] = address
        (run / "run.json").write_text(json.dumps(header))
        answer = call("render", run, "-o", tmp_path / "a.mp4")
        assert (answer.exit_code, "is an address" in answer.stderr) == (3, True)
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize("option", ["--overwrite", "--resume", None])
def test_a_folder_of_other_files_takes_no_run(
    workplace: Workplace, tmp_path: Path, option: str | None
) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    words = ["track", workplace.clip, "-o", tmp_path, "--point", "60,36"]
    answer = call(*words, *([option] if option else []))
    assert answer.exit_code == 3
    assert "thesis.tex" in answer.stderr and "a new or an empty folder" in answer.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_empty_name_is_not_the_current_folder(tmp_path: Path) -> None:
    for words in (["track", "", "-o", tmp_path / "run"], ["probe", ""]):
        answer = call(*words)
        assert (answer.exit_code, "an empty word follows" in answer.stderr) == (2, True)
    with pytest.raises(BadVideo, match="empty"):
        open_video("")


def test_a_frame_of_a_run_is_shown_with_its_masks(run_of_a_copy: Path, tmp_path: Path) -> None:
    clip = run_of_a_copy / "there.mp4"
    run = open_run(run_of_a_copy / "run")
    words = ["frame", run.path, "4", "-o", tmp_path / "a.png"]
    answer = call(*words, "--video", clip, "--json")
    assert answer.exit_code == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert (told["frame"], told["objects"]) == (4, [i for i in run[4] if run[4].visible[0]])
    with open_video(clip) as video:
        expected = run.show(4, video).image
        plain = video.read(4).image
    drawn = np.asarray(Image.open(tmp_path / "a.png"))
    assert np.array_equal(drawn, expected) and not np.array_equal(drawn, plain)
    for other in ("7", "99"):
        refused = call("frame", run.path, other, "-o", tmp_path / "b.png", "--video", clip)
        assert (refused.exit_code, "hint: " in refused.stderr) == (3, True)
    assert call(*words, "--overwrite", "--reader", "pyav").exit_code == 2
    assert call("frame", clip, "4", "--video", clip, "-o", tmp_path / "c.png").exit_code == 2


def test_a_part_of_a_run_beside_its_source(run_of_a_copy: Path, tmp_path: Path) -> None:
    clip = run_of_a_copy / "there.mp4"
    run = open_run(run_of_a_copy / "run")
    words = ["render", run.path, "--video", clip, "-o"]
    answer = call(*words, tmp_path / "a.mp4", "--range", "2:5", "--side-by-side", "--json")
    assert answer.exit_code == 0, answer.stderr
    assert json.loads(answer.stdout)["unfinished"] is None
    with open_video(tmp_path / "a.mp4") as drawn, open_video(clip) as video:
        images = [frame.image for frame in drawn.frames()]
        sources = [frame.image for frame in video.frames(2, 5)]
        masked = [run.show(index, video).image for index in (2, 3, 4)]
    assert [image.shape[1] for image in images] == [2 * run.video.width] * 3
    for image, source, mask in zip(images, sources, masked, strict=True):
        left, right = np.hsplit(image.astype(int), 2)
        # A lossy codec: each is nearer to its own than to the other.
        assert np.abs(left - source).mean() < np.abs(left - mask).mean() / 2
        assert np.abs(right - mask).mean() < np.abs(right - source).mean() / 2
    for text in ("9:12", "3:3", "x"):
        refused = call(*words, tmp_path / "b.mp4", "--range", text)
        assert refused.exit_code in (2, 3) and "hint: " in refused.stderr
    assert not (tmp_path / "b.mp4").exists()


def test_what_is_made_of_an_unfinished_run_says_so(
    workplace: Workplace, tmp_path: Path
) -> None:
    config = TrackConfig(weights=workplace.weights, short_side=64, preview=False)
    done: list[int] = []
    callbacks = ProgressCallbacks(
        on_frame=lambda count, _: done.append(count), stop=lambda: len(done) == 2
    )
    prompts = (Prompt(1, Timecode(0), Points(((60.0, 36.0),), (True,))),)
    job = TrackJob(str(workplace.clip), tmp_path / "run", prompts, config)
    track(job, callbacks=callbacks)
    said = "is unfinished (interrupted): it holds frames 0 to 2 of 0 to 63"
    for number, words in enumerate((["render"], ["export", "--to", "coco"])):
        answer = call(*words, tmp_path / "run", "-o", tmp_path / f"{number}.mp4")
        assert answer.exit_code == 0
        assert said in answer.stderr
        out = tmp_path / f"json{number}.mp4"
        answer = call(*words, tmp_path / "run", "-o", out, "--json")
        assert said in json.loads(answer.stdout)["unfinished"]
    answer = call("associate", tmp_path / "run")
    assert (answer.exit_code, "hint: " in answer.stderr) == (3, True)
