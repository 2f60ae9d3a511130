"""Shared by the benchmarks: clips of a DAVIS tree, simulated prompts, tables and JSON.

Run the scripts from a checkout that is installed in place (`pip install -e .`).
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool

from vseg import Session, load_model
from vseg.errors import BadDataset, VsegError
from vseg.frame_masks import FrameMasks
from vseg.interfaces.model import Model
from vseg.metrics.annotations import clip_folders
from vseg.prompts.simulate import correction, innermost_click, middle_scribble, tight_box
from vseg.types import Frame, Mask, VisualPrompt
from vseg.weights.device import instruction_set

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FIVE_SIDES = (320, 352, 384, 448, 512)
"""One early error decides a clip with look-alikes, and which way it falls depends on the size:
such clips are measured at several.
"""

PROMPTS = ("mask", "box", "click", "3clicks", "5clicks", "scribble")


@dataclass(frozen=True, slots=True)
class ClipFolders:
    """One clip: the folder of its images and the folder of its masks."""

    name: str
    images: Path
    truth: Path


def clips_of(root: Path, names: Sequence[str] = ()) -> list[ClipFolders]:
    """The clips of a DAVIS tree, sorted; only those in `names` where some are given.

    `root` holds `JPEGImages/<clip>` and `Annotations/<clip>`, either with `480p` between.
    Raises BadDataset for another layout, a clip without images, or a name that is not there.
    """
    masks = clip_folders(root)
    unknown = sorted(set(names) - set(masks))
    if unknown:
        raise BadDataset(f"{root}: no clip {unknown[0]!r}", hint=f"clips: {', '.join(masks)}")
    return [_clip(root, name, masks[name]) for name in sorted(names or masks)]


def _clip(root: Path, name: str, truth: Path) -> ClipFolders:
    inner = truth.relative_to(root)
    images = root.joinpath("JPEGImages", *inner.parts[1:])
    if inner.parts[:1] != ("Annotations",) or not images.is_dir():
        raise BadDataset(
            f"{root}: clip {name!r} has masks in {truth} but no images in {images}",
            hint="give the folder that holds JPEGImages and Annotations",
        )
    return ClipFolders(name, images, truth)


def prompt_object(
    session: Session,
    object_id: int,
    truth: Bool[np.ndarray, "H W"],
    kind: str,
    frame: int | Frame = 0,
) -> FrameMasks:
    """The masks after one object was prompted on one frame, by its true mask.

    kind: one of PROMPTS; further clicks correct the masks of those before.
    """
    single: dict[str, Callable[[], VisualPrompt]] = {
        "mask": lambda: Mask(truth),
        "box": lambda: tight_box(truth),
        "scribble": lambda: middle_scribble(truth),
    }
    first = single.get(kind, lambda: innermost_click(truth))
    masks = session.prompt(object_id, frame, [first()])
    for _ in range(int(kind[0]) - 1 if kind[0].isdigit() else 0):
        click = correction(truth, masks[object_id])
        if click is not None:
            masks = session.prompt(object_id, frame, [click])
    return masks


def folder_options(doc: str | None) -> argparse.Namespace:
    """A script's arguments: a DAVIS folder, its clips and a model.  doc: of the script."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0] if doc else None)
    parser.add_argument("root", type=Path)
    parser.add_argument("--clips", nargs="*")
    add_model_options(parser)
    return parser.parse_args()


def add_model_options(
    parser: argparse.ArgumentParser, sides: Sequence[int] | None = None
) -> None:
    """Add the options that `model_of` reads, and --json.

    sides: the default of --short-sides, which `models_of` reads; without it there is
    --short-side.
    """
    parser.add_argument("--weights", type=Path, help="another weights file of nano")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="auto")
    if sides is None:
        parser.add_argument("--short-side", type=int, default=384)
    else:
        parser.add_argument(
            "--short-sides", type=int, nargs="+", default=list(sides), help="measured at each"
        )
    parser.add_argument("--flip", action="store_true", help="average with the mirrored frame")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")


def model_of(options: argparse.Namespace, short_side: int | None = None) -> Model:
    """nano with the weights, device, dtype and short side of the options, or another side."""
    return load_model(
        "nano",
        device=options.device,
        weights=options.weights,
        dtype=options.dtype,
        short_side=options.short_side if short_side is None else short_side,
        flip=options.flip,
    )


def models_of(options: argparse.Namespace) -> Iterator[tuple[int, Model]]:
    """(short side, nano) for every one of --short-sides."""
    for side in options.short_sides:
        yield side, model_of(options, side)


def spread_of(values: Sequence[float]) -> float | None:
    """The standard deviation over short sides; None of a single one."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


# Columns of text are this wide, the length of the longest clip name; they align to the left.
_TEXT_WIDTH = 17
_NUMBER_WIDTH = 6


class Table:
    """Prints rows of one dataclass as they come, and keeps them for a JSON file.

    Columns are the fields; numbers are shown with one digit after the point, None as a dash.
    """

    def __init__(self, row_type: "type[DataclassInstance]") -> None:
        self._rows: list[DataclassInstance] = []
        names = [field.name for field in fields(row_type)]
        self._widths = [
            max(len(field.name), _TEXT_WIDTH if field.type is str else _NUMBER_WIDTH)
            for field in fields(row_type)
        ]
        print(f"on {machine()}", file=sys.stderr)
        print(self._line(names), flush=True)

    def add(self, row: "DataclassInstance") -> None:
        """Print one row."""
        self._rows.append(row)
        cells = [getattr(row, field.name) for field in fields(row)]
        print(self._line([_shown(cell) for cell in cells]), flush=True)

    def write(self, path: Path | None) -> None:
        """Write all rows to `path` as a JSON list, numbers in full; nothing without a path."""
        if path is not None:
            path.write_text(json.dumps([asdict(row) for row in self._rows], indent=1))

    def _line(self, cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if width >= _TEXT_WIDTH else cell.rjust(width)
            for cell, width in zip(cells, self._widths, strict=True)
        ]
        return "  ".join(padded)


def machine() -> str:
    """What every speed depends on: processor, vector instructions, cores."""
    return f"{platform.machine()}, {instruction_set()}, {os.cpu_count()} cores"


def _shown(cell: object) -> str:
    if cell is None:
        return "-"
    return f"{cell:.1f}" if isinstance(cell, float) else str(cell)


def run(main: Callable[[], None]) -> None:
    """Run a script; an error of vseg becomes its message, its hint and its exit code."""
    try:
        main()
    except VsegError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from error
