"""Runs under the root, and their masks."""

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse, JSONResponse
from PIL import Image
from starlette.background import BackgroundTask

from vseg.build import open_run
from vseg.client.values import FrameAnswer, RunEntry, RunFacts, RunList, RunMasks, RunObject
from vseg.errors import NotThere, TooLarge, UsageError
from vseg.exchange.davis import MAX_OBJECT_ID, davis_image
from vseg.exchange.export import export
from vseg.exchange.views import FrameSpan
from vseg.frame_masks import FrameMasks
from vseg.results.run import Run
from vseg.server.live_session import answer_of
from vseg.server.routes.parameters import After, RunPath, TheService, problems

router = APIRouter(prefix="/v1/runs", tags=["runs"])
_FRAMES_AT_ONCE = 256
"""Of masks in JSON: a few megabytes for ten objects; `next` gives the rest."""
_MEDIA = {"parquet": "application/vnd.apache.parquet", "png": "image/png"}


@router.get("", responses=problems())
def list_runs(
    service: TheService,
    after: After = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> RunList:
    """The runs under the root, by path."""
    entries = [e for e in service.folder.entries("run") if e.path > after]
    page = entries[:limit]
    runs = [RunEntry(id=entry.id, path=entry.path) for entry in page]
    return RunList(runs=runs, next=page[-1].path if len(entries) > limit else None)


@router.get("/{run_id}", responses=problems(404, 409))
def read_run(run_id: RunPath, service: TheService) -> RunFacts:
    """A run at its current revision."""
    path = service.folder.find("run", run_id)
    run = open_run(path)
    video = run.video
    return RunFacts(
        id=run_id,
        path=service.folder.name_of(path),
        status=run.header.status,
        revision=run.revision,
        frames=len(run),
        extent=run.extent,
        height=video.height,
        width=video.width,
        fps=None if video.fps is None else float(video.fps),
        objects=[
            RunObject(
                id=stored.id,
                label=stored.label,
                name=stored.name,
                first_frame=stored.first_frame,
                last_frame=stored.last_frame,
            )
            for stored in run.objects
        ],
    )


@router.get(
    "/{run_id}/masks",
    response_model=RunMasks,
    responses=problems(404, 409, 413)
    | {
        200: {
            "content": {"image/png": {}, "application/vnd.apache.parquet": {}},
            "description": "The masks in the format asked for",
        }
    },
)
def read_masks(
    run_id: RunPath,
    service: TheService,
    frames: Annotated[
        str,
        Query(pattern=r"^[0-9]{0,12}:[0-9]{0,12}$", description="first:end, end exclusive"),
    ] = ":",
    format: Annotated[Literal["rle", "png", "parquet"], Query()] = "rle",
    object: Annotated[int | None, Query(ge=1, lt=1 << 31, description="only this one")] = None,
) -> Response:
    """Masks of a span of frames.

    `rle`: JSON with COCO run lengths, up to 256 frames at a time.  `png`: of one frame, a
    label image (its values are the objects), or black and white with `object`.  `parquet`: a
    table with a row for each object and frame.
    """
    run = open_run(service.folder.find("run", run_id))
    if object is not None and object not in run.object_ids:
        known = ", ".join(map(str, run.object_ids)) or "none"
        raise NotThere(f"the run has no object {object}", hint=f"its objects: {known}")
    span = _span(run, frames)
    if format == "parquet":
        return _parquet(span, object)
    if format == "png":
        return Response(_png(span, object), media_type="image/png")
    return _rle(span, object)


def _span(run: Run, text: str) -> FrameSpan:
    first, _, end = text.partition(":")
    return FrameSpan(run, int(first or 0), int(end) if end else 1 << 60)


def _rle(span: FrameSpan, chosen: int | None) -> JSONResponse:
    answers: list[FrameAnswer] = []
    following = None
    for frame in _only(span, chosen):
        if len(answers) == _FRAMES_AT_ONCE:
            following = frame.frame_index
            break
        answers.append(answer_of(frame))
    return JSONResponse(RunMasks(frames=answers, next=following).model_dump())


def _png(span: FrameSpan, chosen: int | None) -> bytes:
    numbers = list(_first_two(span.frame_numbers()))
    if len(numbers) != 1:
        held = "several" if numbers else "none"
        raise UsageError(
            f"a PNG is of one frame, and {held} were asked for", hint="frames=12:13"
        )
    (masks,) = span
    if chosen is not None:
        seen = chosen in masks
        size = masks.height, masks.width
        image = Image.fromarray(masks[chosen] if seen else np.zeros(size, dtype=bool))
    elif max(masks.object_ids, default=0) > MAX_OBJECT_ID:
        raise TooLarge(
            f"a label image has room for objects up to {MAX_OBJECT_ID}",
            hint="ask for one object, or for parquet",
        )
    else:
        image = davis_image(masks)
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


def _parquet(span: FrameSpan, chosen: int | None) -> FileResponse:
    if chosen is not None:
        raise UsageError("parquet holds all objects", hint="leave object out, and filter")
    folder = tempfile.TemporaryDirectory(prefix="vseg-")
    path = Path(folder.name) / "masks.parquet"
    try:
        export(span, "parquet", path)
    except BaseException:
        folder.cleanup()
        raise
    return FileResponse(
        path,
        media_type=_MEDIA["parquet"],
        filename=path.name,
        background=BackgroundTask(folder.cleanup),
    )


def _only(span: FrameSpan, chosen: int | None) -> Iterator[FrameMasks]:
    for masks in span:
        yield masks if chosen is None else masks.only({chosen} & set(masks.object_ids))


def _first_two(numbers: Iterator[int]) -> Iterator[int]:
    for _, number in zip(range(2), numbers, strict=False):
        yield number
