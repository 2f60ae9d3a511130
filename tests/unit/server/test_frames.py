"""Frames over HTTP: exact ones, of clips under the root and of nothing else."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.clips import Recipe, painted, write_clip
from tests.served import app_of, served
from vseg.build import open_video
from vseg.errors import DamagedVideo, NotThere
from vseg.server.storage.ids import id_of
from vseg.server.storage.readers import FramesReadLast, Readers
from vseg.types import Frame

ID = id_of("clips/a.mp4")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    (tmp_path / "root" / "clips").mkdir(parents=True)
    write_clip(tmp_path / "root" / "clips" / "a.mp4", Recipe(rotation=90))
    outside = write_clip(tmp_path / "outside.mp4", Recipe(num_frames=3))
    (tmp_path / "root" / "link.mp4").symlink_to(outside)
    (tmp_path / "root" / "folder").symlink_to(tmp_path)
    (tmp_path / "root" / ".hidden.mp4").write_bytes(outside.read_bytes())
    with served(app_of(tmp_path / "root")) as opened:
        yield opened


@pytest.mark.parametrize("number", [0, 17, 39])
@pytest.mark.parametrize("kind", ["jpeg", "webp", "png"])
def test_a_frame_is_the_one_asked_for(client: TestClient, number: int, kind: str) -> None:
    answer = client.get(f"/v1/videos/{ID}/frames/{number}?format={kind}")
    image = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"))
    assert answer.headers["content-type"] == f"image/{kind}"
    assert (painted(image), image.shape) == (number, (64, 96, 3))


def test_png_is_the_frame_itself(client: TestClient, tmp_path: Path) -> None:
    answer = client.get(f"/v1/videos/{ID}/frames/5?format=png")
    image = np.asarray(Image.open(io.BytesIO(answer.content)))
    with open_video(tmp_path / "root" / "clips" / "a.mp4") as video:
        assert np.array_equal(image, video.read(5).image)


def test_a_frame_is_made_smaller_and_never_larger(client: TestClient) -> None:
    sizes = []
    for width in (48, 4000):
        answer = client.get(f"/v1/videos/{ID}/frames/0?w={width}")
        sizes.append(Image.open(io.BytesIO(answer.content)).size)
    assert sizes == [(48, 32), (96, 64)]


def test_a_frame_that_the_browser_has_is_not_sent_again(client: TestClient) -> None:
    path = f"/v1/videos/{ID}/frames/3"
    tag = client.get(path).headers["etag"]
    again = client.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    version = tag.strip('"').split("-")[0]
    assert "immutable" in client.get(f"{path}?v={version}").headers["cache-control"]
    assert "immutable" not in client.get(f"{path}?v=old").headers["cache-control"]


def test_a_clip_that_is_replaced_is_read_anew(client: TestClient, tmp_path: Path) -> None:
    path = f"/v1/videos/{ID}/frames/0"
    before = client.get(path)
    write_clip(tmp_path / "root" / "clips" / "a.mp4", Recipe(num_frames=5, width=120))
    after = client.get(path, headers={"If-None-Match": before.headers["etag"]})
    assert Image.open(io.BytesIO(after.content)).size == (120, 64)


@pytest.mark.parametrize(
    "path", ["link.mp4", ".hidden.mp4", "folder/outside.mp4", "../outside.mp4", "none.mp4"]
)
def test_nothing_outside_the_root_is_served(client: TestClient, path: str) -> None:
    answer = client.get(f"/v1/videos/{id_of(path)}/frames/0")
    assert (answer.status_code, answer.json()["title"]) == (404, "NotThere")


def test_a_link_that_takes_the_place_of_a_clip_is_not_followed(
    client: TestClient, tmp_path: Path
) -> None:
    path = f"/v1/videos/{ID}/frames/0"
    assert client.get(path).status_code == 200
    clip = tmp_path / "root" / "clips" / "a.mp4"
    clip.unlink()
    clip.symlink_to(tmp_path / "outside.mp4")
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("index", ["40", "-1", "1.5", "x", "99999999999999999999"])
def test_no_other_frame_comes_in_the_place_of_one(client: TestClient, index: str) -> None:
    answer = client.get(f"/v1/videos/{ID}/frames/{index}")
    assert answer.status_code in (404, 422)
    assert answer.json()["detail"]


def test_a_clip_beside_the_root_that_was_named_tells_its_name(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    clip = write_clip(tmp_path / "beside.mp4", Recipe(num_frames=3))
    app = app_of(tmp_path / "root")
    named = app.state.service.folder.admit("video", clip)
    with served(app) as opened:
        facts = opened.get(f"/v1/videos/{named}").json()
        assert (facts["path"], facts["frames"]) == ("beside.mp4", 3)
        assert str(tmp_path) not in opened.get(f"/v1/videos/{named}").text


def test_a_folder_is_numbered_as_its_run_was(tmp_path: Path) -> None:
    """By number the first image is frame 0, and frame 1 is missing."""
    folder = tmp_path / "root" / "images"
    folder.mkdir(parents=True)
    for number in (2, 4, 5):
        Image.new("RGB", (16, 8), (40 * number, 0, 0)).save(folder / f"{number}.png")
    readers = Readers()
    readers.open_as(folder, ("auto", "by-order", None))
    assert readers.read(folder, 2).image[0, 0, 0] == 200
    readers.open_as(folder, ("auto", "by-number", None))
    assert readers.read(folder, 2).image[0, 0, 0] == 160
    with pytest.raises(DamagedVideo):
        readers.read(folder, 1)
    readers.close()


def test_a_frame_that_was_shown_is_not_decoded_again(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", Recipe(num_frames=40))
    readers = Readers()
    shown = readers.read(clip, 20)
    near = {n for n in range(40) if readers.is_near(clip, n)}
    assert near == {*range(20, 29)}
    readers.read(clip, 30)
    assert readers.read(clip, 20) is shown
    with pytest.raises(NotThere, match="no frame 40"):
        readers.read(clip, 40)
    readers.close()


def test_the_frames_that_are_kept_are_bounded(tmp_path: Path) -> None:
    frames = [Frame(k, k, 0.0, np.zeros((4, 4, 3), np.uint8)) for k in range(5)]
    recent = FramesReadLast(100)  # bytes, 48 each
    for frame in frames:
        recent.add((tmp_path, "v", frame.index), frame)
    held = [k for k in range(5) if recent.get((tmp_path, "v", k)) is not None]
    assert held == [3, 4]


def test_going_back_decodes_from_a_key_frame_once(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", Recipe(num_frames=40))
    readers = Readers()
    readers.read(clip, 35)
    assert [painted(readers.read(clip, 30).image), readers.read(clip, 30).index] == [30, 30]
    near = [n for n in range(31) if readers.is_near(clip, n)]
    assert near == [*range(19, 31)]
    assert painted(readers.read(clip, 21).image) == 21
    assert painted(readers.read(clip, 31).image) == 31
    assert painted(readers.read(clip, 3).image) == 3
    readers.close()
