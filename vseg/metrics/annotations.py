"""Masks read from a folder of PNGs, one file per frame, an object id per pixel.

Enters: a folder as DAVIS writes it: palette files (mode P: the index is the id, 255 is void,
pixels that are not scored) or 8-bit grey files (mode L), which are binary as in
DAVIS-2016 when the first frame that is not empty holds only 0 and 255, and ids otherwise.
Leaves: one LabelFrame at a time.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

from vseg.errors import BadDataset, BadImage
from vseg.io.files import real_path
from vseg.io.image_files import read_label_image

VOID = 255
_TREES = ("", "Annotations/480p", "Annotations", "Annotations_6fps")


@dataclass(frozen=True, slots=True)
class LabelFrame:
    """One annotated frame.  index: the video's frame, 0 for the folder's first file.

    annotated: the objects that are annotated on this frame, present or absent; None for all.
    layers: the masks, where they may overlap; `labels` then has the higher ids on top.
    """

    index: int
    path: Path
    labels: UInt8[np.ndarray, "H W"]
    object_ids: tuple[int, ...]
    void: Bool[np.ndarray, "H W"] | None = None
    annotated: frozenset[int] | None = None
    layers: Mapping[int, Bool[np.ndarray, "H W"]] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width."""
        return self.labels.shape

    def mask(self, object_id: int) -> Bool[np.ndarray, "H W"]:
        """The pixels of one object; none if it is not on this frame."""
        if self.layers is not None and object_id in self.layers:
            return self.layers[object_id]
        return np.asarray(self.labels == object_id, dtype=bool)


@dataclass(frozen=True, slots=True)
class LabelFolder:
    """The annotated frames of one clip.  Iterating reads one file at a time.

    Files named by numbers are frames counted from the first of them (00000, 00005, 00010 are
    frames 0, 5, 10 of the video: only every fifth is annotated); other names count 0, 1, 2 in
    sorted order.  void_label: the label that means void, or None where every label is an
    object, as in a prediction.
    """

    folder: Path
    paths: tuple[Path, ...]
    indices: tuple[int, ...]
    void_label: int | None = VOID

    @staticmethod
    def open(folder: Path, *, void_label: int | None = VOID) -> "LabelFolder":
        """List the PNGs of `folder`.  Raises BadDataset if there are none or two share a
        number.
        """
        paths = png_files(folder)
        if not paths:
            raise BadDataset(
                f"{folder}: no PNG masks here"
                if folder.is_dir()
                else f"{folder}: no such folder",
                hint="give the folder that holds one clip's 00000.png, 00001.png, ...",
            )
        if not all(path.stem.isdecimal() for path in paths):
            return LabelFolder(folder, tuple(paths), tuple(range(len(paths))), void_label)
        paths.sort(key=lambda path: int(path.stem))
        numbers = [int(path.stem) for path in paths]
        for before, after in pairwise(paths):
            if int(before.stem) == int(after.stem):
                raise BadDataset(
                    f"{folder}: {before.name} and {after.name} are the same frame"
                )
        indices = tuple(number - numbers[0] for number in numbers)
        return LabelFolder(folder, tuple(paths), indices, void_label)

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[LabelFrame]:
        """The frames in order.  Raises BadDataset, naming the file, where one cannot be
        used.
        """
        binary: bool | None = None
        shape: tuple[int, ...] | None = None
        for index, path in zip(self.indices, self.paths, strict=True):
            mode, labels = read_labels(path)
            shape = shape or labels.shape
            if labels.shape != shape:
                raise BadDataset(
                    f"{path}: {_size(labels.shape)}, the frame before {_size(shape)}"
                )
            present = np.flatnonzero(np.bincount(labels.reshape(-1), minlength=256)[1:]) + 1
            # Decided once, by the first frame that is not empty: later ones may show a part.
            if binary is None and present.size:
                binary = mode == "L" and present.tolist() == [255]
            yield self._frame(index, path, labels, _Present(present.tolist(), bool(binary)))

    def _frame(
        self, index: int, path: Path, labels: UInt8[np.ndarray, "H W"], present: "_Present"
    ) -> LabelFrame:
        if present.binary:
            if not set(present.labels) <= {255}:
                raise BadDataset(
                    f"{path}: holds label {present.labels[0]} but the clip began as 0 and 255",
                    hint="save ids as palette PNGs, or every frame as 0 and 255",
                )
            return LabelFrame(
                index, path, np.minimum(labels, 1), (1,) if present.labels else ()
            )
        object_ids = tuple(label for label in present.labels if label != self.void_label)
        void = labels == self.void_label if len(object_ids) < len(present.labels) else None
        return LabelFrame(index, path, labels, object_ids, void)


