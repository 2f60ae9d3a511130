"""What splitting a clip costs in identities: stretches joined, against one worker.

    python benchmarks/batch_split.py --stretches 2 4 8
    python benchmarks/batch_split.py --clip street.mp4 --text car --range 0:400

Without --clip, synthetic scenes with exact identities are tracked from detections: the true
boxes of every fifth frame, without ids.  Each clip is tracked whole, then split so many times.
breaks: how often an object of the whole run goes on under another id in the joined one, on
frames where their masks match; breaks_of_truth, and those of the whole run itself: the same
against the true identities.
"""

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.shared import Table
from vseg.batch.job_list import JobLine
from vseg.batch.local_engine import LocalEngine
from vseg.batch.manifest import Manifest
from vseg.batch.overview import finished_jobs
from vseg.batch.place import FolderPlace
from vseg.batch.planning import make_plan
from vseg.batch.remaining import unfinished
from vseg.batch.schedule import Attempt, Schedule
from vseg.build import open_run, open_video
from vseg.ops.masks import crop_iou
from vseg.prompts.placing import frames_of
from vseg.results.run import Run
from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip
from vseg.types import MaskCrop

DETECT_EVERY = 5
MATCH_IOU = 0.5


@dataclass(frozen=True, slots=True)
class SplitRow:
    """One clip, or the sum over the synthetic ones.  seams: between stretches.  objects: of the
    whole run and of the joined one.
    """

    clip: str
    frames: int
    seams: int
    objects_whole: int
    objects_joined: int
    breaks: int
    truth_breaks_whole: int | None
    truth_breaks_joined: int | None


class _Quiet:
    def begins(self, worker: str, attempt: Attempt) -> None:
        pass

    def advances(self, worker: str, done: int, total: int) -> None:
        pass

    def ends(self, worker: str, attempt: Attempt, ended: Manifest | None) -> None:
        pass


def main() -> None:
    options = _options()
    table = Table(SplitRow)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if options.clip:
            for row in _real(options, folder):
                table.add(row)
        else:
            for row in _synthetic(options, folder):
                table.add(row)
    table.write(options.json)


def _real(options: argparse.Namespace, folder: Path) -> Iterator[SplitRow]:
    settings = {"range": options.range, "short_side": options.short_side, "preview": False}
    values = {"clip": options.clip, "text": options.text, "settings": settings}
    whole = _tracked(JobLine.model_validate(values), folder / "whole", options.workers)
    for count in options.stretches:
        line = _split(values, options.clip, options.range, count)
        joined = _tracked(line, folder / str(count), options.workers)
        yield SplitRow(
            Path(options.clip).name,
            len(whole),
            count - 1,
            len(whole.objects),
            len(joined.objects),
            _breaks(_masks(whole), joined),
            None,
            None,
        )


def _synthetic(options: argparse.Namespace, folder: Path) -> Iterator[SplitRow]:
    sums: dict[int, list[int]] = {count: [0] * 6 for count in options.stretches}
    for seed in range(options.scenes):
        config = SceneConfig(
            144, 256, options.frames, seed=seed, num_objects=5, leave_and_return=True
        )
        scene = SyntheticVideo(config)
        clip = folder / f"{seed}.mp4"
        write_clip(scene, clip)
        detections = folder / f"{seed}.txt"
        detections.write_text(_detections(scene))
        settings = {"short_side": options.short_side, "preview": False}
        values = {"clip": str(clip), "detections": str(detections), "settings": settings}
        line = JobLine.model_validate(values)
        whole = _tracked(line, folder / f"{seed}-whole", options.workers)
        for count in options.stretches:
            cut = _split(values, str(clip), ":", count)
            joined = _tracked(cut, folder / f"{seed}-{count}", options.workers)
            row = (
                len(whole),
                len(whole.objects),
                len(joined.objects),
                _breaks(_masks(whole), joined),
                _breaks(_truth(scene), whole),
                _breaks(_truth(scene), joined),
            )
            sums[count] = [a + b for a, b in zip(sums[count], row, strict=True)]
    for count, (frames, before, after, *breaks) in sums.items():
        name = f"{options.scenes} scenes"
        seams = (count - 1) * options.scenes
        yield SplitRow(name, frames, seams, before, after, *breaks)


def _detections(scene: SyntheticVideo) -> str:
    """MOTChallenge rows without ids; a detector does not see slivers."""
    rows = []
    for index in range(0, len(scene), DETECT_EVERY):
        labels = scene.draw(index).labels
        for object_id in np.unique(labels[labels > 0]):
            crop = MaskCrop.of(labels == object_id)
            if crop.area >= 40:
                x, y, w, h = crop.xywh
                rows.append(f"{index + 1},-1,{x},{y},{w},{h},0.9,-1,-1,-1\n")
    return "".join(rows)


def _split(values: Mapping[str, object], clip: str, span: str, count: int) -> JobLine:
    with open_video(clip) as video:
        first, stop = frames_of(video, span)
        length_s = (video.time_at(stop - 1) - video.time_at(first)) / count
    return JobLine.model_validate({**values, "split": f"{length_s * 1.0001:.4f}s"})


def _tracked(line: JobLine, out: Path, workers: int) -> Run:
    place = FolderPlace(out)
    plan = make_plan([line], place)
    LocalEngine(place, workers, _Quiet(), lambda: False).run(Schedule(unfinished(place, plan)))
    (job,) = finished_jobs(place)
    return open_run(place.run_folder(job))


def _masks(run: Run) -> Iterator[tuple[int, dict[int, MaskCrop]]]:
    for masks in run:
        yield masks.frame_index, {i: masks.crop(i) for i in masks if masks.crop(i).area}


def _truth(scene: SyntheticVideo) -> Iterator[tuple[int, dict[int, MaskCrop]]]:
    for index in range(len(scene)):
        labels = scene.draw(index).labels
        ids = np.unique(labels[labels > 0])
        yield index, {int(i): MaskCrop.of(labels == i) for i in ids}


def _breaks(reference: Iterator[tuple[int, dict[int, MaskCrop]]], run: Run) -> int:
    """How often an object of the reference is found under another id than the last time."""
    last: dict[int, int] = {}
    breaks = 0
    for number, expected in reference:
        if number not in run:
            continue
        masks = run[number]
        found = {i: masks.crop(i) for i in masks}
        for object_id, crop in expected.items():
            iou = {i: crop_iou(crop, other) for i, other in found.items() if other.area}
            best = max(iou, key=lambda i: iou[i], default=None)
            if best is None or iou[best] <= MATCH_IOU:
                continue
            breaks += last.get(object_id, best) != best
            last[object_id] = best
    return breaks


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stretches", type=int, nargs="+", default=(2, 4, 8))
    parser.add_argument("--scenes", type=int, default=6)
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--clip")
    parser.add_argument("--text", nargs="+", default=["person"])
    parser.add_argument("--range", default=":")
    parser.add_argument("--short-side", type=int, default=144)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
