"""What is uploaded: clips are taken in under a name of ours, everything else is refused."""

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.clips import Recipe, cut, write_audio, write_clip, write_damaged
from tests.served import ADDRESS, TOKEN, app_of, local_key, run_async, served
from vseg.errors import UsageError
from vseg.server.security.keys import key_of
from vseg.server.settings import Limits, ServerSettings
from vseg.server.storage.served_folder import ServedFolder
from vseg.server.uploads import Upload, Uploads

pytestmark = pytest.mark.integration


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def client(root: Path) -> Iterator[TestClient]:
    with served(app_of(root)) as opened:
        yield opened


def left_behind(root: Path) -> list[Path]:
    """Files of uploads, whole or not."""
    return [path for path in (root / "uploads").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("a.mp4", Recipe(num_frames=9)),
        ("a.mkv", Recipe(num_frames=9, rotation=90)),
        ("a.webm", Recipe(num_frames=9, codec="libvpx-vp9", options={})),
        ("a.ts", Recipe(num_frames=9)),
    ],
)
def test_a_clip_is_taken_in(
    client: TestClient, root: Path, tmp_path: Path, name: str, recipe: Recipe
) -> None:
    content = write_clip(tmp_path / name, recipe).read_bytes()
    answer = client.post("/v1/videos", content=content)
    assert answer.status_code == 201, answer.text
    facts = answer.json()
    assert (facts["frames"], facts["height"], facts["width"]) == (9, 64, 96)
    assert (root / facts["path"]).read_bytes() == content
    assert client.get(f"/v1/videos/{facts['id']}").json() == facts
    assert client.get(f"/v1/videos/{facts['id']}/frames/8").status_code == 200
    assert len(left_behind(root)) == 1


def test_frames_that_are_damaged_do_not_keep_a_clip_out(
    client: TestClient, tmp_path: Path
) -> None:
    content = write_damaged(tmp_path / "damaged.mp4").read_bytes()
    answer = client.post("/v1/videos", content=content)
    assert (answer.status_code, answer.json()["frames"]) == (201, 36)
    damaged = client.get(f"/v1/videos/{answer.json()['id']}/frames/17")
    assert (damaged.status_code, damaged.json()["title"]) == (422, "DamagedVideo")


def huge_png(chunk: bytes = b"") -> bytes:
    """The beginning of an image of 40 000 x 40 000."""
    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    written = b"\x89PNG\r\n\x1a\n"
    animation = [(chunk, b"\0\0\0\2\0\0\0\0")] if chunk else []
    for name, content in ((b"IHDR", header), *animation):
        checksum = struct.pack(">I", zlib.crc32(name + content))
        written += struct.pack(">I", len(content)) + name + content + checksum
    return written + b"\0" * 100


def playlist(root: Path) -> bytes:
    secret = write_clip(root.parent / "secret.ts", Recipe(num_frames=3))
    return f"#EXTM3U\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n".encode()


def audio(root: Path) -> bytes:
    return write_audio(root.parent / "sound.mp4").read_bytes()


def cut_short(root: Path) -> bytes:
    whole = write_clip(root.parent / "whole.mp4", Recipe(num_frames=9))
    return cut(whole, root.parent / "cut.mp4", 0.5).read_bytes()


