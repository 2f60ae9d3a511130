"""/v1/annotations/{run}/socket: the annotator's socket.

Enters: a connection that was let in, and its messages.  Leaves: one answer to each, events and
masks.  What is no request gets one clear error and disturbs nothing.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Path, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from vseg.errors import NotAllowed, TooMany, UsageError, VsegError
from vseg.server.annotator.clients import PageClient
from vseg.server.annotator.clip_tasks import ClipTasks
from vseg.server.annotator.command_requests import CommandRequests
from vseg.server.annotator.mask_message import MaskFlag, ShownMask, pack_message
from vseg.server.annotator.messages import Answer, HelloAnswer, RefusedAnswer
from vseg.server.annotator.open_clips import OpenClips
from vseg.server.annotator.requests import REQUESTS, WATCHER_REQUESTS, AnyRequest, Hello
from vseg.server.annotator.shown_requests import ShownRequests
from vseg.server.annotator.socket_refusals import refusal_of
from vseg.server.security.keys import Scope
from vseg.server.service import caller_of
from vseg.server.storage.ids import PATTERN

router = APIRouter(prefix="/v1/annotations")

MOST_CHARACTERS = 4_000_000
"""Of one message: the mask of a 4K frame with room to spare, or an exemplar's image."""
MOST_OPEN = 64
"""Requests of one client that are not answered yet; more are refused."""
TRY_AGAIN = 1013
"""Close code of a service that cannot be had now (IANA's registry of close codes)."""
_REFUSED = 1008
"""RFC 6455, section 7.4.1: against the rules of the service."""
_FIRST = '{"id": 0, "type": "hello"}'
_LOG = logging.getLogger(__name__)


@router.websocket("/{run_id}/socket")
async def annotate(socket: WebSocket, run_id: Annotated[str, Path(pattern=PATTERN)]) -> None:
    """One client of the annotator of a run."""
    clips = socket.app.state.clips
    assert isinstance(clips, OpenClips)
    await socket.accept()
    try:
        tasks = await clips.open(run_id)
    except VsegError as error:
        await socket.send_text(_refused(None, error))
        await socket.close(_REFUSED, error.message[:100])
        return
    connection = _Connection(socket, tasks, clips)
    try:
        await connection.serve()
    finally:
        clips.left(run_id)


