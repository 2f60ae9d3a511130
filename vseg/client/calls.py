"""Every request that the service takes, as a value: both clients send these.

Enters: what is asked.  Leaves: method, path, body and the type of the answer.  What makes
something new carries an idempotency key, so that it can be sent again after a lost answer.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from vseg.client.values import (
    ExportRequest,
    FrameReference,
    JobFacts,
    JobList,
    PromptsAnswer,
    PromptsRequest,
    PropagateRequest,
    RunFacts,
    RunList,
    RunMasks,
    SessionFacts,
    SessionList,
    SessionRequest,
    TrackRequest,
    TrackSettings,
    VideoFacts,
    VideoList,
)
from vseg.prompts.codec import pack_prompt
from vseg.types import Prompt

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Call(Generic[Answer]):
    """answer: makes the answer of the content of a response."""

    method: str
    path: str
    answer: Callable[[bytes], Answer]
    body: BaseModel | None = None
    params: Mapping[str, str | int] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def options(self) -> dict[str, Any]:
        """What is given to the HTTP client."""
        content = None
        headers = dict(self.headers)
        if self.body is not None:
            content = self.body.model_dump_json()
            headers["Content-Type"] = "application/json"
        return {"content": content, "params": dict(self.params), "headers": headers}


def nothing(content: bytes) -> None:
    """The answer of what has none."""


def once(key: str | None) -> dict[str, str]:
    """The header of a request that must not be carried out twice."""
    return {"Idempotency-Key": key or secrets.token_hex(16)}


def videos(after: str = "") -> Call[VideoList]:
    return Call(
        "GET",
        "/v1/videos",
        VideoList.model_validate_json,
        params={"after": after, "limit": 1000},
    )


def video(video_id: str) -> Call[VideoFacts]:
    return Call("GET", f"/v1/videos/{video_id}", VideoFacts.model_validate_json)


def delete_video(video_id: str) -> Call[None]:
    return Call("DELETE", f"/v1/videos/{video_id}", nothing)


def sessions() -> Call[SessionList]:
    return Call("GET", "/v1/sessions", SessionList.model_validate_json)


def session(session_id: str) -> Call[SessionFacts]:
    return Call("GET", f"/v1/sessions/{session_id}", SessionFacts.model_validate_json)


def create_session(request: SessionRequest, key: str | None) -> Call[SessionFacts]:
    return Call(
        "POST", "/v1/sessions", SessionFacts.model_validate_json, request, headers=once(key)
    )


def delete_session(session_id: str) -> Call[None]:
    return Call("DELETE", f"/v1/sessions/{session_id}", nothing)


def prompt(
    session_id: str,
    prompts: Sequence[Prompt],
    exemplar_frames: Sequence[FrameReference],
    key: str | None,
) -> Call[PromptsAnswer]:
    body = PromptsRequest.model_validate(
        {"prompts": records_of(prompts), "exemplar_frames": list(exemplar_frames)}
    )
    path = f"/v1/sessions/{session_id}/prompts"
    return Call("POST", path, PromptsAnswer.model_validate_json, body, headers=once(key))


def remove_object(session_id: str, obj: int) -> Call[SessionFacts]:
    return Call(
        "DELETE", f"/v1/sessions/{session_id}/objects/{obj}", SessionFacts.model_validate_json
    )


def propagate(session_id: str, request: PropagateRequest) -> Call[None]:
    return Call("POST", f"/v1/sessions/{session_id}/propagate", nothing, request)


def runs(after: str = "") -> Call[RunList]:
    return Call(
        "GET", "/v1/runs", RunList.model_validate_json, params={"after": after, "limit": 1000}
    )


def run(run_id: str) -> Call[RunFacts]:
    return Call("GET", f"/v1/runs/{run_id}", RunFacts.model_validate_json)


def masks(run_id: str, first: int, end: int | None) -> Call[RunMasks]:
    frames = f"{first}:{'' if end is None else end}"
    return Call(
        "GET",
        f"/v1/runs/{run_id}/masks",
        RunMasks.model_validate_json,
        params={"frames": frames},
    )


def track(request: TrackRequest, key: str | None) -> Call[JobFacts]:
    return Call("POST", "/v1/jobs", JobFacts.model_validate_json, request, headers=once(key))


def export(request: ExportRequest, key: str | None) -> Call[JobFacts]:
    return Call("POST", "/v1/jobs", JobFacts.model_validate_json, request, headers=once(key))


def jobs() -> Call[JobList]:
    return Call("GET", "/v1/jobs", JobList.model_validate_json)


def job(job_id: str) -> Call[JobFacts]:
    return Call("GET", f"/v1/jobs/{job_id}", JobFacts.model_validate_json)


def cancel(job_id: str) -> Call[JobFacts]:
    return Call("DELETE", f"/v1/jobs/{job_id}", JobFacts.model_validate_json)


def track_request(
    video_id: str,
    run_name: str,
    prompts: Sequence[Prompt],
    labels: Mapping[int, str],
    settings: TrackSettings,
) -> TrackRequest:
    """What `track` sends; without prompts whatever is there becomes an object."""
    return TrackRequest.model_validate(
        {
            "kind": "track",
            "video": video_id,
            "run": run_name,
            "prompts": records_of(prompts),
            "labels": dict(labels),
            "everything": not prompts,
            "settings": settings,
        }
    )


def records_of(prompts: Sequence[Prompt]) -> list[dict[str, Any]]:
    """Prompts as they go over the wire."""
    return [pack_prompt(one, {}) for one in prompts]
