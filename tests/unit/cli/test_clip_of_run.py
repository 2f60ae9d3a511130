"""The clip of a run is the one that it was made from, wherever it is now."""

import json
import shutil
import socket
from pathlib import Path

import pytest

from tests.clips import cut
from tests.unit.cli.conftest import Workplace, call
from vseg.build import open_video
from vseg.errors import BadVideo

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
    for other in (same_size, shorter, tmp_path, "", "http://127.0.0.1:9/clip.mp4"):
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


def test_an_empty_name_is_not_the_current_folder(tmp_path: Path) -> None:
    for words in (["track", "", "-o", tmp_path / "run"], ["probe", ""]):
        answer = call(*words)
        assert (answer.exit_code, "name of the clip is empty" in answer.stderr) == (3, True)
    with pytest.raises(BadVideo, match="empty"):
        open_video("")
