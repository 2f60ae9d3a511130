"""Exact frames by index, as images."""

from typing import Annotated, Literal

import cv2
import numpy as np
from fastapi import APIRouter, Header, Path, Query, Response
from jaxtyping import UInt8

from vseg.server.routes.parameters import TheService, VideoPath, problems
from vseg.server.storage.readers import version_of

router = APIRouter(prefix="/v1/videos", tags=["videos"])

ImageFormat = Literal["jpeg", "webp", "png"]
_WRITERS: dict[ImageFormat, tuple[str, list[int]]] = {
    # Hard to tell from the original, at a tenth of its size; the masks are computed from the
    # original, never from these.
    "jpeg": (".jpg", [cv2.IMWRITE_JPEG_QUALITY, 90]),
    "webp": (".webp", [cv2.IMWRITE_WEBP_QUALITY, 85]),
    "png": (".png", [cv2.IMWRITE_PNG_COMPRESSION, 1]),
}
_KEPT = "private, max-age=31536000, immutable"
_ASKED_AGAIN = "private, no-cache"


@router.get(
    "/{video_id}/frames/{index}",
    response_class=Response,
    responses=problems(404)
    | {
        200: {
            "content": {"image/jpeg": {}, "image/webp": {}, "image/png": {}},
            "description": "The frame as it is displayed",
        },
        304: {"description": "The frame of this ETag is current"},
    },
)
def frame(  # noqa: PLR0913, PLR0917 - one parameter for each of the request
    video_id: VideoPath,
    index: Annotated[int, Path(ge=0, lt=1 << 31)],
    service: TheService,
    w: Annotated[int | None, Query(ge=16, le=8192, description="width; none wider")] = None,
    format: Annotated[ImageFormat, Query()] = "jpeg",
    v: Annotated[
        str | None,
        Query(max_length=32, description="the video's version: then it may be kept forever"),
    ] = None,
    if_none_match: Annotated[str | None, Header(max_length=1000)] = None,
) -> Response:
    """The frame of an index, exactly: displayed orientation, never a neighbour.

    `png` is lossless; what is computed never goes through the others.
    """
    path = service.folder.find("video", video_id)
    version = version_of(path)
    tag = f'"{version}-{index}-{w or 0}-{format}"'
    headers = {"ETag": tag, "Cache-Control": _KEPT if v == version else _ASKED_AGAIN}
    if if_none_match is not None and tag in if_none_match:
        return Response(status_code=304, headers=headers)
    image = service.readers.read(path, index).image
    return Response(_encoded(image, w, format), media_type=f"image/{format}", headers=headers)


def _encoded(image: UInt8[np.ndarray, "H W 3"], width: int | None, kind: ImageFormat) -> bytes:
    """The image in a format, no wider than `width`."""
    height, full = image.shape[:2]
    if width is not None and width < full:
        size = (width, max(1, round(height * width / full)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    suffix, options = _WRITERS[kind]
    written, content = cv2.imencode(suffix, np.ascontiguousarray(image[..., ::-1]), options)
    assert written
    return content.tobytes()
