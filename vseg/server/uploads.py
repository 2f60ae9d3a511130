"""Uploads: streamed to disk, sniffed and decoded in a child process, then given a name.

Enters: the chunks of a request.  Leaves: a clip under ROOT/uploads/KEY, a file or a folder of
images, or nothing.  The name is ours, never the client's.
"""

import asyncio
import hashlib
import json
import os
import secrets
import shutil
import sys
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from vseg.errors import (
    BadVideo,
    InTheWay,
    NotThere,
    OutputError,
    TooLarge,
    TooMany,
    UsageError,
)
from vseg.io.files import make_folder
from vseg.server.idempotency import reused_key
from vseg.server.settings import Limits, ServerSettings
from vseg.server.storage.served_folder import ServedFolder
from vseg.server.upload_child import Checked
from vseg.video.sniff import sniff

UPLOADS = "uploads"
_SUFFIXES = {"mp4": ".mp4", "matroska": ".mkv", "avi": ".avi", "mpegts": ".ts"}
_OTHER = ".mpg"
"""Of the rarer containers; what is in a file is told by its content, never by its name."""
_START_S = 30.0
"""On top of the time for decoding: for the child process to start, on a busy machine."""
STALLED_S = 60.0
"""Without a byte for so long an upload has ended: a client whose network is gone says nothing,
and its key may have only a few under way.  A round value."""
_DECODED_AT_ONCE = 2
"""Of all keys: decoding uses a whole core."""


@dataclass(frozen=True, slots=True)
class Upload:
    """length: as the request says, if it does.  name: of the file, from an idempotency key;
    the same content under it is the clip that is there.
    """

    chunks: AsyncIterable[bytes]
    length: int | None
    name: str | None