@pytest.mark.parametrize(
    "make",
    [
        lambda root: b"",
        lambda root: b"\0" * 5000,
        lambda root: b"<html>" * 900,
        lambda root: huge_png(),
        lambda root: huge_png(b"acTL"),
        lambda root: b"GIF89a" + struct.pack("<HH", 40_000, 40_000) + b"\0" * 100,
        lambda root: b"ffconcat version 1.0\nfile /etc/passwd\n",
        playlist,
        audio,
        cut_short,
    ],
)
def test_what_is_no_clip_is_refused(
    client: TestClient, root: Path, make: Callable[[Path], bytes]
) -> None:
    answer = client.post("/v1/videos", content=make(root))
    assert answer.status_code in (413, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert str(root) not in answer.text
    assert left_behind(root) == []


@pytest.mark.parametrize(
    "limits",
    [
        {"frames": 8},
        {"pixels": 64 * 96 - 1},
        {"decode_mib": 48},
        {"upload_bytes": 500},
        {"stored_bytes": 500},
    ],
)
def test_a_clip_beyond_a_limit_is_refused(
    root: Path, tmp_path: Path, limits: dict[str, Any]
) -> None:
    content = write_clip(tmp_path / "a.mp4", Recipe(num_frames=9)).read_bytes()
    with served(app_of(root, limits=Limits(**limits))) as client:
        at_once = client.post("/v1/videos", content=content)
        in_parts = client.post("/v1/videos", content=iter([content[:400], content[400:]]))
    for answer in (at_once, in_parts):
        assert answer.status_code in (413, 422), answer.text
        assert answer.json()["title"] in ("TooLarge", "BadVideo")
    assert left_behind(root) == []


def test_a_key_that_may_only_read_uploads_nothing(root: Path, tmp_path: Path) -> None:
    with served(app_of(root, local_key("read"))) as client:
        assert client.post("/v1/videos", content=b"x").status_code == 403


def test_who_uploaded_a_clip_deletes_it(root: Path, tmp_path: Path) -> None:
    content = write_clip(tmp_path / "a.mp4", Recipe(num_frames=9)).read_bytes()
    write_clip(root / "b.mp4", Recipe(num_frames=3))
    other = key_of("other", "other", "write", key_id="other")
    with served(app_of(root, local_key("write"), other)) as client:
        uploaded = client.post("/v1/videos", content=content).json()["id"]
        (theirs,) = (v["id"] for v in client.get("/v1/videos").json()["videos"][:1])
        assert client.delete(f"/v1/videos/{theirs}").status_code == 409
        client.headers["Authorization"] = "Bearer other"
        assert client.delete(f"/v1/videos/{uploaded}").status_code == 409
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        assert client.delete(f"/v1/videos/{uploaded}").status_code == 204
        assert client.delete(f"/v1/videos/{uploaded}").status_code == 404
    assert (root / "b.mp4").exists()
    assert left_behind(root) == []


def test_an_upload_that_is_sent_again_is_one_clip(
    client: TestClient, root: Path, tmp_path: Path
) -> None:
    content = write_clip(tmp_path / "a.mp4", Recipe(num_frames=9)).read_bytes()
    other = write_clip(tmp_path / "b.mp4", Recipe(num_frames=5)).read_bytes()
    once = {"Idempotency-Key": "../../a"}
    answers = [client.post("/v1/videos", content=content, headers=once) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert client.post("/v1/videos", content=other, headers=once).status_code == 422
    assert len(left_behind(root)) == 1


def test_what_a_killed_service_received_is_deleted(root: Path) -> None:
    part = root / "uploads" / ".incoming" / "0.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"half")
    with served(app_of(root)):
        assert not part.exists()


def test_the_folder_of_uploads_may_not_lead_out(
    client: TestClient, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (root / "uploads").symlink_to(tmp_path / "outside")
    content = write_clip(tmp_path / "a.mp4", Recipe(num_frames=9)).read_bytes()
    assert client.post("/v1/videos", content=content).status_code == 404
    assert list((tmp_path / "outside").iterdir()) == []


def test_the_state_may_be_on_another_disk(root: Path, tmp_path: Path) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == root.stat().st_dev:
        pytest.skip("this machine shows one disk only")
    content = write_clip(tmp_path / "a.mp4", Recipe(num_frames=2)).read_bytes()
    with TemporaryDirectory(dir=other) as state, served(app_of(root, state=state)) as client:
        assert client.post("/v1/videos", content=content).status_code == 201


def test_an_upload_that_stalls_ends_and_frees_its_place(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vseg.server.uploads.STALLED_S", 0.05)
    settings = ServerSettings(root=root, limits=Limits(uploads=1))
    uploads = Uploads(settings, ServedFolder(root))

    async def stalling() -> AsyncIterator[bytes]:
        yield b"\0" * 99
        await asyncio.sleep(60)

    for _ in range(2):
        with pytest.raises(UsageError, match="nothing of the upload came"):
            run_async(uploads.take("me", Upload(stalling(), None, None)))
    assert not left_behind(root)


def test_an_upload_whose_sender_has_gone_fills_no_log(
    client: TestClient, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    messages: Iterator[dict[str, Any]] = iter(
        [
            {"type": "http.request", "body": b"\0" * 99, "more_body": True},
            {"type": "http.disconnect"},
        ]
    )

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        pass

    headers = {"host": ADDRESS.removeprefix("http://"), "authorization": f"Bearer {TOKEN}"}
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/v1/videos",
        "query_string": b"",
        "headers": [(name.encode(), text.encode()) for name, text in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8707),
        "scheme": "http",
        "http_version": "1.1",
        "app": client.app,
    }
    assert client.portal is not None
    client.portal.call(partial(client.app, scope, receive, send))
    assert not caplog.records and not left_behind(root)
    assert next(messages, None) is None
