"""A run in other programs' formats: a module per format, all called through `export`.

Enters: an open run.  Leaves: a file or folder, under its final name only once it is whole, and
a loss_report.json where the format had no room for something.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from vseg.exchange.formats import format_named
from vseg.exchange.held_masks import changed_pixels
from vseg.frame_masks import FrameMasks
from vseg.interfaces.mask_format import Loss, MaskFormat, MaskSequence
from vseg.io.files import atomic_folder, atomic_path, atomic_write_text, check_free
from vseg.types import VideoInfo

LOSS_REPORT = "loss_report.json"


class HeldMasks:
    """A sequence as a format holds it.  loss: what that changed, once it was gone through."""

    def __init__(self, masks: MaskSequence, chosen: MaskFormat) -> None:
        self._masks = masks
        self._chosen = chosen
        self.loss = Loss(chosen.loss)

    @property
    def name(self) -> str:
        return self._masks.name

    @property
    def video(self) -> VideoInfo:
        return self._masks.video

    @property
    def object_ids(self) -> tuple[int, ...]:
        return self._masks.object_ids

    @property
    def labels(self) -> dict[int, str]:
        return self._masks.labels

    def __len__(self) -> int:
        return len(self._masks)

    def frame_numbers(self) -> Iterator[int]:
        """The frames that have masks, ascending."""
        return self._masks.frame_numbers()

    def __iter__(self) -> Iterator[FrameMasks]:
        self.loss = Loss(self._chosen.loss)
        for frame in self._masks:
            held = self._chosen.held(frame)
            if self._chosen.boxes_only:
                self.loss.add({obj: frame.area(obj) for obj in frame})
            elif held is not frame:
                crops = ((obj, frame.crop(obj), held.crop(obj)) for obj in frame)
                self.loss.add({obj: changed_pixels(one, other) for obj, one, other in crops})
            yield held


def export(
    masks: MaskSequence, format_name: str, out: Path, *, overwrite: bool = False
) -> list[Path]:
    """Write a run to `out` in a format of FORMATS; the paths that were written.

    The loss report is OUT/loss_report.json for a folder, OUT.loss_report.json beside a file.
    Raises UsageError for an unknown format, OutputError if `out` exists and `overwrite` is not
    given, holds files of another kind, or cannot be written, and BadRun if the run is damaged.
    """
    chosen = format_named(format_name)
    check_free(
        out,
        overwrite=overwrite,
        is_member=partial(_is_exported, chosen) if chosen.folder else None,
    )
    held = HeldMasks(masks, chosen)
    if not chosen.folder:
        with atomic_path(out) as unfinished:
            chosen.write(held, unfinished)
        report = out.with_name(f"{out.name}.{LOSS_REPORT}")
        report.unlink(missing_ok=True)
        if held.loss.pixels:
            atomic_write_text(report, _loss_report(chosen, held.loss))
        return [out, report] if held.loss.pixels else [out]
    with atomic_folder(out) as unfinished:
        chosen.write(held, unfinished)
        if held.loss.pixels:
            atomic_write_text(unfinished / LOSS_REPORT, _loss_report(chosen, held.loss))
    return [out]


def _is_exported(chosen: MaskFormat, path: Path) -> bool:
    if path.is_dir() and not path.is_symlink():
        return all(_is_exported(chosen, inner) for inner in path.iterdir())
    return path.is_file() and (
        path.suffix == chosen.suffix or path.name in (LOSS_REPORT, *chosen.beside)
    )


def _loss_report(chosen: MaskFormat, loss: Loss) -> str:
    report = {
        "format": chosen.name,
        "reason": loss.reason,
        "objects": [
            {"object_id": obj, "pixels_lost": loss.pixels[obj], "frames": loss.frames[obj]}
            for obj in sorted(loss.pixels)
        ],
    }
    return json.dumps(report, indent=2) + "\n"
