"""The events of a propagation as X-AnyLabeling takes them: the masks come with the last one.

Enters: a session and a span of frames.  Leaves: lines of a stream: `started`, `progress` for
every frame, `completed` with the shapes of all frames, or `error`.  The shapes wait in a
temporary file: memory does not grow with the clip.
"""

import asyncio
import json
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import IO, Any

from vseg.client.values import FrameAnswer, PropagateRequest, SessionFacts
from vseg.errors import BadPrompt, VsegError
from vseg.server.plugins.x_anylabeling_values import UNNAMED, VideoSpanRequest, shapes_of
from vseg.server.plugins.x_anylabeling_video import ClientVideo
from vseg.server.problem import problem_of

_BLOCK = 1 << 16


async def propagation_events(
    video: ClientVideo, asked: VideoSpanRequest
) -> AsyncIterator[bytes]:
    """The stream.  What goes wrong is its last event; a client that is gone ends it, and what
    was done is kept.
    """
    service = video.service
    client = video.caller.id
    try:
        facts = service.sessions.facts(video.caller, video.session_id)
        frames = await service.worker.run(client, _length, video, facts)
        spans = _spans(asked, facts, frames)
        first = spans[0][1]
        yield _event("started", total_frames=frames, start_frame_index=first)
        labels = video.labels
        with tempfile.TemporaryFile("w+b") as spool:
            for request, shown in spans:
                async with aclosing(_answers(video, request)) as answers:
                    async for answer in answers:
                        if (answer.frame - shown) * (-1 if request.reverse else 1) < 0:
                            continue
                        await asyncio.to_thread(_keep, spool, answer, labels)
                        yield _event(
                            "progress", current_frame=answer.frame, total_frames=frames
                        )
            yield b'data: {"type": "completed", "results": {'
            for block in _blocks(spool):
                yield block
            yield b"}}\n\n"
    except VsegError as error:
        yield _event("error", message=sentence_of(error, video))


def sentence_of(error: VsegError, video: ClientVideo) -> str:
    """An error in one line."""
    problem = problem_of(error, video.service.root)
    return f"{problem.detail} ({problem.hint})" if problem.hint else problem.detail


async def _answers(
    video: ClientVideo, request: PropagateRequest
) -> AsyncGenerator[FrameAnswer, None]:
    """The frames of one direction, each computed when the one before was taken."""
    service = video.service
    client = video.caller.id
    sessions = service.sessions
    await service.worker.run(client, sessions.begin, video.caller, video.session_id, request)
    try:
        while True:
            answer = await service.worker.run(client, sessions.step, video.session_id)
            if answer is None:
                break
            yield answer
        await service.worker.run(client, sessions.end, video.session_id)
    finally:
        # Not awaited here: of a client that is gone, this coroutine is being cancelled.
        service.end_later(client, video.session_id)


def _length(video: ClientVideo, facts: SessionFacts) -> int:
    path = video.service.folder.find("video", facts.video)
    with video.service.readers.reading(path) as reader:
        return len(reader)


def _spans(
    asked: VideoSpanRequest, facts: SessionFacts, frames: int
) -> list[tuple[PropagateRequest, int]]:
    """What to propagate, and from which frame on it is shown.

    Tracking begins where an object was prompted: at the last such frame up to the start; and
    where all of them come later, it first goes back from the earliest.
    """
    prompted = sorted({frame for obj in facts.objects for frame in obj.prompted_frames})
    if not prompted:
        raise BadPrompt("no object was prompted", hint="click an object, or send words")
    start = prompted[0] if asked.start_frame is None else asked.start_frame
    end = frames if asked.end_frame is None else min(asked.end_frame + 1, frames)
    if not start < end:
        raise BadPrompt(
            f"there is no frame from {start} on and before {end}",
            hint=f"the clip has frames 0 to {frames - 1}",
        )
    spans = []
    first = prompted[0]
    if start < first:
        back = PropagateRequest(start=first, until=start - 1, reverse=True)
        spans.append((back, min(first, end) - 1))
    if end > first:
        begin = max([frame for frame in prompted if frame <= start], default=first)
        spans.append((PropagateRequest(start=begin, until=end), max(start, first)))
    return spans


def _keep(spool: IO[bytes], answer: FrameAnswer, labels: dict[int, str]) -> None:
    shapes = [
        shape
        for mask in answer.masks
        if mask.visible
        for shape in shapes_of(
            mask.crop(),
            labels.get(mask.object, UNNAMED),
            mask.score,
            group=mask.object,
            epsilon=0.0,
        )
    ]
    separator = ", " if spool.tell() else ""
    text = f'{separator}"{answer.frame}": {json.dumps({"masks": shapes})}'
    spool.write(text.encode())


def _blocks(spool: IO[bytes]) -> Iterator[bytes]:
    spool.seek(0)
    while block := spool.read(_BLOCK):
        yield block


def _event(kind: str, **facts: Any) -> bytes:
    return f"data: {json.dumps({'type': kind, **facts})}\n\n".encode()
