"""Prompts as the page sends them -> prompts of the library, and back.

Enters: a prompt as JSON of the socket, and the clip for what it is of.  Leaves: a PromptValue;
coordinates are pixels of the displayed frame on both sides.
"""

import base64
import binascii
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np

from vseg.errors import BadPrompt
from vseg.ops.boxes import pixels_in
from vseg.prompts.check import check_prompt
from vseg.prompts.exemplar_files import boxed_exemplar
from vseg.server.annotator.ledger import PendingPrompt
from vseg.server.annotator.mask_message import unpack_crop
from vseg.server.annotator.wire_values import (
    BoxPrompt,
    ExemplarPrompt,
    MaskPrompt,
    PendingMark,
    PointsPrompt,
    PolygonPrompt,
    ScribblePrompt,
    TextPrompt,
    WirePrompt,
)
from vseg.types import (
    Box,
    Exemplar,
    Mask,
    Points,
    Polygon,
    PromptValue,
    Scribble,
    Text,
    VideoInfo,
)

ImageOfFrame = Callable[[int], np.ndarray]
"""The RGB image of a frame of the clip."""

_Plain = PointsPrompt | BoxPrompt | ScribblePrompt | PolygonPrompt | TextPrompt
"""Prompts that hold no pixels."""


def prompt_value(  # noqa: PLR0911 - one for each kind
    wire: WirePrompt, video: VideoInfo, image_of: ImageOfFrame
) -> PromptValue:
    """The prompt.  Raises BadPrompt, BadMask, and what `image_of` raises."""
    match wire:
        case PointsPrompt():
            return Points(wire.xy, wire.positive)
        case BoxPrompt():
            return Box(*wire.xyxy)
        case ScribblePrompt():
            return Scribble(wire.xy, wire.positive)
        case PolygonPrompt():
            return Polygon(wire.rings)
        case MaskPrompt():
            return Mask(unpack_crop(wire.crop, video.height, video.width))
        case TextPrompt():
            return Text(wire.phrase, wire.threshold)
        case ExemplarPrompt():
            return _exemplar(wire, image_of)


def pending_mark(pending: PendingPrompt) -> PendingMark:
    """A pending prompt as the page is told of it."""
    value = pending.prompt.value
    obj, frame = pending.place
    wire = _wire(value)
    pixels: Literal["mask", "exemplar"] = "mask" if isinstance(value, Mask) else "exemplar"
    kind = pixels if wire is None else wire.kind
    return PendingMark(number=pending.number, object=obj, frame=frame, kind=kind, prompt=wire)


def _wire(value: PromptValue) -> _Plain | None:
    match value:
        case Points():
            return PointsPrompt(
                kind="points", xy=value.xy.tolist(), positive=value.positive.tolist()
            )
        case Box():
            sides = (value.x1, value.y1, value.x2, value.y2)
            return BoxPrompt(kind="box", xyxy=sides)
        case Scribble():
            return ScribblePrompt(
                kind="scribble", xy=value.xy.tolist(), positive=value.positive
            )
        case Polygon():
            return PolygonPrompt(kind="polygon", rings=[r.tolist() for r in value.rings])
        case Text():
            return TextPrompt(kind="text", phrase=value.phrase, threshold=value.threshold)
        case _:
            return None


def _exemplar(wire: ExemplarPrompt, image_of: ImageOfFrame) -> Exemplar:
    box = Box(*wire.xyxy)
    if wire.frame is not None and wire.image is None:
        image = image_of(wire.frame)
        check_prompt(box, image.shape[:2])
        region = np.zeros(image.shape[:2], dtype=bool)
        region[pixels_in(box)] = True
        return Exemplar(image, region, f"frame {wire.frame}", wire.threshold)
    if wire.image is None or wire.frame is not None:
        raise BadPrompt(
            "an exemplar is of a frame or of an image, of exactly one of them",
            hint='give "frame" or "image"',
        )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "image"
        path.write_bytes(_decoded(wire.image))
        return boxed_exemplar(path, box, wire.threshold)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise BadPrompt(
            "the image of the exemplar is not base64", hint="encode a PNG, JPEG or WebP file"
        ) from error
