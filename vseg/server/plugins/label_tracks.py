"""Tracks that Label Studio's page polls: begun, asked for the next frames, cancelled.

Enters: the prompts of one object on a frame, and how far to track.  Leaves: batches of masks.
Frames are computed as they are asked for, in turns of the worker: a page that went away costs
nothing, and nothing is kept of what was sent.  The session is one of the service.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from vseg.client.values import FrameAnswer, PropagateRequest, SessionRequest
from vseg.errors import NotThere, UnknownFrame, VsegError
from vseg.interfaces.reader import OpenReader
from vseg.server.plugins.label_studio_values import LabelContext, Result, frame_mask
from vseg.server.security.access import Caller
from vseg.server.service import Service
from vseg.types import Prompt, PromptValue, Timecode

_OBJECT = 1
MOST_FRAMES = 300
"""In each direction, where the page does not say: what Label Studio's own backend tracks."""
_LOST_FRAMES = 3
_MOST_FOREGROUND = 0.7
"""Frames without the object, and the share of the frame it may cover, after which its track
ends: those of Label Studio's own backend.
"""
_BATCH_S = 0.25
_BATCH = 32
"""How long an answer waits for more frames, and how many it has: Label Studio's own values."""


@dataclass(slots=True)
class LabelTrack:
    """One track.  spans: directions that are left, the first of them under way if begun.
    lost: frames in a row without the object.
    """

    caller: Caller
    spans: list[PropagateRequest]
    total: int
    begun: bool = False
    lost: int = 0
    produced: int = 0
    used: float = field(default_factory=time.monotonic)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class LabelTracks:
    """The tracks of one service, by the id of their session.  Belongs to the event loop."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._tracks: dict[str, LabelTrack] = {}

    async def begin(
        self, caller: Caller, clip: Path, values: Sequence[PromptValue], asked: LabelContext
    ) -> Result:
        """Begin a track; what the page is told of it.  Raises BadPrompt, TooMany."""
        await self._forget_idle()
        service = self._service
        request = SessionRequest(video=service.folder.id_at(clip))
        session_id = service.sessions.create(caller, request, None).id

        def prompted() -> tuple[LabelTrack, Result]:
            with service.readers.reading(clip) as reader:
                frame = asked_frame(asked, reader)
                spans, total = _spans(asked, frame, reader)
                facts = _clip_facts(reader)
            prompts = [Prompt(_OBJECT, Timecode(frame=frame), value) for value in values]
            service.sessions.prompt(caller, session_id, prompts)
            told = {"session_id": session_id, "total_frames": total, **facts}
            return LabelTrack(caller, spans, total), told

        try:
            track, told = await service.worker.run(caller.id, prompted)
        except BaseException:
            service.worker.submit(caller.id, service.sessions.delete, caller, session_id)
            raise
        self._tracks[session_id] = track
        return told

    async def progress(self, caller: Caller, session_id: str) -> Result:
        """The next frames of a track."""
        track = self._tracks.get(session_id)
        if track is None or track.caller.id != caller.id:
            return {"error": "session not found", "done": True}
        async with track.lock:
            frames: list[Result] = []
            error = None
            try:
                await self._fill(caller, session_id, track, frames)
            except VsegError as failure:
                error = str(failure)
            track.used = time.monotonic()
            done = error is not None or not track.spans
        if done:
            await self.cancel(caller, session_id)
        return {
            "frames": frames,
            "produced": track.produced,
            "total": track.total,
            "done": done,
            "error": error,
        }

    async def cancel(self, caller: Caller, session_id: str) -> None:
        """End a track, if it is there, and forget its session."""
        track = self._tracks.get(session_id)
        if track is None or track.caller.id != caller.id:
            return
        del self._tracks[session_id]
        sessions = self._service.sessions
        with suppress(NotThere):
            await self._service.worker.run(caller.id, sessions.delete, caller, session_id)

    async def _fill(
        self, caller: Caller, session_id: str, track: LabelTrack, frames: list[Result]
    ) -> None:
        """Add frames until they are enough for an answer, or the track ends."""
        started = time.monotonic()
        while track.spans and len(frames) < _BATCH:
            if frames and time.monotonic() - started > _BATCH_S:
                return
            answer = await self._step(caller, session_id, track)
            shown = None
            if answer is not None:
                shown = await asyncio.to_thread(_shown, answer, track)
            if shown is not None:
                frames.append(shown)
                track.produced += 1

    async def _step(
        self, caller: Caller, session_id: str, track: LabelTrack
    ) -> FrameAnswer | None:
        """The next frame; None where a direction ends."""
        sessions = self._service.sessions
        run = self._service.worker.run
        if not track.begun:
            await run(caller.id, sessions.begin, caller, session_id, track.spans[0])
            track.begun = True
        answer = None
        if track.lost < _LOST_FRAMES:
            answer = await run(caller.id, sessions.step, session_id)
        if answer is None or _foreground(answer) > _MOST_FOREGROUND:
            await run(caller.id, sessions.end, session_id)
            track.spans.pop(0)
            track.begun = False
            track.lost = 0
            return None
        return answer

    async def _forget_idle(self) -> None:
        """Drop the tracks that no page asks for any more, and their sessions."""
        oldest = time.monotonic() - self._service.settings.idle_s
        for session_id, track in list(self._tracks.items()):
            if track.used < oldest:
                await self.cancel(track.caller, session_id)


def asked_frame(asked: LabelContext, reader: OpenReader) -> int:
    """The frame that the page shows, from 0; past the end, the last one."""
    last = len(reader) - 1
    if asked.time_ms is not None:
        try:
            return reader.frame_at(asked.time_ms / 1000)
        except UnknownFrame:
            return last
    return min(max(asked.frame - 1, 0), last)


def _spans(
    asked: LabelContext, frame: int, reader: OpenReader
) -> tuple[list[PropagateRequest], int]:
    """What to propagate, and of how many frames that is."""
    most = asked.max_frames or MOST_FRAMES
    if asked.max_duration_ms is not None and reader.info.fps is not None:
        most = round(asked.max_duration_ms * float(reader.info.fps) / 1000)
    end = min(len(reader), frame + most + 1)
    first = max(0, frame - most)
    spans = []
    total = 0
    if asked.direction in ("forward", "both"):
        spans.append(PropagateRequest(start=frame, until=end))
        total += end - frame
    if asked.direction in ("backward", "both"):
        spans.append(PropagateRequest(start=frame, until=first - 1, reverse=True))
        total += frame + 1 - first
    return spans, total


def _clip_facts(reader: OpenReader) -> Result:
    fps = None if reader.info.fps is None else float(reader.info.fps)
    duration = 0.0 if fps is None else len(reader) * 1000 / fps
    return {"fps": fps, "duration_ms": duration}


def _foreground(answer: FrameAnswer) -> float:
    return max((m.crop().area / (m.size[0] * m.size[1]) for m in answer.masks), default=0.0)


def _shown(answer: FrameAnswer, track: LabelTrack) -> Result | None:
    """The mask of a frame; None where the object is not visible."""
    mask = next((mask for mask in answer.masks if mask.visible), None)
    if mask is None:
        track.lost += 1
        return None
    track.lost = 0
    place = {"frame": answer.frame + 1, "time_ms": answer.time_s * 1000}
    return place | frame_mask(mask.crop(), mask.size)
