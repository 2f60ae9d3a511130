"""A run in other programs' formats: a module per format, all called through `export`.

Enters: an open run.  Leaves: a file or folder, under its final name only once it is whole, and
a loss_report.json where the format had no room for something.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from vseg.exchange.formats import format_named
from vseg.exchange.held_masks import changed_pixels
from vseg.exchange.sidecar import MaskDigest, Origin, sidecar_text
from vseg.exchange.views import MaskView
from vseg.frame_masks import FrameMasks
from vseg.interfaces.mask_format import LOSS_REPORT, SIDECAR, Loss, MaskFormat, MaskSequence
from vseg.io.files import atomic_folder, atomic_path, atomic_write_text
from vseg.results.output_place import check_output


class ExportedMasks(MaskView):
    """A sequence on its way into a format.  loss: what is lost on it, and digest: of what is
    left, once it was gone through.
    """

    def __init__(self, masks: MaskSequence, chosen: MaskFormat) -> None:
        super().__init__(masks)
        self._chosen = chosen
        self.loss = Loss(chosen.loss)
        self.digest = MaskDigest()

    def __iter__(self) -> Iterator[FrameMasks]:
        self.loss = Loss(self._chosen.loss)
        self.digest = MaskDigest()
        for frame in self.masks:
            held = self._chosen.held(frame)
            if self._chosen.boxes_only:
                self.loss.add({obj: frame.area(obj) for obj in frame})
            elif held is not frame:
                crops = ((obj, frame.crop(obj), held.crop(obj)) for obj in frame)
                self.loss.add({obj: changed_pixels(one, other) for obj, one, other in crops})
            self.digest.add(held)
            yield frame


def export(
    masks: MaskSequence,
    format_name: str,
    out: Path,
    *,
    overwrite: bool = False,
    origin: Origin | None = None,
) -> list[Path]:
    """Write a run to `out` in a format of FORMATS; the paths that were written.

    origin: where the masks are from, for vseg_export.json, by which an import knows the run
    again; None leaves that file out.  It and the loss report are in OUT for a folder, and for
    a file beside it: OUT.loss_report.json, OUT.vseg_export.json.  Raises UsageError for an
    unknown format, OutputError if `out` exists and `overwrite` is not given, holds files of
    another kind, or cannot be written, and BadRun if the run is damaged.
    """
    chosen = format_named(format_name)
    check_output(
        out,
        overwrite=overwrite,
        is_member=partial(_is_exported, chosen) if chosen.folder else None,
        reads=(masks.video.source,),
    )
    exported = ExportedMasks(masks, chosen)
    if chosen.folder:
        with atomic_folder(out) as unfinished:
            chosen.write(exported, unfinished)
            for name, text in _beside(exported, chosen, origin).items():
                atomic_write_text(unfinished / name, text)
        return [out]
    paths = {name: out.with_name(f"{out.name}.{name}") for name in (LOSS_REPORT, SIDECAR)}
    with ExitStack() as files:  # which take their names together, once all are written
        chosen.write(exported, files.enter_context(atomic_path(out)))
        beside = _beside(exported, chosen, origin)
        for name, text in beside.items():
            files.enter_context(atomic_path(paths[name])).write_bytes(text.encode())
    for name in paths.keys() - beside.keys():
        paths[name].unlink(missing_ok=True)
    return [out, *(paths[name] for name in paths if name in beside)]


def _beside(
    exported: ExportedMasks, chosen: MaskFormat, origin: Origin | None
) -> dict[str, str]:
    """What is written beside the masks, by file name."""
    files = {}
    if exported.loss.pixels:
        files[LOSS_REPORT] = _loss_report(chosen, exported.loss)
    if origin is not None:
        files[SIDECAR] = sidecar_text(exported, chosen.name, origin, exported.digest)
    return files


def _is_exported(chosen: MaskFormat, path: Path) -> bool:
    if path.is_dir() and not path.is_symlink():
        return all(_is_exported(chosen, inner) for inner in path.iterdir())
    return path.is_file() and (
        path.suffix == chosen.suffix or path.name in (LOSS_REPORT, SIDECAR, *chosen.beside)
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
