"""The VOT toolkit tracks with vseg, and scores it: does `vseg eval` say the same of its masks?

    python benchmarks/vot/job.py --data DAVIS [MORE ...] --clips blackswan libby --frames 40
    python benchmarks/vot/job.py                       # only the small clip that it makes itself

The toolkit (0.9.0, from PyPI) gets an environment of its own, starts `tracker.py` by its folder
protocol, and analyses with its stack davis2017val, with the overlaps of every frame, and with
the measures of VOTS.  Every number is compared with that of `vseg eval --protocol vots` on the
same masks; the exit code is 1 if one differs by more than 1e-9.  A small clip with masks that
are wrong in every way is replayed first, since good masks exercise little.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.shared import ClipFolders, clips_of, run
from benchmarks.vot import agreement, sequences, toolkit
from benchmarks.vot.spoiled_masks import write_spoiled
from vseg.metrics.annotations import LabelFolder
from vseg.metrics.mask_evaluation import evaluate_clips
from vseg.metrics.protocols import DAVIS17, VOTS


@dataclass(frozen=True, slots=True)
class DataSet:
    """Clips, how many frames of each, and the variables of the tracker."""

    name: str
    clips: Sequence[ClipFolders]
    num_frames: int | None
    variables: dict[str, str]


def main() -> None:
    options = _parser().parse_args()
    command = toolkit.vot_command(options.environment.resolve())
    with tempfile.TemporaryDirectory(prefix="vot-") as scratch:
        work = Path(scratch) if options.work is None else options.work.resolve()
        rows = []
        print(f"{'data':12} {'measure':14} {'toolkit':>14} {'vseg':>14} {'differ':>9} frames")
        for data in _data_sets(options, work):
            for row in _compared(command, data, work / data.name):
                rows.append(row)
                print(
                    f"{row.data:12} {row.measure:14} {row.toolkit:14.10f} {row.vseg:14.10f} "
                    f"{row.difference:9.1e} {row.frames or ''}",
                    flush=True,
                )
    if any(row.difference > agreement.TOLERANCE for row in rows):
        raise SystemExit("the toolkit and vseg eval do not agree")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, nargs="*", default=[], help="DAVIS trees")
    parser.add_argument("--clips", nargs="*", default=[], help="only these")
    parser.add_argument("--frames", type=int, help="the first frames of each clip")
    parser.add_argument("--model", default="nano")
    parser.add_argument("--short-side", type=int, default=384)
    parser.add_argument("--environment", type=Path, default=Path("build/vot-environment"))
    parser.add_argument("--work", type=Path, help="keep the workspaces in this new folder")
    return parser


def _data_sets(options: argparse.Namespace, work: Path) -> Iterator[DataSet]:
    clips, replay = write_spoiled(work / "spoiled-source")
    yield DataSet("spoiled", clips, None, {"VSEG_VOT_REPLAY": str(replay.resolve())})
    chosen = {
        "VSEG_VOT_MODEL": options.model,
        "VSEG_VOT_SHORT_SIDE": str(options.short_side),
    }
    for root in options.data:
        clips = [
            clip for clip in clips_of(root) if not options.clips or clip.name in options.clips
        ]
        if clips:
            yield DataSet(root.name, clips, options.frames, chosen)


def _compared(command: Path, data: DataSet, folder: Path) -> Iterator[agreement.Row]:
    """Track, let the toolkit analyse, and compare."""
    kept = (folder / "masks").resolve()
    davis = toolkit.Workspace(
        command, folder / "davis", {**data.variables, "VSEG_VOT_MASKS": str(kept)}
    )
    sequences.write_davis(data.clips, davis.sequences, data.num_frames)
    davis.initialize("davis2017val")
    davis.evaluate()
    clips = [clip.name for clip in data.clips]
    labels = {
        clip: list(LabelFolder.open(sequences.davis_truth(davis.sequences, clip)))
        for clip in clips
    }
    names = {clip: sequences.object_names(labels[clip]) for clip in clips}
    preds = {clip: _numbered(kept / clip, list(names[clip])) for clip in clips}
    by_davis = evaluate_clips(davis.sequences, preds, DAVIS17).measures
    print(
        f"{data.name:12} J&F by --protocol davis17, without the toolkit: {by_davis.jf_mean:.10f}"
    )
    slivers = sequences.blank_slivers(kept)
    print(f"{data.name:12} masks one pixel wide, which the toolkit reads as empty: {slivers}")
    frames = agreement.read_frames(_frames_csv(davis.sequences, preds, folder))
    yield from agreement.davis_rows(data.name, davis.analyse(), frames)
    overlaps = toolkit.Workspace(command, folder / "overlaps", {})
    sequences.write_davis(data.clips, overlaps.sequences, data.num_frames)
    overlaps.take_results(davis)
    overlaps.initialize(toolkit.OVERLAPS_STACK)
    yield agreement.overlap_row(data.name, overlaps.analyse(), clips, names, frames)
    whole = [clip for clip in clips if not sequences.starts_late(labels[clip])]
    vots = toolkit.Workspace(command, folder / "vots", {})
    sequences.write_vots(whole, davis.sequences, vots.sequences)
    vots.take_results(davis)
    vots.initialize(toolkit.VOTS_STACK)
    lines = sum(sequences.blank_missed_lines(preds[clip], labels[clip]) for clip in whole)
    print(
        f"{data.name:12} masks one pixel high, which it calls absent where they miss: {lines}"
    )
    score = evaluate_clips(davis.sequences, {clip: preds[clip] for clip in whole}, VOTS)
    presence = score.rows()[-1].presence
    yield from agreement.vots_rows(data.name, vots.analyse(), score.measures.j_mean, presence)


def _numbered(kept: Path, object_ids: list[int]) -> Path:
    """The masks that the tracker kept, under the ids of the annotation."""
    folder = kept.with_name(f"{kept.name}-by-id") / kept.name
    folder.mkdir(parents=True)
    for number, object_id in enumerate(object_ids):
        (folder / f"{object_id:03d}").symlink_to(kept / f"obj{number}")
    return folder


def _frames_csv(davis: Path, preds: dict[str, Path], folder: Path) -> Path:
    path = folder / "frames.csv"
    words = ["--gt", str(davis), "--protocol", "vots", "--per-frame", str(path)]
    subprocess.run(
        [
            sys.executable,
            "-m",
            "vseg",
            "eval",
            *words,
            *map(str, preds.values()),
            "--all-frames",
        ],
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return path


if __name__ == "__main__":
    run(main)
