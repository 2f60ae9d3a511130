"""What goes on with an open clip beside its requests: masks for those who show a frame,
features ahead of a click, a propagation.

Enters: that something has changed.  Leaves: events and masks for the clients.  Belongs to the
event loop; the device is used in turns of the service's worker, the disk in threads.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from vseg.errors import VsegError
from vseg.pipelines.import_edits import apply_import
from vseg.pipelines.propagation_settings import Reach
from vseg.pipelines.run_edit import RunEdit
from vseg.server.annotator.begun_revision import PROPAGATION
from vseg.server.annotator.brought_in import compared
from vseg.server.annotator.clients import PageClient
from vseg.server.annotator.desk_events import (
    DoneEvent,
    ErrorEvent,
    LanesChangedEvent,
    ProgressEvent,
    StateEvent,
)
from vseg.server.annotator.frame_view import PromptedPlace, apart
from vseg.server.annotator.lane_keeper import LaneKeeper
from vseg.server.annotator.ledger import PendingPrompt
from vseg.server.annotator.mask_message import ShownMask
from vseg.server.annotator.open_clip import OpenClip
from vseg.server.annotator.prompted_images import PromptedMask
from vseg.server.annotator.propagation import Propagation
from vseg.server.annotator.socket_refusals import refusal_of
from vseg.server.worker import Worker
from vseg.types import MaskCrop

REST_S = 0.06
"""A frame that is shown for so long is encoded: one of a clip that plays at 24 frames a second
is not."""
PROGRESS_S = 0.1
Result = TypeVar("Result")
_LOG = logging.getLogger(__name__)


class ClipTasks:
    """The tasks of one open clip."""

    def __init__(self, opened: OpenClip, worker: Worker) -> None:
        self.opened = opened
        self.worker = worker
        self.lanes = LaneKeeper(opened.project, self._lanes_changed)
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._told = 0.0
        # Not of the pool that short calls share: these may take minutes.
        self._slow = ThreadPoolExecutor(2, "vseg-clip")

    def start(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[None]:
        """Have something done; an error of it is told to all clients."""
        task = self._loop.create_task(self._watched(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def slowly(self, function: Callable[..., Result], *args: object) -> Result:
        """Have something long done on a thread of this clip."""
        return await self._loop.run_in_executor(self._slow, function, *args)

    async def changed(self, *, revision: bool = False, masks: bool = True) -> None:
        """Tell the clients what a command changed, and show their frames anew.

        revision: whether the run has changed, not only pending prompts.  masks: whether those
        on the screen may have changed, beyond what was sent already.
        """
        opened = self.opened
        objects, stale = await asyncio.to_thread(
            lambda: (opened.desk.objects_event(0), opened.desk.stale_event(0))
        )
        clients = opened.clients
        clients.broadcast(lambda seq: objects.model_copy(update={"seq": seq}))
        clients.broadcast(lambda seq: stale.model_copy(update={"seq": seq}))
        if revision:
            self._tell_lanes(*opened.project.frames)
        for frame in clients.frames_shown() if masks else ():
            self.start(self.show(frame, clear=True))

    async def outside(self) -> None:
        """Tell the clients everything if another program has changed the run."""
        if await asyncio.to_thread(self.opened.project.refresh):
            state = await asyncio.to_thread(self.opened.state)
            self.opened.clients.broadcast(lambda seq: StateEvent(seq=seq, state=state))

    async def show(self, frame: int, *, clear: bool = False) -> int:
        """Send the masks of a frame to those who show it; how many.

        clear: objects without a mask there are told as well.
        """
        opened = self.opened
        masks = await asyncio.to_thread(opened.view.stored, frame)
        running = opened.running
        if running is not None:
            masks = [*masks, *running.live.get(frame, ())]
        prompted = await asyncio.to_thread(opened.view.prompted, frame)
        if clear:
            here = {m.object_id for m in masks} | {p.object_id for p in prompted}
            masks += opened.view.missing(frame, here)
        opened.clients.show(masks)
        return len(masks) + await self.show_prompted(frame)

    async def show_prompted(self, frame: int, new: int | None = None) -> int:
        """Send the masks of pending prompts on a frame, one after another; how many.

        new: the object that was prompted just now: all are told if it fails, and of the others
        those that are decoded are shown, for they may share pixels with it.
        """
        opened = self.opened
        places = await asyncio.to_thread(opened.view.prompted, frame)
        masks: list[tuple[PromptedPlace, PromptedMask]] = []
        waiting: list[PromptedPlace] = []
        for place in places:
            with suppress(VsegError):  # told when it was prompted
                mask = place.known(opened.images)
                if mask is not None:
                    masks.append((place, mask))
                elif new in (None, place.object_id):
                    waiting.append(place)
        if waiting and new is None:
            # What was decoded before waits for no turn; a propagation takes many.
            opened.clients.show(apart(masks))
        for place in waiting:
            try:
                decode = place.decoded
                mask = await self.worker.run(opened.run_id, decode, opened.images)
                masks.append((place, mask))
            except VsegError as error:
                if new is not None:
                    self._tell_error(error, None)
        shown = apart(masks)
        opened.clients.show(shown)
        return len(shown)

    async def warm(self, client: PageClient, frame: int, direction: int) -> None:
        """Encode a frame that stays on the screen, and those beside it while nobody waits."""
        await asyncio.sleep(REST_S)
        opened = self.opened
        beside = direction or 1
        for index in (frame, frame + beside, frame - beside, frame + 2 * beside):
            first, end = opened.project.frames
            busy = index != frame and (self.worker.waiting or opened.running is not None)
            if client.frame != frame or busy:
                return
            # Those beside it only where reading them sends no reader back to a key frame.
            near = index == frame or opened.readers.is_near(opened.clip, index)
            if first <= index < end and near and not opened.images.holds(index):
                # A frame that cannot be encoded now is told of when it is clicked on.
                with suppress(VsegError):
                    await self.worker.run(opened.run_id, opened.images.encode, index)

    async def propagate(self, prompts: Sequence[PendingPrompt], reach: Reach) -> Propagation:
        """Begin to propagate; events tell the rest.  Raises UsageError while another one is
        under way.
        """
        opened = self.opened
        await asyncio.to_thread(opened.project.begin_revision, PROPAGATION, prompts)
        running = Propagation(opened.jobs + 1, prompts, reach)
        self._begin(running)
        return running

    async def bring_in(self, path: Path, format_name: str | None) -> Propagation:
        """Make the masks of a file that another program wrote a revision; events tell the
        rest.  Raises BadExchange for a file that does not fit, UsageError for one that changes
        nothing, or while a propagation is under way.
        """
        opened = self.opened
        target = opened.project.path
        run, imported = await self.slowly(compared, target, path, format_name)
        await asyncio.to_thread(opened.project.begin_revision, "import")

        def edits(edit: RunEdit) -> None:
            apply_import(edit, imported, run)

        running = Propagation(opened.jobs + 1, (), edits=edits)
        with imported.masks:
            await self._begin(running)
        if running.error is not None:
            raise running.error
        return running

    def _begin(self, running: Propagation) -> asyncio.Task[None]:
        self.opened.jobs = running.job
        self.opened.running = running
        self._told = 0.0  # of the first frame at once
        self._tell_progress(running)
        return self.start(self._propagate(running))

    async def close(self) -> None:
        """End what is under way; a propagation keeps what it has."""
        if self.opened.running is not None:
            self.opened.running.cut.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=30)
        self._slow.shutdown(wait=False)
        await asyncio.to_thread(self.lanes.close)
        await asyncio.to_thread(self.opened.close)

    async def _propagate(self, running: Propagation) -> None:
        opened = self.opened
        try:
            await self.slowly(self._track, running)
        except VsegError as error:
            running.error = error
            self._tell_error(error, running.job)
        finally:
            opened.running = None
        opened.clients.broadcast(
            lambda seq: DoneEvent(
                seq=seq,
                job=running.job,
                cancelled=running.cut.is_set(),
                revision=running.revision,
                spans=running.spans,
            )
        )
        await self.changed(revision=True)

    def _track(self, running: Propagation) -> None:
        """On a thread of its own: the device is passed on after every frame."""
        opened = self.opened
        with self.worker.turn(opened.run_id) as turn:

            def shown(masks: list[ShownMask]) -> None:
                self._loop.call_soon_threadsafe(self._show_live, running, masks)
                turn.pass_on()

            def seen(obj: int, frame: int) -> MaskCrop | None:
                masks: list[tuple[PromptedPlace, PromptedMask]] = []
                for place in opened.view.places(frame, running.prompts):
                    # What cannot be decoded is told by the session that decodes it again.
                    with suppress(VsegError):
                        masks.append((place, place.decoded(opened.images)))
                shown = {mask.object_id: mask.crop for mask in apart(masks)}
                return shown.get(obj)

            running.run(
                opened.project, partial(opened.correction, running.prompts), shown, seen
            )

    def _show_live(self, running: Propagation, masks: list[ShownMask]) -> None:
        self.opened.clients.show(masks)
        now = time.monotonic()
        if now - self._told >= PROGRESS_S:
            self._told = now
            self._tell_progress(running)

    def _tell_progress(self, running: Propagation) -> None:
        state = running.state
        self.opened.clients.broadcast(lambda seq: ProgressEvent(seq=seq, running=state))

    def _lanes_changed(self, first: int, end: int) -> None:
        self._loop.call_soon_threadsafe(self._tell_lanes, first, end)

    def _tell_lanes(self, first: int, end: int) -> None:
        self.opened.clients.broadcast(
            lambda seq: LanesChangedEvent(seq=seq, first=first, end=end)
        )

    def _tell_error(self, error: Exception, job: int | None) -> None:
        refusal = refusal_of(error)
        self.opened.clients.broadcast(lambda seq: ErrorEvent(seq=seq, job=job, error=refusal))

    async def _watched(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except VsegError as error:
            self._tell_error(error, None)
        except Exception as error:
            _LOG.exception("a task of %s failed", self.opened.run_id)
            self._tell_error(error, None)
