"""Clips under the root: listed, described, taken in."""

import asyncio
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from vseg.client.values import VideoEntry, VideoFacts, VideoList
from vseg.errors import NotThere
from vseg.server.idempotency import id_of_request
from vseg.server.routes.parameters import (
    After,
    IdempotencyKey,
    TheCaller,
    TheService,
    VideoPath,
    problems,
)
from vseg.server.service import Service
from vseg.server.storage.readers import version_of
from vseg.server.uploads import Upload
from vseg.video.file import VideoFile
from vseg.video.sound import has_sound, read_sound

router = APIRouter(prefix="/v1/videos", tags=["videos"])


@router.get("", responses=problems())
def list_videos(
    service: TheService,
    after: After = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> VideoList:
    """The clips under the root, by path."""
    entries = [e for e in service.folder.entries("video") if e.path > after]
    page = entries[:limit]
    videos = [_entry(service, service.root / entry.path) for entry in page]
    return VideoList(videos=videos, next=page[-1].path if len(entries) > limit else None)


@router.get("/{video_id}", responses=problems(404))
def read_video(video_id: VideoPath, service: TheService) -> VideoFacts:
    """What a clip really holds."""
    return _facts(service, service.folder.find("video", video_id))


@router.get(
    "/{video_id}/sound",
    response_class=Response,
    responses=problems(404)
    | {200: {"content": {"audio/wav": {}}, "description": "The sound of the stretch"}},
)
def sound(
    video_id: VideoPath,
    service: TheService,
    first: Annotated[float, Query(ge=0, le=1e7, description="seconds from frame 0 on")] = 0.0,
    seconds: Annotated[float, Query(gt=0, le=10)] = 10.0,
) -> Response:
    """The sound of a stretch of a clip, exactly as long, on the clock of its frames."""
    with service.readers.reading(service.folder.find("video", video_id)) as reader:
        video = reader
    if not isinstance(video, VideoFile) or not has_sound(video):
        raise NotThere(
            "the clip has no sound that belongs to its frames",
            hint="sound comes from video files whose frames come at an even rate",
        )
    return Response(read_sound(video, first, seconds).wav(), media_type="audio/wav")


@router.post(
    "",
    status_code=201,
    responses=problems(409, 413),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
        }
    },
)
async def upload_video(
    request: Request, service: TheService, caller: TheCaller, key: IdempotencyKey = None
) -> VideoFacts:
    """Upload a clip: the file itself as the body.

    It is taken in once every frame of it has been decoded, in a process with limits.
    """
    stated = request.headers.get("content-length", "")
    length = int(stated) if stated.isdecimal() else None
    name = None if key is None else id_of_request(caller.id, key)
    sent = Upload(request.stream(), length, name)
    path = await service.uploads.take(caller.id, sent)
    return await asyncio.to_thread(_facts, service, path)


@router.delete("/{video_id}", status_code=204, responses=problems(404, 409))
def delete_video(video_id: VideoPath, service: TheService, caller: TheCaller) -> None:
    """Delete a clip that this key uploaded."""
    service.uploads.delete(caller.id, service.folder.find("video", video_id))


def _entry(service: Service, path: Path) -> VideoEntry:
    relative = service.folder.name_of(path)
    return VideoEntry(id=service.folder.id_at(path), path=relative, version=version_of(path))


def _facts(service: Service, path: Path) -> VideoFacts:
    with service.readers.reading(path) as reader:
        info = reader.info
        frames = len(reader)
    return VideoFacts(
        **_entry(service, path).model_dump(),
        height=info.height,
        width=info.width,
        frames=frames,
        fps=None if info.fps is None else float(info.fps),
        codec=info.codec,
        rotation=info.rotation,
        variable_rate=info.variable_rate,
    )
