"""The clips that clients have open, each once; a clip that nobody shows is closed.

Enters: ids of runs.  Leaves: ClipTasks.  Belongs to the event loop.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from vseg.errors import TooMany
from vseg.results.layout import read_header
from vseg.server.annotator.clip_tasks import ClipTasks
from vseg.server.annotator.open_clip import OpenClip
from vseg.server.annotator.review_spans import Reviews
from vseg.server.service import Service

MOST_OPEN = 16
"""Clips open at a time: each holds two decoders, tens of megabytes."""
IDLE_S = 30.0
"""How long a clip stays open for a page that is loaded again."""


class OpenClips:
    """Those of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._open: dict[str, ClipTasks] = {}
        self._opening = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()
        self.reviews = Reviews(self._runs)

    async def open(self, run_id: str) -> ClipTasks:
        """The clip of a run, opened unless it is.  Raises NotThere, BadRun, BadVideo and
        TooMany.
        """
        async with self._opening:
            known = self._open.get(run_id)
            if known is not None:
                return known
            if len(self._open) >= MOST_OPEN:
                raise TooMany(
                    f"{len(self._open)} clips are open", hint="close one", retry_after_s=30
                )
            service = self._service
            await service.worker.run(run_id, service.models.load)
            opened = await asyncio.to_thread(self._opened, run_id)
            tasks = ClipTasks(opened, service.worker)
            self._open[run_id] = tasks
            return tasks

    def left(self, run_id: str) -> None:
        """A client has gone: close the clip once nobody has come back."""
        asyncio.get_running_loop().call_later(IDLE_S, self._close_idle, run_id)

    async def close(self) -> None:
        """Close all of them."""
        for run_id in list(self._open):
            await self._open.pop(run_id).close()

    def run_path(self, run_id: str) -> Path:
        """Where a run is.  Raises NotThere."""
        return self._service.folder.find("run", run_id)

    def _opened(self, run_id: str) -> OpenClip:
        """On a thread: the clip is compared with the run's fingerprint."""
        service = self._service
        folder = service.folder
        path = self.run_path(run_id)
        # A run may come from anywhere: it names no file outside of what is served.
        clip = folder.inside(Path(read_header(path).source.path))
        ids = (run_id, folder.id_at(clip))
        return OpenClip(ids, path, clip, service.models, service.readers)

    def _close_idle(self, run_id: str) -> None:
        tasks = self._open.get(run_id)
        if tasks is None or len(tasks.opened.clients) or tasks.opened.running is not None:
            return
        del self._open[run_id]
        closing = asyncio.get_running_loop().create_task(tasks.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _runs(self) -> Iterator[tuple[str, Path]]:
        folder = self._service.folder
        for entry in folder.entries("run"):
            yield entry.id, folder.find("run", entry.id)