@dataclass(frozen=True, slots=True)
class _Present:
    """Labels other than 0 on a frame, and whether its clip is binary."""

    labels: list[int]
    binary: bool


def clip_folders(root: Path) -> dict[str, Path]:
    """Clips by name: `root` itself if it holds PNGs, else its subfolders that do.

    `root` may also be the top of a DAVIS tree (`Annotations/480p/<clip>`,
    `Annotations/<clip>`) or hold SA-V's clips, a folder for each object in them.  Raises
    BadDataset when no PNG is found in any of these places.
    """
    for tree in _TREES:
        place = root / tree
        if png_files(place):
            return {real_path(place).name: place}
        clips = {sub.name: sub for sub in _subfolders(place) if png_files(sub)}
        if clips:
            return clips
    for tree in _TREES:
        clips = {sub.name: sub for sub in _subfolders(root / tree) if object_folders(sub)}
        if clips:
            return clips
    raise BadDataset(
        f"{root}: no PNG masks here, in its subfolders, or under Annotations/480p"
        if root.is_dir()
        else f"{root}: no such folder",
        hint="give a clip's mask folder, a folder of such folders, or the top of a DAVIS tree",
    )


def object_folders(clip: Path) -> dict[int, Path]:
    """The folders of one clip's objects by id, where it is laid out as SA-V's (`000`, `001`).

    Ids of the data set begin at 0; where there is a 0, all are one more here.  Raises
    BadDataset for two folders of one object.
    """
    folders: dict[int, Path] = {}
    for sub in _subfolders(clip):
        if sub.name.isdecimal() and png_files(sub):
            other = folders.setdefault(int(sub.name), sub)
            if other != sub:
                raise BadDataset(
                    f"{clip}: {other.name} and {sub.name} are the same object",
                    hint="give one of them another number",
                )
    shift = int(0 in folders)
    return {number + shift: folder for number, folder in folders.items()}


def _subfolders(place: Path) -> list[Path]:
    return sorted(sub for sub in place.iterdir() if sub.is_dir()) if place.is_dir() else []


def png_files(folder: Path) -> list[Path]:
    """The PNGs in the folder, sorted by name."""
    if not folder.is_dir():
        return []
    return sorted(
        p for p in folder.iterdir() if p.suffix.lower() == ".png" and p.name[0] != "."
    )


def read_labels(path: Path) -> tuple[str, UInt8[np.ndarray, "H W"]]:
    """The pixel format (palette or grey) and the labels, which fit in 8 bits."""
    try:
        image = read_label_image(path)
    except BadImage as error:
        raise BadDataset(f"{path} {error.message}", hint=error.hint) from error
    if image.mode not in ("P", "L", "1"):
        raise BadDataset(
            f"{path} has labels of more than 8 bits (mode {image.mode})",
            hint="masks are palette (P) or 8-bit grey (L) PNGs",
        )
    if image.lossy:
        raise BadDataset(
            f"{path} was compressed as JPEG, which changes ids at the edges of objects",
            hint="save the masks as PNG from where they were made",
        )
    return image.mode, image.values.astype(np.uint8, copy=False)


def _size(shape: tuple[int, ...]) -> str:
    return f"is {shape[1]}x{shape[0]}"
