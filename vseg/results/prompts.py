"""prompts.jsonl: every prompt of a run in the order given, one JSON line each, replayable.

Coordinates are video pixels and come back exactly; masks are inline as COCO run lengths.  The
image of a reference lies beside the file, named by its content (`vseg.results.references`).
"""

import errno
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Bool, Float32
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from vseg.errors import BadPrompt, BadRun, OutputError, VsegError
from vseg.io.files import atomic_write_text
from vseg.ops.rle import decode_rle, encode_rle
from vseg.results.layout import PROMPTS
from vseg.results.references import (
    image_digest,
    read_exemplar_image,
    write_exemplar_image,
)
from vseg.types import (
    AnyPrompt,
    Box,
    Exemplar,
    Mask,
    MaskCrop,
    PlacedPrompt,
    Points,
    Scribble,
    Text,
)


def _float_pairs(xy: list[tuple[float, float]]) -> Float32[np.ndarray, "N 2"]:
    return np.array(xy, dtype=np.float32).reshape(-1, 2)


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    frame: int = Field(ge=0)
    object: int = Field(ge=1)


class _PointsLine(_Line):
    kind: Literal["points"] = "points"
    xy: list[tuple[float, float]]
    positive: list[bool]

    def prompt(self, root: Path) -> AnyPrompt:
        if len(self.xy) != len(self.positive):
            raise BadPrompt(f"{len(self.xy)} points come with {len(self.positive)} signs")
        return Points(_float_pairs(self.xy), np.array(self.positive, dtype=bool))


class _BoxLine(_Line):
    kind: Literal["box"] = "box"
    xyxy: tuple[float, float, float, float]

    def prompt(self, root: Path) -> AnyPrompt:
        return Box(*self.xyxy)


class _ScribbleLine(_Line):
    kind: Literal["scribble"] = "scribble"
    xy: list[tuple[float, float]]
    positive: bool

    def prompt(self, root: Path) -> AnyPrompt:
        return Scribble(_float_pairs(self.xy), self.positive)


class _MaskLine(_Line):
    kind: Literal["mask"] = "mask"
    size: tuple[int, int]
    counts: str

    def prompt(self, root: Path) -> AnyPrompt:
        height, width = self.size
        return Mask(decode_rle(self.counts, height, width).paste(height, width))


class _Described(_Line):
    """Object 0 is whatever is found."""

    object: int = Field(ge=0)


class _TextLine(_Described):
    kind: Literal["text"] = "text"
    phrase: str
    threshold: float | None

    def prompt(self, root: Path) -> AnyPrompt:
        return Text(self.phrase, self.threshold)


class _ReferenceLine(_Described):
    """image: the SHA-256 of its pixels.  source: a remark."""

    kind: Literal["reference"] = "reference"
    image: str = Field(pattern="^[0-9a-f]{64}$")
    size: tuple[int, int]
    counts: str
    source: str
    threshold: float | None

    def prompt(self, root: Path) -> AnyPrompt:
        height, width = self.size
        image = read_exemplar_image(root, self.image)
        if image.shape[:2] != self.size:
            raise BadPrompt(f"the region is {width}x{height}, its image is of another size")
        region = decode_rle(self.counts, height, width).paste(height, width)
        return Exemplar(image, region, self.source, self.threshold)


_KnownLine = _PointsLine | _BoxLine | _ScribbleLine | _MaskLine | _TextLine | _ReferenceLine
_LINE: TypeAdapter[_KnownLine] = TypeAdapter(
    Annotated[_KnownLine, Field(discriminator="kind")]
)


def prompt_line(placed: PlacedPrompt) -> str:
    """The JSON line of a prompt; equal prompts give equal lines."""
    place = {"frame": placed.frame_index, "object": placed.object_id}
    return json.dumps(place | _values(placed.prompt))


def _values(prompt: AnyPrompt) -> dict[str, object]:
    match prompt:
        case Points():
            return {
                "kind": "points",
                "xy": prompt.xy.tolist(),
                "positive": prompt.positive.tolist(),
            }
        case Box():
            # As floats: a box given in whole numbers is the same box.
            sides = prompt.x1, prompt.y1, prompt.x2, prompt.y2
            return {"kind": "box", "xyxy": [float(side) for side in sides]}
        case Scribble():
            return {"kind": "scribble", "xy": prompt.xy.tolist(), "positive": prompt.positive}
        case Mask():
            return {"kind": "mask", **_run_lengths(prompt.mask)}
        case Text():
            return {"kind": "text", "phrase": prompt.phrase, "threshold": prompt.threshold}
        case Exemplar():
            return {
                "kind": "reference",
                "image": image_digest(prompt.image),
                **_run_lengths(prompt.region),
                "source": prompt.source,
                "threshold": prompt.threshold,
            }


def _run_lengths(mask: Bool[np.ndarray, "H W"]) -> dict[str, object]:
    height, width = mask.shape
    return {"size": [height, width], "counts": encode_rle(MaskCrop.of(mask), height, width)}


def _write_images(root: Path, prompts: Sequence[PlacedPrompt]) -> None:
    """Before the lines that name them: a line never stands without its image."""
    for each in prompts:
        if isinstance(each.prompt, Exemplar):
            write_exemplar_image(root, each.prompt.image)


def write_prompts(root: Path, prompts: Sequence[PlacedPrompt]) -> None:
    """Replace prompts.jsonl, whole or not at all."""
    _write_images(root, prompts)
    atomic_write_text(root / PROMPTS, "".join(prompt_line(each) + "\n" for each in prompts))


def append_prompt(root: Path, placed: PlacedPrompt) -> None:
    """Add one prompt; when this returns it is on the disk.  Raises OutputError."""
    _write_images(root, [placed])
    line = (prompt_line(placed) + "\n").encode()
    try:
        with (root / PROMPTS).open("ab", buffering=0) as handle:
            end = handle.tell()
            # One write call for the line: a kill leaves all of it or nothing.  A disk that
            # fills up may take half a line.
            if handle.write(line) != len(line):
                handle.truncate(end)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(handle.fileno())
    except OSError as error:
        raise OutputError(
            f"cannot add a prompt to {root / PROMPTS}: {error.strerror}",
            hint="check the folder's permissions and free space (df -h)",
        ) from error


def read_prompts(root: Path) -> list[PlacedPrompt]:
    """The prompts of a run, in the order given.  Raises BadRun naming the line that is
    wrong.
    """
    path = root / PROMPTS
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadRun(
            f"cannot read the prompts of the run at {root}: {reason}",
            hint="give the folder that `vseg track -o` wrote; without --resume a new "
            "run begins",
        ) from error
    prompts = []
    for number, line in enumerate(lines, start=1):
        try:
            entry = _LINE.validate_json(line)
            prompts.append(PlacedPrompt(entry.frame, entry.object, entry.prompt(root)))
        except ValidationError as error:
            raise BadRun(f"{path}, line {number}: {error.errors()[0]['msg']}") from error
        except VsegError as error:
            raise BadRun(f"{path}, line {number}: {error.message}") from error
    return prompts
