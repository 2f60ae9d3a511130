"""Masks of one clip, however its folder is laid out: labels, or a folder for each object.

Enters: a clip's folder: label PNGs, or SA-V's folders `000`, `001`, ... of binary PNGs, where
what is not 0 is the object and objects may overlap.  Leaves: one LabelFrame at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vseg.errors import BadDataset
from vseg.metrics.annotations import (
    VOID,
    LabelFolder,
    LabelFrame,
    object_folders,
    png_files,
    read_labels,
)


@dataclass(frozen=True, slots=True)
class ObjectFolders:
    """The annotated frames of one clip.  Iterating reads one frame's files at a time.

    files: by number of the frame, the file of every object that is annotated there.
    """

    folder: Path
    files: dict[int, dict[int, Path]]
    indices: tuple[int, ...]

    @staticmethod
    def open(folder: Path) -> "ObjectFolders":
        """List the files.  Raises BadDataset for a name that is no number."""
        files: dict[int, dict[int, Path]] = {}
        for object_id, sub in object_folders(folder).items():
            for path in png_files(sub):
                if not path.stem.isdecimal():
                    raise BadDataset(
                        f"{path}: the name is not the number of a frame",
                        hint="name masks 00000.png, 00004.png, ... as SA-V does",
                    )
                files.setdefault(int(path.stem), {})[object_id] = path
        numbers = sorted(files)
        return ObjectFolders(
            folder,
            {number: files[number] for number in numbers},
            tuple(number - numbers[0] for number in numbers),
        )

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[LabelFrame]:
        """The frames in order.  Raises BadDataset where a file cannot be read, or its size is
        another one.
        """
        shape: tuple[int, ...] | None = None
        for index, paths in zip(self.indices, self.files.values(), strict=True):
            layers = {}
            for object_id, path in sorted(paths.items()):
                mask = read_labels(path)[1] > 0
                shape = shape or mask.shape
                if mask.shape != shape:
                    raise BadDataset(f"{path}: {mask.shape}, the masks before {shape}")
                layers[object_id] = mask
            labels = np.zeros(shape or (0, 0), dtype=np.uint8)
            for object_id, mask in layers.items():
                # Only to be drawn: ids beyond 8 bits share a label, their masks do not.
                labels[mask] = min(object_id, VOID)
            yield LabelFrame(
                index,
                next(iter(paths.values())),
                labels,
                tuple(object_id for object_id, mask in layers.items() if mask.any()),
                annotated=frozenset(paths),
                layers=layers,
            )


MaskFolder = LabelFolder | ObjectFolders


def open_masks(folder: Path, *, void_label: int | None = VOID) -> MaskFolder:
    """The masks of a clip's folder.  Raises BadDataset as `LabelFolder.open` does."""
    if not png_files(folder) and object_folders(folder):
        return ObjectFolders.open(folder)
    return LabelFolder.open(folder, void_label=void_label)
