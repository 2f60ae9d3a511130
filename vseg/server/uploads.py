"""Uploads: streamed to disk, sniffed and decoded in a child process, then given a name.

Enters: the chunks of a request.  Leaves: a clip under ROOT/uploads, or nothing.  The name is
ours, never the client's.
"""

import asyncio
import hashlib
import json
import os
import secrets
import sys
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from vseg.errors import BadVideo, OutputError, TooLarge
from vseg.server.idempotency import reused_key
from vseg.server.settings import Limits, ServerSettings
from vseg.server.storage.served_folder import ServedFolder
from vseg.server.upload_child import Checked

UPLOADS = "uploads"
_SUFFIXES = {"mp4": ".mp4", "matroska": ".mkv", "avi": ".avi", "mpegts": ".ts"}
_OTHER = ".mpg"
"""Of the rarer containers; what is in a file is told by its content, never by its name."""
_START_S = 30.0
"""On top of the time for decoding: for the child process to start, on a busy machine."""


class Uploads:
    """Takes clips in."""

    def __init__(self, settings: ServerSettings, folder: ServedFolder) -> None:
        self._limits: Limits = settings.limits
        self._folder = folder
        self._incoming = settings.state_folder / "incoming"
        self._at_once = asyncio.Semaphore(2)

    async def take(
        self, chunks: AsyncIterable[bytes], length: int | None, name: str | None
    ) -> Path:
        """The clip that an upload became.

        length: as the request says, if it does.  name: of the file, from an idempotency key;
        the same content under it gives the clip that is there.  Raises TooLarge, BadVideo,
        OutputError.
        """
        if length is not None:
            self._check_size(length)
        async with self._received(chunks) as (part, digest):
            known = self._known(name, digest)
            if known is not None:
                return known
            async with self._at_once:
                checked = await self._decode(part)
            stem = f"{name or secrets.token_hex(8)}-{digest[:16]}"
            suffix = _SUFFIXES.get(checked.kind, _OTHER)
            target = self._folder.inside(self._folder.root / UPLOADS / f"{stem}{suffix}")
            target.parent.mkdir(parents=True, exist_ok=True)
            part.replace(target)
            return target

    def clear(self) -> None:
        """Delete what uploads that never ended left behind."""
        for part in self._incoming.glob("*.part"):
            part.unlink(missing_ok=True)

    @asynccontextmanager
    async def _received(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[tuple[Path, str]]:
        """The file of a request's body, and the hash of its content; removed at the end."""
        part = self._incoming / f"{secrets.token_hex(8)}.part"
        digest = hashlib.sha256()
        size = 0
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            with part.open("xb") as file:
                async for chunk in chunks:
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

    def _check_size(self, size: int) -> None:
        most = self._limits.upload_bytes
        if size > most:
            raise TooLarge(
                f"an upload may have {most} bytes",
                hint="cut the clip in parts, or have the operator put it under the root",
            )

    def _known(self, name: str | None, digest: str) -> Path | None:
        """The clip that the same request made before.  Raises UsageError for another one."""
        if name is None:
            return None
        found = list((self._folder.root / UPLOADS).glob(f"{name}-*"))
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
