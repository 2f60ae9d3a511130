"""The client of programs that do other things while they wait."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal

import httpx2

from vseg.client import calls
from vseg.client.calls import Answer, Call
from vseg.client.refusals import accepted, error_of, error_of_problem, reached
from vseg.client.sync_client import TIMEOUT_S
from vseg.client.values import (
    ExportRequest,
    FrameAnswer,
    FrameReference,
    JobFacts,
    Problem,
    PromptsAnswer,
    PropagateRequest,
    RunEntry,
    RunFacts,
    SessionFacts,
    SessionRequest,
    TrackSettings,
    VideoEntry,
    VideoFacts,
)
from vseg.config import IdentitySettings, MemorySettings
from vseg.errors import ServiceError
from vseg.io.files import atomic_path, check_exists
from vseg.types import Prompt

_CHUNK_BYTES = 1 << 20


class AsyncClient:
    """The service at an address; a context manager.

    key: as `vseg serve` printed it, or of `vseg keys add`.  Every method raises the error that
    the library would raise, NotAllowed, NotThere, InTheWay, TooLarge or TooMany, and
    ServiceError where the service cannot be reached.
    """

    def __init__(
        self,
        address: str,
        *,
        key: str,
        timeout_s: float = TIMEOUT_S,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx2.AsyncClient(
            base_url=address,
            headers={"Authorization": f"Bearer {key}"},
            timeout=timeout_s,
            transport=transport or httpx2.AsyncHTTPTransport(retries=2),
        )

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def videos(self) -> AsyncIterator[VideoEntry]:
        """The clips under the root."""
        after: str | None = ""
        while after is not None:
            page = await self._send(calls.videos(after))
            for one in page.videos:
                yield one
            after = page.next

    async def video(self, video_id: str) -> VideoFacts:
        """One clip."""
        return await self._send(calls.video(video_id))

    async def upload(self, path: Path | str, *, key: str | None = None) -> VideoFacts:
        """Send a clip; what it became there.  key: see `vseg.client.calls.once`."""
        check_exists(str(path))
        headers = calls.once(key) | {"Content-Type": "application/octet-stream"}
        with reached():
            # Decoding every frame there may take minutes.
            response = await self._http.post(
                "/v1/videos", content=_chunks(Path(path)), headers=headers, timeout=None
            )
        return VideoFacts.model_validate_json(accepted(response).content)

    async def delete_video(self, video_id: str) -> None:
        """Delete a clip that this key uploaded."""
        await self._send(calls.delete_video(video_id))

    async def frame(
        self, video_id: str, index: int, *, format: Literal["png", "jpeg", "webp"] = "png"
    ) -> bytes:
        """An image file of one frame."""
        return await self._bytes(f"/v1/videos/{video_id}/frames/{index}", {"format": format})

    async def sessions(self) -> list[SessionFacts]:
        """The sessions of this key."""
        return (await self._send(calls.sessions())).sessions

    async def session(self, session_id: str) -> SessionFacts:
        """One session."""
        return await self._send(calls.session(session_id))

    async def create_session(
        self,
        video_id: str,
        *,
        memory: MemorySettings | None = None,
        identity: IdentitySettings | None = None,
        key: str | None = None,
    ) -> SessionFacts:
        """Begin a session on a clip."""
        request = SessionRequest(
            video=video_id,
            memory=memory or MemorySettings(),
            identity=identity or IdentitySettings(),
        )
        return await self._send(calls.create_session(request, key))

    async def delete_session(self, session_id: str) -> None:
        """Forget a session."""
        await self._send(calls.delete_session(session_id))

    async def prompt(
        self,
        session_id: str,
        *prompts: Prompt,
        exemplar_frames: Sequence[FrameReference] = (),
        key: str | None = None,
    ) -> PromptsAnswer:
        """Point at objects; their masks on the prompted frames."""
        return await self._send(calls.prompt(session_id, prompts, exemplar_frames, key))

    async def remove_object(self, session_id: str, obj: int) -> SessionFacts:
        """Stop tracking an object."""
        return await self._send(calls.remove_object(session_id, obj))

    async def propagate(
        self, session_id: str, request: PropagateRequest | None = None
    ) -> AsyncIterator[FrameAnswer]:
        """The masks of every frame, as they become known.  Ending the loop early ends the
        propagation; one with `resume` goes on with it, `after` the last frame that came.
        """
        call = calls.propagate(session_id, request or PropagateRequest())
        with reached():
            async with self._http.sse(
                call.path, method=call.method, max_event_size=None, **call.options()
            ) as events:
                await _refused(events.response)
                async for event in events:
                    if event.event == "masks":
                        yield FrameAnswer.model_validate_json(event.data)
                    elif event.event == "error":
                        raise error_of_problem(Problem.model_validate_json(event.data))
                    elif event.event == "done":
                        return
        raise ServiceError(
            "the stream ended before the last frame",
            hint="resume=True, after=the last frame that came",
        )

    async def runs(self) -> AsyncIterator[RunEntry]:
        """The runs under the root."""
        after: str | None = ""
        while after is not None:
            page = await self._send(calls.runs(after))
            for one in page.runs:
                yield one
            after = page.next

    async def run(self, run_id: str) -> RunFacts:
        """One run."""
        return await self._send(calls.run(run_id))

    async def masks(
        self, run_id: str, first: int = 0, end: int | None = None
    ) -> AsyncIterator[FrameAnswer]:
        """The masks of a run on frames [first, end), by ascending frame."""
        place: int | None = first
        while place is not None:
            page = await self._send(calls.masks(run_id, place, end))
            for one in page.frames:
                yield one
            place = page.next

    async def table(self, run_id: str, frames: str = ":") -> bytes:
        """The masks of a run as a Parquet file."""
        params = {"format": "parquet", "frames": frames}
        return await self._bytes(f"/v1/runs/{run_id}/masks", params)

    async def track(
        self,
        video_id: str,
        run_name: str,
        *prompts: Prompt,
        labels: Mapping[int, str] | None = None,
        settings: TrackSettings | None = None,
        key: str | None = None,
    ) -> JobFacts:
        """Have a clip tracked into a run; without prompts, whatever is there."""
        request = calls.track_request(
            video_id, run_name, prompts, labels or {}, settings or TrackSettings()
        )
        return await self._send(calls.track(request, key))

    async def export(self, run_id: str, format: str, *, key: str | None = None) -> JobFacts:
        """Have a run written in another format; `download` fetches it."""
        request = ExportRequest(kind="export", run=run_id, format=format)
        return await self._send(calls.export(request, key))

    async def jobs(self) -> list[JobFacts]:
        """The jobs of this key, newest first."""
        return (await self._send(calls.jobs())).jobs

    async def job(self, job_id: str) -> JobFacts:
        """How far a job is."""
        return await self._send(calls.job(job_id))

    async def wait(
        self, job_id: str, on_change: Callable[[JobFacts], None] = lambda facts: None
    ) -> JobFacts:
        """The job once it has ended.  on_change: called whenever it got further."""
        path = f"/v1/jobs/{job_id}/events"
        with reached():
            async with self._http.sse(path, timeout=None) as events:
                await _refused(events.response)
                async for event in events:
                    if event.event == "job":
                        on_change(JobFacts.model_validate_json(event.data))
        return await self.job(job_id)

    async def cancel(self, job_id: str) -> JobFacts:
        """End a job; forget one that has ended."""
        return await self._send(calls.cancel(job_id))

    async def download(self, job_id: str, to: Path | str) -> Path:
        """Write what an export gave to a file, which is whole or as it was before."""
        path = f"/v1/jobs/{job_id}/file"
        with reached():
            async with self._http.stream("GET", path) as response:
                await _refused(response)
                with atomic_path(Path(to)) as part, part.open("wb") as file:
                    async for chunk in response.aiter_bytes():
                        file.write(chunk)
        return Path(to)

    async def _send(self, call: Call[Answer]) -> Answer:
        with reached():
            response = await self._http.request(call.method, call.path, **call.options())
        return call.answer(accepted(response).content)

    async def _bytes(self, path: str, params: dict[str, str]) -> bytes:
        with reached():
            response = await self._http.get(path, params=params)
        return accepted(response).content


async def _refused(response: httpx2.Response) -> None:
    """Raise the error of a stream that is a refusal."""
    if response.is_error:
        await response.aread()
        raise error_of(response)


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    """A file as it is sent."""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