class Uploads:
    """Takes clips in."""

    def __init__(self, settings: ServerSettings, folder: ServedFolder) -> None:
        self._limits: Limits = settings.limits
        self._folder = folder
        self._decoding = asyncio.Semaphore(_DECODED_AT_ONCE)
        self._under_way: Counter[str] = Counter()

    async def take(self, owner: str, sent: Upload) -> Path:
        """The clip that an upload of a key became.  Raises TooLarge, TooMany, BadVideo,
        OutputError.
        """
        if sent.length is not None:
            self._check_size(sent.length)
        folder = self._of(owner)
        self._check_stored(folder, sent.length or 0)
        with self._counted(owner):
            async with self._received(sent.chunks) as (part, digest):
                known = self._known(folder, sent.name, digest)
                if known is not None:
                    return known
                self._check_stored(folder, part.stat().st_size)
                await asyncio.to_thread(_check_kind, part)
                async with self._decoding:
                    checked = await self._decode(part)
                stem = f"{sent.name or secrets.token_hex(8)}-{digest[:16]}"
                target = folder / f"{stem}{_SUFFIXES.get(checked.kind, _OTHER)}"
                part.replace(target)
        return target

    async def take_images(
        self, owner: str, sent: Upload, unpack: Callable[[Path, Path], None]
    ) -> Path:
        """The folder of images that an upload of a key became.

        unpack: writes the images in the body of a request, a file, to a folder, and checks
        what it writes.  sent.name: of the folder.  Raises as `take` and `unpack` do.
        """
        if sent.length is not None:
            self._check_size(sent.length)
        folder = self._of(owner)
        self._check_stored(folder, sent.length or 0)
        target = folder / (sent.name or secrets.token_hex(8))
        with self._counted(owner):
            async with self._received(sent.chunks) as (part, _):
                images = part.with_name(f"{part.stem}-images.part")
                images.mkdir()
                try:
                    await asyncio.to_thread(unpack, part, images)
                    self._check_stored(folder, _bytes_in(images))
                    async with self._decoding:
                        await self._decode(images)
                    images.replace(target)
                finally:
                    _remove(images)
        return target

    def delete(self, owner: str, path: Path) -> None:
        """Delete a clip that a key uploaded.  Raises InTheWay for any other clip."""
        if path.parent != self._of(owner):
            raise InTheWay(
                "this clip was not uploaded by this key", hint="its owner can delete it"
            )
        _remove(path)

    def clear(self) -> None:
        """Delete what uploads that never ended left behind."""
        with suppress(NotThere):
            for part in self._incoming.glob("*.part"):
                _remove(part)

    @property
    def _incoming(self) -> Path:
        """Hidden within the root: the state may be on another disk, and a file cannot be
        renamed from there.  Raises NotThere if a link leads out of the root.
        """
        return self._folder.inside(self._folder.root / UPLOADS / ".incoming")

    @asynccontextmanager
    async def _received(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[tuple[Path, str]]:
        """The file of a request's body, and the hash of its content; removed at the end."""
        part = self._incoming / f"{secrets.token_hex(8)}.part"
        digest = hashlib.sha256()
        size = 0
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            with part.open("xb") as file:
                async for chunk in _coming(chunks):
                    size += len(chunk)
                    self._check_size(size)
                    digest.update(chunk)
                    await asyncio.to_thread(file.write, chunk)
            yield part, digest.hexdigest()
        except OSError as error:
            raise OutputError(
                f"the upload cannot be stored: {error.strerror or error}",
                hint="the operator frees space",
            ) from error
        finally:
            part.unlink(missing_ok=True)

    def _of(self, owner: str) -> Path:
        """Where the clips of a key are.  Raises NotThere if a link leads out of the root, and
        OutputError.
        """
        folder = self._folder.inside(self._folder.root / UPLOADS / owner)
        make_folder(folder, "uploads")
        return folder

    @contextmanager
    def _counted(self, owner: str) -> Iterator[None]:
        """One more upload of a key is under way.  Raises TooMany."""
        most = self._limits.uploads
        if self._under_way[owner] >= most:
            raise TooMany(
                f"{most} uploads of this key are under way",
                hint="wait for one to end",
                retry_after_s=10,
            )
        self._under_way[owner] += 1
        try:
            yield
        finally:
            self._under_way[owner] -= 1

    def _check_stored(self, folder: Path, more: int) -> None:
        if _bytes_in(folder) + more > self._limits.stored_bytes:
            raise TooLarge(
                f"a key may store {self._limits.stored_bytes} bytes of clips",
                hint="delete one that is done with: DELETE /v1/videos/ID",
            )

    def _check_size(self, size: int) -> None:
        most = self._limits.upload_bytes
        if size > most:
            raise TooLarge(
                f"an upload may have {most} bytes",
                hint="cut the clip in parts, or have the operator put it under the root",
            )

    @staticmethod
    def _known(folder: Path, name: str | None, digest: str) -> Path | None:
        """The clip that the same request made before.  Raises UsageError for another one."""
        if name is None:
            return None
        found = list(folder.glob(f"{name}-*"))
        if not found:
            return None
        if found[0].stem != f"{name}-{digest[:16]}":
            raise reused_key()
        return found[0]

    async def _decode(self, path: Path) -> Checked:
        """What a child process says of the file.  Raises TooLarge and BadVideo."""
        limits = self._limits
        numbers = limits.pixels, limits.frames, limits.decode_mib, limits.decode_s
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "vseg.server.upload_child",
            str(path),
            *map(str, numbers),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            # One thread each: threads take address space, which is limited.
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        try:
            said, _ = await asyncio.wait_for(child.communicate(), limits.decode_s + _START_S)
        except TimeoutError:
            raise TooLarge(
                f"the upload was not decoded within {limits.decode_s:g} s",
                hint="cut it in parts, or encode it as H.264",
            ) from None
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if child.returncode != 0:
            raise TooLarge(
                "the upload cannot be decoded within the limits of memory and time",
                hint="encode it as H.264 at a smaller size",
            )
        checked = Checked(**json.loads(said))
        if checked.error is not None:
            kind = TooLarge if checked.error == "TooLarge" else BadVideo
            message = checked.message.replace(str(path), "the upload")
            raise kind(message, hint=checked.hint)
        return checked


async def _coming(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The chunks of a request.  Raises UsageError where none comes for long."""
    coming = aiter(chunks)
    while True:
        try:
            chunk = await asyncio.wait_for(anext(coming), STALLED_S)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise UsageError(
                f"nothing of the upload came for {STALLED_S:g} s", hint="send it again"
            ) from None
        yield chunk


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _remove(path: Path) -> None:
    """Delete a file, or a folder of images."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _check_kind(path: Path) -> None:
    """Raise BadVideo for what is no clip by its first bytes: no process is started for it."""
    try:
        sniff(path)
    except BadVideo as error:
        message = error.message.replace(str(path), "the upload")
        raise BadVideo(message, hint=error.hint) from error
