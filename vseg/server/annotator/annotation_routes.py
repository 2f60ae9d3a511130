"""/v1/annotations: begin to annotate a clip, bring masks in, fetch what was made.

What happens while a clip is annotated goes over its socket (`socket`).
"""

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi import Path as InPath
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from vseg.errors import NotThere, TooLarge, UsageError
from vseg.pipelines.empty_run import create_empty_run
from vseg.results.layout import MADE_FILES
from vseg.server.annotator.journal import Journal
from vseg.server.annotator.open_clips import OpenClips
from vseg.server.routes.parameters import problems
from vseg.server.service import Service, request_service
from vseg.server.storage.ids import PATTERN

router = APIRouter(prefix="/v1/annotations", tags=["annotations"])
RunId = Annotated[str, InPath(pattern=PATTERN)]
ServiceOf = Annotated[Service, Depends(request_service)]
_NAME_LENGTH = 200
"""File systems end at 255; what lies beside a file has a longer name."""
_NAME = re.compile(r"[\w.+-]+(?<!\.)")


class BeginAnnotation(BaseModel):
    """video: its id.  name: of the run, beside the clip; by default after the clip."""

    model_config = ConfigDict(extra="forbid")

    video: str = Field(pattern=PATTERN)
    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}$")


class BegunRun(BaseModel):
    """run: its id, for /v1/annotations/{run}/socket."""

    run: str


class ImportedRevision(BaseModel):
    """revision: that the masks became; None where they could not be tracked from."""

    run: str
    revision: int | None


@router.post("", status_code=201, responses=problems(404, 409))
def begin(asked: BeginAnnotation, service: ServiceOf) -> BegunRun:
    """Begin a run without an object, to annotate a clip into."""
    folder = service.folder
    clip = folder.find("video", asked.video)
    out = folder.inside(clip.with_name(asked.name or f"{clip.stem}-annotated"))
    model = service.worker.submit(asked.video, service.models.load).result()
    create_empty_run(str(clip), out, model)
    return BegunRun(run=folder.id_at(out))


@router.get("/{run_id}/files/{name}", response_class=FileResponse, responses=problems(404))
def made_file(
    run_id: RunId,
    name: Annotated[str, InPath(max_length=255)],
    service: ServiceOf,
) -> FileResponse:
    """An export or a report that was made over the socket."""
    path = Journal(service.folder.find("run", run_id)).root / MADE_FILES / name
    if _NAME.fullmatch(name) is None or not path.is_file():
        raise NotThere(f"the run has no file {name[:100]!r}", hint="export it first")
    return FileResponse(
        path, filename=name, content_disposition_type="attachment", headers=_KEPT
    )


@router.post("/{run_id}/import", responses=problems(404, 409, 413))
async def import_masks(
    run_id: RunId,
    request: Request,
    service: ServiceOf,
    name: Annotated[str, Query(max_length=_NAME_LENGTH, description="of the file")],
    format: Annotated[str | None, Query(max_length=64)] = None,
) -> ImportedRevision:
    """Take masks back that another program changed, as one revision: the body is the file.

    Changed masks become anchors; only the frames around them are tracked again, and events of
    the socket say how it goes on meanwhile.
    """
    if _NAME.fullmatch(name) is None:
        raise UsageError(f"{name[:100]!r} is no name of a file", hint="letters and digits")
    clips = request.app.state.clips
    assert isinstance(clips, OpenClips)
    tasks = await clips.open(run_id)
    most = service.settings.limits.upload_bytes
    with TemporaryDirectory(prefix="vseg-import-") as scratch:
        path = Path(scratch) / name
        size = 0
        with path.open("wb") as handle:
            async for block in request.stream():
                size += len(block)
                if size > most:
                    raise TooLarge(
                        f"the file has more than {most} bytes", hint="import a smaller one"
                    )
                handle.write(block)
        running = await tasks.bring_in(path, format)
    return ImportedRevision(run=run_id, revision=running.revision)


_KEPT = {"Cache-Control": "private, no-store"}