class _Connection:
    """One socket, from hello to its end."""

    def __init__(self, socket: WebSocket, tasks: ClipTasks, clips: OpenClips) -> None:
        self._socket = socket
        self._tasks = tasks
        self._clips = clips
        self._commands: asyncio.Queue[AnyRequest] = asyncio.Queue()
        self._shown: set[asyncio.Task[None]] = set()
        self._open = 0

    async def serve(self) -> None:
        """Until either side ends it."""
        try:
            client = await self._hello()
        except WebSocketDisconnect:
            return
        pump = asyncio.create_task(self._pump(client))
        commands = CommandRequests(self._tasks, client)
        shown = ShownRequests(self._tasks, client, self._clips.reviews)
        self._handlers = {**commands.handlers, **shown.handlers}
        self._ordered = {*commands.handlers}
        work = asyncio.create_task(self._carry_out(client))
        listen = asyncio.create_task(self._listen(client))
        try:
            await asyncio.wait({pump, listen}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (pump, listen, work, *self._shown):
                task.cancel()
            self._tasks.opened.clients.leave(client)

    async def _hello(self) -> PageClient:
        """The client, once it has said hello; what else it says first is refused."""
        while True:
            request = await self._request(self._send_refusal)
            if isinstance(request, Hello):
                welcomed = await self._welcomed(request)
                if welcomed is not None:
                    return welcomed
            elif request is not None:
                error = UsageError("the first message is hello", hint=_FIRST)
                await self._socket.send_text(_refused(request.id, error))

    async def _welcomed(self, request: Hello) -> PageClient | None:
        """The client; None of one that is told why it cannot be had, such as a damaged run."""
        clients = self._tasks.opened.clients
        may_write = caller_of(self._socket).key.allows(Scope.write)
        client, missed = clients.join(may_write, request.stream, request.last_seq)
        try:
            await self._welcome(request, client, missed)
        except (VsegError, OSError) as error:
            clients.leave(client)
            await self._socket.send_text(_refused(request.id, error))
            return None
        return client

    async def _welcome(
        self, request: Hello, client: PageClient, missed: Sequence[str] | None
    ) -> None:
        clients = self._tasks.opened.clients
        if request.mode == "write":
            clients.take_lease(client, over=False)
        await self._tasks.outside()
        resumed = missed is not None
        state = None if resumed else await asyncio.to_thread(self._tasks.opened.state)
        answer = HelloAnswer(
            re=request.id,
            stream=client.stream,
            seq=client.seq,
            resumed=resumed,
            lease=clients.lease_of(client),
            state=state,
        )
        await self._socket.send_text(answer.model_dump_json())
        for text in missed or ():
            await self._socket.send_text(text)
        clients.tell_lease()

    async def _listen(self, client: PageClient) -> None:
        """Take requests until the client goes."""

        async def refuse(text: str) -> None:
            client.send(text)

        while True:
            try:
                request = await self._request(refuse)
            except WebSocketDisconnect:
                return
            if request is not None:
                self._take(client, request)

    def _take(self, client: PageClient, request: AnyRequest) -> None:
        """Have a request carried out, or refuse it."""
        try:
            self._check(client, request)
        except VsegError as error:
            client.send(_refused(request.id, error))
            return
        self._open += 1
        if type(request) in self._ordered:
            self._commands.put_nowait(request)
            return
        task = asyncio.create_task(self._answer(client, request))
        self._shown.add(task)
        task.add_done_callback(self._shown.discard)

    def _check(self, client: PageClient, request: AnyRequest) -> None:
        if isinstance(request, Hello):
            raise UsageError("hello was said already", hint="open another connection")
        if self._open >= MOST_OPEN:
            raise TooMany(
                f"{self._open} requests wait already", hint="wait for answers", retry_after_s=1
            )
        writes = self._tasks.opened.clients.writes(client)
        if not writes and not isinstance(request, WATCHER_REQUESTS):
            raise NotAllowed(
                "this page watches; another one writes", hint="take over to write", known=True
            )
        if not client.may_write and not isinstance(request, WATCHER_REQUESTS):
            raise NotAllowed("this key may only read", hint="use another key", known=True)

    async def _carry_out(self, client: PageClient) -> None:
        """The commands, one after another."""
        while True:
            await self._answer(client, await self._commands.get())

    async def _answer(self, client: PageClient, request: AnyRequest) -> None:
        try:
            if type(request) in self._ordered:
                await self._tasks.outside()
            answer: Answer = await self._handlers[type(request)](request)
            client.send(answer.model_dump_json())
        except VsegError as error:
            client.send(_refused(request.id, error))
        except Exception as error:
            _LOG.exception("a request of %s failed", self._tasks.opened.run_id)
            client.send(_refused(request.id, error))
        finally:
            self._open -= 1

    async def _pump(self, client: PageClient) -> None:
        """Send what waits for the client."""
        while True:
            message = await client.outbox.get()
            if message is None:
                await self._socket.close(TRY_AGAIN, "come back with hello")
                return
            if isinstance(message, ShownMask):
                if not _is_over(message, client):
                    await self._socket.send_bytes(pack_message(client.seq, message))
            else:
                await self._socket.send_text(message)

    async def _request(self, refuse: Callable[[str], Awaitable[None]]) -> AnyRequest | None:
        """The next message as a request; None of one that is refused."""
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))
        text = message.get("text")
        if text is None:
            error = UsageError("a message is JSON text, not binary", hint="send text")
            await refuse(_refused(None, error))
            return None
        if len(text) > MOST_CHARACTERS:
            error = UsageError(
                f"a message has {len(text)} characters, more than {MOST_CHARACTERS}",
                hint="send a smaller image, or a mask of fewer runs",
            )
            await refuse(_refused(None, error))
            return None
        try:
            return REQUESTS.validate_json(text, context="message")
        except ValidationError as error:
            await refuse(_refused(_id_of(text), error))
            return None

    async def _send_refusal(self, text: str) -> None:
        await self._socket.send_text(text)


def _is_over(shown: ShownMask, client: PageClient) -> bool:
    """Whether a mask is of a frame that the client does not show any more."""
    return shown.frame != client.frame and not shown.flags & MaskFlag.PENDING


def _refused(re: int | None, error: Exception) -> str:
    return RefusedAnswer(re=re, error=refusal_of(error)).model_dump_json()


def _id_of(text: str) -> int | None:
    """The id of a message that is no request, if it has one."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return None
    found = read.get("id") if isinstance(read, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None
