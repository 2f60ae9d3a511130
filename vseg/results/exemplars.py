"""The images of exemplar prompts, kept in the run so that a replay sees the same pixels.

Enters: an RGB image.  Leaves: `exemplars/<sha256>.png`, named by its pixels, so that one image
that several exemplars use is kept once; and the same image again, checked against its name.
"""

import re
from pathlib import Path

import cv2
import numpy as np

from vseg.errors import BadRun
from vseg.io.files import atomic_write_bytes
from vseg.prompts.codec import Image, image_digest
from vseg.results.layout import EXEMPLARS


def write_exemplar_image(root: Path, digest: str, image: Image) -> None:
    """Keep the image under its digest in the run at `root`, unless it is there.  Raises
    OutputError.
    """
    path = _path(root, digest)
    if not path.exists():
        packed = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
        atomic_write_bytes(path, packed.tobytes())


def read_exemplar_image(root: Path, digest: str) -> Image:
    """The image of that name.  Raises BadRun if it is missing, damaged or another one."""
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise BadRun(
            f"a prompt of {root} names no image: {digest[:80]!r}",
            hint="the run is damaged: begin anew with --overwrite",
        )
    path = _path(root, digest)
    try:
        packed = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    image = cv2.imdecode(packed, cv2.IMREAD_COLOR) if packed.size else None
    if image is None:
        raise _unusable(path, "it is not an image")
    rgb = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)
    if image_digest(rgb) != digest:
        raise _unusable(path, "its pixels are not those it was kept for")
    return rgb


def _path(root: Path, digest: str) -> Path:
    return root / EXEMPLARS / f"{digest}.png"


def _unusable(path: Path, reason: str) -> BadRun:
    return BadRun(
        f"the exemplar image {path} cannot be used: {reason}",
        hint="put the file back, or begin anew with --overwrite",
    )
