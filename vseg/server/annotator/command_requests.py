"""Requests that change something: prompts, edits, propagation, undo, the lease.

Enters: a request of the client that writes.  Leaves: its answer, once the change is on the
disk; what it changed goes to all clients as events.  Carried out one after another.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from vseg.errors import NotAllowed, NotThere, UsageError
from vseg.pipelines.propagation_settings import Reach
from vseg.server.annotator import requests as ask
from vseg.server.annotator.clients import PageClient
from vseg.server.annotator.clip_tasks import ClipTasks
from vseg.server.annotator.desk_state import step_title
from vseg.server.annotator.desk_zones import save_zones, zones_answer
from vseg.server.annotator.ledger import LedgerStep
from vseg.server.annotator.messages import (
    Answer,
    CancelAnswer,
    DoneAnswer,
    EditAnswer,
    PromptAnswer,
    PropagateAnswer,
    StepAnswer,
)
from vseg.server.annotator.page_prompts import prompt_value
from vseg.server.annotator.wire_edits import titled_edit
from vseg.server.annotator.wire_values import AcceptWire, WireEdit
from vseg.types import Text

Handler = Callable[[Any], Awaitable[Answer]]


class CommandRequests:
    """Those of one client."""

    def __init__(self, tasks: ClipTasks, client: PageClient) -> None:
        self._tasks = tasks
        self._opened = tasks.opened
        self._client = client
        self.handlers: dict[type[ask.Request], Handler] = {
            ask.AddPrompt: self._prompt,
            ask.RemovePrompts: self._remove,
            ask.MakeEdit: self._edit,
            ask.AcceptRisk: self._accept,
            ask.SkipRisk: self._skip,
            ask.Propagate: self._propagate,
            ask.Cancel: self._cancel,
            ask.Undo: self._undo,
            ask.Redo: self._redo,
            ask.Takeover: self._takeover,
            ask.SaveZones: self._save_zones,
        }

    async def _prompt(self, request: ask.AddPrompt) -> Answer:
        opened = self._opened
        value = await asyncio.to_thread(
            prompt_value, request.prompt, opened.run.video, lambda i: opened.frame(i).image
        )
        if isinstance(value, Text):
            # Words that mean nothing become no mark, which would only fail again.
            await self._tasks.worker.run(opened.run_id, opened.check_words, value)
        pending = await asyncio.to_thread(
            opened.project.add_prompt, request.object, request.frame, value
        )
        obj, frame = pending.place
        self._tasks.start(self._shown(obj, frame))
        return PromptAnswer(re=request.id, object=obj, number=pending.number)

    async def _shown(self, obj: int, frame: int) -> None:
        """The mask of a prompt first, then what else has changed."""
        await self._tasks.show_prompted(frame, obj)
        await self._tasks.changed(masks=False)

    async def _remove(self, request: ask.RemovePrompts) -> Answer:
        project = self._opened.project
        await asyncio.to_thread(
            project.remove_prompts, request.object, request.frame, request.number
        )
        await self._tasks.changed()
        return DoneAnswer(re=request.id)

    async def _edit(self, request: ask.MakeEdit) -> Answer:
        return await self._edited(request.id, request.edit)

    async def _accept(self, request: ask.AcceptRisk) -> Answer:
        edit = AcceptWire(
            kind="accept", object=request.object, first=request.first, end=request.end
        )
        return await self._edited(request.id, edit)

    async def _edited(self, re: int, wire: WireEdit) -> Answer:
        project = self._opened.project
        fresh = await asyncio.to_thread(project.edit, titled_edit(wire))
        await self._tasks.changed(revision=True)
        return EditAnswer(re=re, revision=project.run.revision, object=fresh)

    async def _skip(self, request: ask.SkipRisk) -> Answer:
        if request.run != self._opened.run_id:
            raise NotThere(
                f"the span is of run {request.run}, and {self._opened.run_id} is open",
                hint="open that run to review it",
            )
        project = self._opened.project
        await asyncio.to_thread(project.skip, request.object, request.first, request.end)
        await self._tasks.changed(masks=False)
        return DoneAnswer(re=request.id)

    async def _propagate(self, request: ask.Propagate) -> Answer:
        ledger = self._opened.project.ledger
        wanted = None if request.objects is None else {*request.objects}
        first = request.first or 0
        prompts = [
            p
            for p in ledger.pending
            if (wanted is None or p.place[0] in wanted)
            and first <= p.place[1]
            and (request.end is None or p.place[1] < request.end)
        ]
        if not prompts:
            raise UsageError(
                "there is nothing to propagate: no marks are pending",
                hint="click on an object first",
            )
        reach = Reach(request.direction, request.first, request.end, ledger.unending)
        running = await self._tasks.propagate(prompts, reach)
        return PropagateAnswer(re=request.id, job=running.job)

    async def _cancel(self, request: ask.Cancel) -> Answer:
        running = self._opened.running
        if running is not None:
            running.cut.set()
        return CancelAnswer(re=request.id, cancelled=running is not None)

    async def _undo(self, request: ask.Undo) -> Answer:
        return await self._stepped(request.id, self._opened.project.undo)

    async def _redo(self, request: ask.Redo) -> Answer:
        return await self._stepped(request.id, self._opened.project.redo)

    async def _stepped(self, re: int, move: Callable[[], LedgerStep | None]) -> Answer:
        step = await asyncio.to_thread(move)
        if step is None:
            return StepAnswer(re=re, step=None)
        await self._tasks.changed(revision=step.revision is not None)
        return StepAnswer(re=re, step=step_title(step))

    async def _save_zones(self, request: ask.SaveZones) -> Answer:
        saved = await asyncio.to_thread(
            save_zones, self._opened, request.zones, request.version
        )
        return zones_answer(request.id, saved)

    async def _takeover(self, request: ask.Takeover) -> Answer:
        clients = self._opened.clients
        if not clients.take_lease(self._client, over=True):
            raise NotAllowed("this key may only read", hint="use another key", known=True)
        clients.tell_lease()
        return DoneAnswer(re=request.id)
