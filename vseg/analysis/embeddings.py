"""The embedding of every object of a run by a model of images and words.

Enters: a finished run and its clip.  Leaves: one unit vector for an object, the mean of its
image embeddings on a few frames spread over its life.  The vectors are kept in the run, so
that the next query is quick.  Memory holds one frame and one vector for an object, whatever
the length of the clip.
"""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64, UInt8
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from vseg.build import open_clip
from vseg.errors import BadMask, BadRun
from vseg.grounding.image_text import ImageText, object_crop
from vseg.interfaces.reader import OpenReader
from vseg.io.files import atomic_write_bytes, sha256_of
from vseg.results import MaskRow, Run, unpack_row
from vseg.results.layout import EMBEDDINGS, FRAMES, MASK_SHARDS, shard_path, shards_in
from vseg.types import MaskCrop

EMBEDDED_FRAMES = 8
"""Frames on which an object is embedded.  A round value; not tuned."""


@dataclass(frozen=True, slots=True)
class ObjectEmbeddings:
    """The objects that were ever visible, by ascending id.

    best_frames: where an object's mask is large and its score high.
    """

    object_ids: tuple[int, ...]
    vectors: Float32[np.ndarray, "O C"]
    best_frames: Int64[np.ndarray, " O"]

    def only(self, object_ids: Container[int]) -> "ObjectEmbeddings":
        """Those of the objects that are named."""
        rows = [
            row for row, object_id in enumerate(self.object_ids) if object_id in object_ids
        ]
        ids = tuple(self.object_ids[row] for row in rows)
        return ObjectEmbeddings(ids, self.vectors[rows], self.best_frames[rows])


def embed_objects(
    run: Run, image_text: ImageText, *, source: str | None = None
) -> ObjectEmbeddings:
    """The embeddings of the run's objects; those that an earlier query left in the run are
    read.

    Raises BadRun if the run is unfinished or damaged or its clip is missing.
    """
    if not run.header.finished:
        raise BadRun(f"{run.path} is not finished", hint="let it run, or --resume it")
    key = {
        "image_text": image_text.weights_sha256,
        "run": _content(run),
        "frames": str(EMBEDDED_FRAMES),
    }
    if source is not None:
        open_clip(run, source).close()
    kept = _kept(run.content / EMBEDDINGS, key)
    if kept is not None:
        return kept
    with open_clip(run, source) as video:
        made = _embedded(run, video, image_text)
    ids = np.array(made.object_ids, dtype=np.int64)
    tensors = {"object_ids": ids, "vectors": made.vectors, "best_frames": made.best_frames}
    atomic_write_bytes(run.content / EMBEDDINGS, save(tensors, key))
    return made


def crops_of(
    run: Run, embeddings: ObjectEmbeddings, source: str | None
) -> Iterator[tuple[int, UInt8[np.ndarray, "_ _ 3"]]]:
    """An object's id and its image on its best frame, for every object."""
    with open_clip(run, source) as video:
        for object_id, index in zip(
            embeddings.object_ids, embeddings.best_frames.tolist(), strict=True
        ):
            crop = run[index].crop(object_id)
            yield object_id, object_crop(video.read(index).image, crop)


def _embedded(run: Run, video: OpenReader, image_text: ImageText) -> ObjectEmbeddings:
    """Embeddings computed frame by frame, so that no frame is read twice."""
    wanted: dict[int, list[MaskRow]] = {}
    best: dict[int, MaskRow] = {}
    for stored in run.objects:
        rows = _spread(run, stored.id)
        if rows:
            best[stored.id] = max(rows, key=_visibility)
        for row in rows:
            wanted.setdefault(row.frame, []).append(row)
    sums: dict[int, Float32[np.ndarray, " C"]] = {}
    for index in sorted(wanted):
        image = video.read(index).image
        images = [object_crop(image, _crop(run, row)) for row in wanted[index]]
        for row, vector in zip(wanted[index], image_text.images(images), strict=True):
            sums[row.object_id] = sums.get(row.object_id, 0) + vector
    ids = tuple(sorted(best))
    vectors = np.zeros((len(ids), len(sums[ids[0]]) if ids else 1), dtype=np.float32)
    for place, object_id in enumerate(ids):
        vectors[place] = sums[object_id] / max(float(np.linalg.norm(sums[object_id])), 1e-12)
    frames = np.array([best[object_id].frame for object_id in ids], dtype=np.int64)
    return ObjectEmbeddings(ids, vectors, frames)


def _spread(run: Run, object_id: int) -> list[MaskRow]:
    """The best row of each of EMBEDDED_FRAMES equal parts of the object's life, ascending."""
    (life,) = (stored for stored in run.objects if stored.id == object_id)
    if life.first_frame is None or life.last_frame is None:
        return []
    span = life.last_frame - life.first_frame + 1
    best: dict[int, MaskRow] = {}
    for row in run.track(object_id):
        if not row.visible or row.area == 0:
            continue
        part = (row.frame - life.first_frame) * EMBEDDED_FRAMES // span
        if part not in best or _visibility(row) > _visibility(best[part]):
            best[part] = row
    return [best[part] for part in sorted(best)]


def _visibility(row: MaskRow) -> float:
    """The larger, the better an object is to be recognised on a frame."""
    return row.area * row.score


def _crop(run: Run, row: MaskRow) -> MaskCrop:
    video = run.header.video
    try:
        return unpack_row(row, video.height, video.width)
    except BadMask as error:
        raise BadRun(f"{run.path}: {error.message}", hint="the run is damaged") from error


def _content(run: Run) -> str:
    """A hash of the run's masks: what was computed of other ones is not these."""
    root = run.content
    shards = [shard_path(root, MASK_SHARDS, n) for n in shards_in(root, MASK_SHARDS)]
    return sha256_of(root / FRAMES, *shards)


def _kept(path: Path, key: dict[str, str]) -> ObjectEmbeddings | None:
    """What an earlier query left there, if it was for these masks with this model."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            if file.metadata() != key:
                return None
            ids, vectors, frames = map(
                file.get_tensor, ("object_ids", "vectors", "best_frames")
            )
    except SafetensorError as error:
        raise BadRun(
            f"{path} is damaged: {error}", hint="delete it; it is made again"
        ) from error
    return ObjectEmbeddings(tuple(ids.tolist()), vectors, frames)
