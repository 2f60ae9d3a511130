"""Label Studio's ML backend, at /label-studio: its page draws, this finds masks and tracks.

Enters: tasks, the labelling interface, and what was drawn.  Leaves: results of its controls.
The key is the password of the backend's basic authentication.  Of the clip or image a task
names only what is under the root is read; nothing is fetched.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request

from vseg import __version__
from vseg.client.values import Value
from vseg.errors import BadPrompt, UsageError
from vseg.server.plugins.label_config import LabelConfig, read_label_config
from vseg.server.plugins.label_predictions import LabelJob, LabelPredictions
from vseg.server.plugins.label_studio_values import (
    LabelContext,
    LabelRequest,
    LabelTask,
    Result,
    answer_item,
    drawn_prompts,
)
from vseg.server.plugins.label_tracks import LabelTracks
from vseg.server.routes.parameters import TheCaller, TheService, problems
from vseg.server.security.access import Caller
from vseg.server.security.tool_keys import LABEL_STUDIO
from vseg.server.security.whole_text import check_text
from vseg.server.service import Service

router = APIRouter(
    prefix=LABEL_STUDIO,
    tags=["label-studio"],
    responses=problems(404, 409, 413, 503),
    dependencies=[Depends(check_text)],
)
AnyJson = Annotated[dict[str, Any], Body()]
_CAPABILITIES = {
    "prompts": ["point", "box"],
    "targets": [
        {"tag": "BitmaskLabels", "output": "mask"},
        {"tag": "BrushLabels", "output": "mask"},
        {"tag": "RectangleLabels", "output": "bbox"},
        {"tag": "PolygonLabels", "output": "polygon"},
        {"tag": "VideoRectangle", "output": "bbox", "features": ["track"]},
        {"tag": "VideoVectorLabels", "output": "polygon", "features": ["track"]},
    ],
}


class LabelStudio:
    """What the backend of one service holds."""

    def __init__(self, service: Service) -> None:
        self.version = f"vseg-{service.settings.model}-{__version__}"
        self.predictions = LabelPredictions(service)
        self.tracks = LabelTracks(service)


class LabelVersion(Value):
    """The model that Label Studio notes with each prediction."""

    model_version: str


class LabelVersions(Value):
    """All of them: one."""

    versions: list[str]


class LabelHealth(Value):
    """UP."""

    status: str
    model_class: str


@router.get("/health")
def label_health() -> LabelHealth:
    """The backend answers."""
    return LabelHealth(status="UP", model_class="vseg")


@router.get("/versions")
def label_versions(request: Request) -> LabelVersions:
    """The versions of the model."""
    return LabelVersions(versions=[_backend(request).version])


@router.post("/setup")
def set_up_labels(request: Request, _: AnyJson) -> LabelVersion:
    """Said before the first prediction.  The access token that comes with it is not kept."""
    return LabelVersion(model_version=_backend(request).version)


@router.post("/webhook", status_code=201)
def label_webhook(_: AnyJson) -> dict[str, Any]:
    """Something was annotated: nothing is learnt from it here."""
    return {}


@router.post("/predict")
async def predict_labels(
    request: Request, asked: LabelRequest, service: TheService, caller: TheCaller
) -> dict[str, Any]:
    """A prediction for each task: of what was drawn, or of what the labels name."""
    backend = _backend(request)
    config = read_label_config(asked.label_config)
    context = asked.params.context
    results = []
    for task in asked.tasks if context is None else asked.tasks[:1]:
        found = await _predicted(backend, service, caller, (config, task, context))
        results.append({**found, "model_version": backend.version})
    return {"results": results, "model_version": backend.version}


async def _predicted(
    backend: LabelStudio,
    service: Service,
    caller: Caller,
    asked: tuple[LabelConfig, LabelTask, LabelContext | None],
) -> dict[str, Any]:
    config, task, context = asked
    if context is not None and context.event == "capabilities":
        facts = {"name": "vseg", "version": backend.version}
        value = {**_CAPABILITIES, "model_info": facts}
        return _one(answer_item(None, "capabilities", value))
    output = config.output()
    if output is None:
        raise UsageError(
            "the labelling interface has no image or video with a control for masks or boxes",
            hint="add BrushLabels, PolygonLabels or RectangleLabels for an image, "
            "VideoRectangle for a video",
        )
    job = LabelJob(task.data, *output)
    if context is None:
        regions, score = await service.worker.run(caller.id, backend.predictions.named, job)
        return {"result": regions, "score": score}
    return await _EVENTS[context.event](backend, service, caller, job, context)


async def _drawn(
    backend: LabelStudio, service: Service, caller: Caller, job: LabelJob, asked: LabelContext
) -> dict[str, Any]:
    if any(region.value.sequence for region in asked.result):
        if job.labelled.tag != "video":
            raise UsageError("a sequence was drawn, and nothing in the interface is a video")
        tracked = backend.predictions.tracked
        regions = await asyncio.to_thread(tracked, caller.id, job, asked.result)
        return {"result": regions, "score": 1.0 if regions else 0.0}
    regions, score = await service.worker.run(caller.id, backend.predictions.drawn, job, asked)
    return {"result": regions, "score": score}


async def _warmed(
    backend: LabelStudio, service: Service, caller: Caller, job: LabelJob, asked: LabelContext
) -> dict[str, Any]:
    value = await service.worker.run(caller.id, backend.predictions.warm, job, asked)
    return _one(answer_item(job.control, "prewarm_ack", value))


async def _track(
    backend: LabelStudio, service: Service, caller: Caller, job: LabelJob, asked: LabelContext
) -> dict[str, Any]:
    if job.labelled.tag != "video":
        raise UsageError("an image cannot be tracked")
    clip = backend.predictions.path(job)
    hw = await asyncio.to_thread(_size, service, clip)
    values = drawn_prompts(asked.result, hw)
    if not values:
        raise BadPrompt("nothing was drawn that can be tracked", hint="a point or a rectangle")
    told = await backend.tracks.begin(caller, clip, values, asked)
    return _one(answer_item(job.control, "track_started", told))


async def _progress(
    backend: LabelStudio, service: Service, caller: Caller, job: LabelJob, asked: LabelContext
) -> dict[str, Any]:
    told = await backend.tracks.progress(caller, asked.session_id)
    return _one(answer_item(job.control, "track_progress", told))


async def _cancelled(
    backend: LabelStudio, service: Service, caller: Caller, job: LabelJob, asked: LabelContext
) -> dict[str, Any]:
    await backend.tracks.cancel(caller, asked.session_id)
    return _one(answer_item(job.control, "track_cancel_ack", {"status": "cancelled"}))


async def _released(
    backend: LabelStudio, service: Service, caller: Caller, job: LabelJob, asked: LabelContext
) -> dict[str, Any]:
    """What is kept is bounded, and shared by everybody: there is nothing to release."""
    return _one(answer_item(job.control, "release_ack", {"status": "released"}))


_EVENTS: dict[
    str,
    Callable[
        [LabelStudio, Service, Caller, LabelJob, LabelContext], Awaitable[dict[str, Any]]
    ],
] = {
    "predict": _drawn,
    "prewarm": _warmed,
    "track": _track,
    "track_progress": _progress,
    "track_cancel": _cancelled,
    "release": _released,
}


def _size(service: Service, clip: Path) -> tuple[int, int]:
    with service.readers.reading(clip) as reader:
        return reader.info.height, reader.info.width


def _one(item: Result) -> dict[str, Any]:
    return {"result": [item], "score": 0.0}


def _backend(request: Request) -> LabelStudio:
    backend = request.app.state.label_studio
    assert isinstance(backend, LabelStudio)
    return backend
