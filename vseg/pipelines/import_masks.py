"""Masks of another program, compared with the run that they were exported from.

Enters: a run, and a file that was exported from it and perhaps changed elsewhere.  Leaves:
what was changed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from vseg.errors import BadExchange, UsageError
from vseg.exchange.compare import Comparison, compare, renumber, renumbered
from vseg.exchange.formats import format_named
from vseg.exchange.guess_format import guess_format
from vseg.exchange.matching import Matching, identify
from vseg.exchange.read_masks import read_masks
from vseg.exchange.sidecar import Sidecar, read_sidecar
from vseg.exchange.spool import MaskSpool
from vseg.exchange.views import AsHeld, OnFrames
from vseg.interfaces.mask_format import MaskSequence
from vseg.results.run import Run


@dataclass(frozen=True, slots=True)
class ImportedMasks:
    """A file that was compared with a run.

    masks: by the run's object ids; close them.  matching: of masks without ids.
    """

    format_name: str
    masks: MaskSpool
    comparison: Comparison
    matching: Matching


def compare_with_run(run: Run, path: Path, format_name: str | None = None) -> ImportedMasks:
    """Read a file and compare it with the revision of the run that it was exported from.

    format_name: as the sidecar or the file itself says, if None.  Raises BadExchange for a
    file of another clip or size or without any frame, frames that the run has not, or masks
    without ids that fit no object.
    """
    sidecar = read_sidecar(path)
    name = format_name or (sidecar.format if sidecar else guess_format(path))
    chosen = format_named(name)
    if sidecar is not None:
        _check_origin(run, path, sidecar)
    spool = read_masks(path, name, run.video, run.name, taken=run.object_ids)
    try:
        check_any_frame(path, spool)
        before: MaskSequence = AsHeld(run, chosen)
        if sidecar is not None:
            before = OnFrames(before, sidecar.covers)
        else:
            _check_frames(run, path, spool)
        matching = identify(spool, before)
        numbers = renumbered(before, spool)
        renumber(spool, numbers)
        comparison = compare(before, spool)
        comparison.numbers = numbers
    except BaseException:
        spool.close()
        raise
    return ImportedMasks(name, spool, comparison, matching)


def check_any_frame(path: Path, masks: MaskSpool) -> None:
    """Raise BadExchange where nothing was read: the wrong folder is not one whose masks were
    all deleted.
    """
    if not len(masks):
        raise BadExchange(
            f"{path} has masks of no frame",
            hint="give the file or folder that the masks are in, of the --format that it has",
        )


def stretches(frames: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Ascending numbers as ranges of first and end."""
    placed = enumerate(frames)
    for _, group in groupby(placed, key=lambda pair: pair[1] - pair[0]):
        numbers = [number for _, number in group]
        yield numbers[0], numbers[-1] + 1


def _check_origin(run: Run, path: Path, sidecar: Sidecar) -> None:
    if sidecar.origin.fingerprint != run.header.source.sha256:
        raise BadExchange(
            f"{path} was exported from another clip: {sidecar.clip}, {sidecar.width}x"
            f"{sidecar.height}, fingerprint {sidecar.origin.fingerprint[:12]}; the run's is "
            f"{run.header.source.sha256[:12]}",
            hint="import it into the run of that clip",
        )
    if sidecar.origin.created != run.header.created.isoformat():
        raise BadExchange(
            f"{path} was exported from another run of the same clip, {sidecar.origin.run}",
            hint="import it into that run, or delete vseg_export.json to compare with this",
        )
    if sidecar.origin.revision != run.revision:
        raise UsageError(
            f"{path} was exported from revision {sidecar.origin.revision}, and revision "
            f"{run.revision} is open",
            hint="open the revision that the file was exported from",
        )


def _check_frames(run: Run, path: Path, masks: MaskSpool) -> None:
    known = run.frame_numbers()
    held = next(known, None)
    for frame in masks.frame_numbers():
        while held is not None and held < frame:
            held = next(known, None)
        if held != frame:
            raise BadExchange(
                f"{path} has masks of frame {frame}, and the run has none of that frame",
                hint="is this the file of another clip?",
            )
