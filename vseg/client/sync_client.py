"""The client of programs that wait for each answer."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import httpx2

from vseg.client import calls
from vseg.client.calls import Answer, Call
from vseg.client.refusals import accepted, error_of, error_of_problem, reached
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
from vseg.interfaces.closing import Closing
from vseg.io.files import atomic_path, check_exists
from vseg.types import Prompt

TIMEOUT_S = 60.0
"""Until an answer begins: a turn on a busy device, and a slow model's frame."""


class Client(Closing):
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
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self._http = httpx2.Client(
            base_url=address,
            headers={"Authorization": f"Bearer {key}"},
            timeout=timeout_s,
            transport=transport or httpx2.HTTPTransport(retries=2),
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def videos(self) -> Iterator[VideoEntry]:
        """The clips under the root."""
        after: str | None = ""
        while after is not None:
            page = self._send(calls.videos(after))
            yield from page.videos
            after = page.next

    def video(self, video_id: str) -> VideoFacts:
        """One clip."""
        return self._send(calls.video(video_id))

    def upload(self, path: Path | str, *, key: str | None = None) -> VideoFacts:
        """Send a clip; what it became there.  key: see `vseg.client.calls.once`."""
        check_exists(str(path))
        with Path(path).open("rb") as file, reached():
            headers = calls.once(key) | {"Content-Type": "application/octet-stream"}
            # Decoding every frame there may take minutes.
            response = self._http.post(
                "/v1/videos", content=file, headers=headers, timeout=None
            )
        return VideoFacts.model_validate_json(accepted(response).content)

    def delete_video(self, video_id: str) -> None:
        """Delete a clip that this key uploaded."""
        self._send(calls.delete_video(video_id))

    def frame(
        self, video_id: str, index: int, *, format: Literal["png", "jpeg", "webp"] = "png"
    ) -> bytes:
        """An image file of one frame."""
        return self._bytes(f"/v1/videos/{video_id}/frames/{index}", {"format": format})

    def sessions(self) -> list[SessionFacts]:
        """The sessions of this key."""
        return self._send(calls.sessions()).sessions

    def session(self, session_id: str) -> SessionFacts:
        """One session."""
        return self._send(calls.session(session_id))

    def create_session(
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
        return self._send(calls.create_session(request, key))

    def delete_session(self, session_id: str) -> None:
        """Forget a session."""
        self._send(calls.delete_session(session_id))

    def prompt(
        self,
        session_id: str,
        *prompts: Prompt,
        exemplar_frames: Sequence[FrameReference] = (),
        key: str | None = None,
    ) -> PromptsAnswer:
        """Point at objects; their masks on the prompted frames."""
        return self._send(calls.prompt(session_id, prompts, exemplar_frames, key))

    def remove_object(self, session_id: str, obj: int) -> SessionFacts:
        """Stop tracking an object."""
        return self._send(calls.remove_object(session_id, obj))

    def propagate(
        self, session_id: str, request: PropagateRequest | None = None
    ) -> Generator[FrameAnswer, None, None]:
        """The masks of every frame, as they become known.  Ending the loop early ends the
        propagation; one with `resume` goes on with it, `after` the last frame that came.
        """
        call = calls.propagate(session_id, request or PropagateRequest())
        with (
            reached(),
            self._http.sse(
                call.path, method=call.method, max_event_size=None, **call.options()
            ) as events,
        ):
            _refused(events.response)
            for event in events:
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

    def runs(self) -> Iterator[RunEntry]:
        """The runs under the root."""
        after: str | None = ""
        while after is not None:
            page = self._send(calls.runs(after))
            yield from page.runs
            after = page.next

    def run(self, run_id: str) -> RunFacts:
        """One run."""
        return self._send(calls.run(run_id))

    def masks(
        self, run_id: str, first: int = 0, end: int | None = None
    ) -> Iterator[FrameAnswer]:
        """The masks of a run on frames [first, end), by ascending frame."""
        place: int | None = first
        while place is not None:
            page = self._send(calls.masks(run_id, place, end))
            yield from page.frames
            place = page.next

    def table(self, run_id: str, frames: str = ":") -> bytes:
        """The masks of a run as a Parquet file."""
        params = {"format": "parquet", "frames": frames}
        return self._bytes(f"/v1/runs/{run_id}/masks", params)

    def track(
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
        return self._send(calls.track(request, key))

    def export(self, run_id: str, format: str, *, key: str | None = None) -> JobFacts:
        """Have a run written in another format; `download` fetches it."""
        request = ExportRequest(kind="export", run=run_id, format=format)
        return self._send(calls.export(request, key))

    def jobs(self) -> list[JobFacts]:
        """The jobs of this key, newest first."""
        return self._send(calls.jobs()).jobs

    def job(self, job_id: str) -> JobFacts:
        """How far a job is."""
        return self._send(calls.job(job_id))

    def wait(
        self, job_id: str, on_change: Callable[[JobFacts], None] = lambda facts: None
    ) -> JobFacts:
        """The job once it has ended.  on_change: called whenever it got further."""
        path = f"/v1/jobs/{job_id}/events"
        with reached(), self._http.sse(path, timeout=None) as events:
            _refused(events.response)
            for event in events:
                if event.event == "job":
                    on_change(JobFacts.model_validate_json(event.data))
        return self.job(job_id)

    def cancel(self, job_id: str) -> JobFacts:
        """End a job; forget one that has ended."""
        return self._send(calls.cancel(job_id))

    def download(self, job_id: str, to: Path | str) -> Path:
        """Write what an export gave to a file, which is whole or as it was before."""
        with reached(), self._http.stream("GET", f"/v1/jobs/{job_id}/file") as response:
            _refused(response)
            with atomic_path(Path(to)) as part, part.open("wb") as file:
                for chunk in response.iter_bytes():
                    file.write(chunk)
        return Path(to)

    def _send(self, call: Call[Answer]) -> Answer:
        with reached():
            response = self._http.request(call.method, call.path, **call.options())
        return call.answer(accepted(response).content)

    def _bytes(self, path: str, params: dict[str, str]) -> bytes:
        with reached():
            response = self._http.get(path, params=params)
        return accepted(response).content


def _refused(response: httpx2.Response) -> None:
    """Raise the error of a stream that is a refusal."""
    if response.is_error:
        response.read()
        raise error_of(response)
