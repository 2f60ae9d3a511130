"""Sessions: prompted, propagated as a stream of events, kept until they are deleted."""

import hashlib
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import StreamingResponse

from vseg.client.values import (
    PromptsAnswer,
    PromptsRequest,
    PropagateEnd,
    PropagateRequest,
    SessionFacts,
    SessionList,
    SessionRequest,
)
from vseg.errors import VsegError
from vseg.server.problem import problem_of
from vseg.server.routes.event_stream import EVENTS, event
from vseg.server.routes.parameters import (
    IdempotencyKey,
    SessionPath,
    TheCaller,
    TheService,
    problems,
)
from vseg.server.security.access import Caller
from vseg.server.service import Service
from vseg.server.wire_prompts import prompts_of

router = APIRouter(prefix="/v1/sessions", tags=["sessions"])


@router.get("", responses=problems())
def list_sessions(service: TheService, caller: TheCaller) -> SessionList:
    """The sessions of this key."""
    return SessionList(sessions=service.sessions.listed(caller))


@router.post("", status_code=201, responses=problems(404, 409))
def create_session(
    asked: SessionRequest, service: TheService, caller: TheCaller, key: IdempotencyKey = None
) -> SessionFacts:
    """Begin a session on a clip."""
    return service.sessions.create(caller, asked, key)


@router.get("/{session_id}", responses=problems(404))
def read_session(
    session_id: SessionPath, service: TheService, caller: TheCaller
) -> SessionFacts:
    """A session: its objects, and what of a propagation is left."""
    return service.sessions.facts(caller, session_id)


@router.delete("/{session_id}", status_code=204, responses=problems(404))
async def delete_session(
    session_id: SessionPath, service: TheService, caller: TheCaller
) -> None:
    """Forget a session."""
    await service.worker.run(caller.id, service.sessions.delete, caller, session_id)


@router.post("/{session_id}/prompts", responses=problems(404, 409, 413, 503))
async def prompt_session(
    session_id: SessionPath,
    asked: PromptsRequest,
    service: TheService,
    caller: TheCaller,
    key: IdempotencyKey = None,
) -> PromptsAnswer:
    """Point at objects; answers with their masks on the prompted frames.

    All prompts of a request are taken, or none.  A prompt on an object that is there already
    corrects it: the next propagation computes its masks again from there.
    """
    body = hashlib.sha256(asked.model_dump_json().encode()).hexdigest()
    repeat = None if key is None else (key, body)

    def answer() -> PromptsAnswer:
        most = service.settings.limits.pixels
        prompts = prompts_of(asked.prompts, asked.exemplar_frames, service.folder, most)
        return service.sessions.prompt(caller, session_id, prompts, repeat)

    return await service.worker.run(caller.id, answer)


@router.delete("/{session_id}/objects/{object_id}", responses=problems(404, 409))
async def remove_object(
    session_id: SessionPath,
    object_id: Annotated[int, Path(ge=1, lt=1 << 31)],
    service: TheService,
    caller: TheCaller,
) -> SessionFacts:
    """Stop tracking an object; its id is not used again."""
    return await service.worker.run(
        caller.id, service.sessions.remove_object, caller, session_id, object_id
    )


@router.post(
    "/{session_id}/propagate",
    response_class=StreamingResponse,
    responses=problems(404, 409, 503)
    | {
        200: {
            "content": {EVENTS: {}},
            "description": "Events: `masks` (FrameAnswer) for every frame, then `done` "
            "(PropagateEnd) or `error` (Problem)",
        }
    },
)
async def propagate(
    session_id: SessionPath,
    asked: PropagateRequest,
    service: TheService,
    caller: TheCaller,
) -> StreamingResponse:
    """Track the objects through the clip; every frame's masks are sent as they are known.

    Closing the connection ends it, and keeps what was done: `resume` goes on from there, also
    after the service was killed.
    """
    await service.worker.run(caller.id, service.sessions.begin, caller, session_id, asked)
    return StreamingResponse(_masks(service, caller, session_id), media_type=EVENTS)


async def _masks(service: Service, caller: Caller, session_id: str) -> AsyncIterator[bytes]:
    """Each frame is computed when the one before was taken: a client that reads slowly holds
    up nobody but itself.
    """
    count = 0
    try:
        while True:
            answer = await service.worker.run(caller.id, service.sessions.step, session_id)
            if answer is None:
                break
            count += 1
            yield event("masks", answer, answer.frame)
        await service.worker.run(caller.id, service.sessions.end, session_id)
        yield event("done", PropagateEnd(frames=count))
    except VsegError as error:
        yield event("error", problem_of(error, service.root))
    finally:
        # Not awaited here: of a client that is gone, this coroutine is being cancelled.
        service.end_later(caller.id, session_id)
