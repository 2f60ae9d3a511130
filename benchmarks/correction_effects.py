"""Which frames does one correction make better, and which worse?

    python -m benchmarks.correction_effects --scenes 12 --suite-seeds 1000 2000
    python -m benchmarks.correction_effects --scenes 0 --zip PACK.zip

Every clip is tracked with nano from the masks of its first frame.  Then one object is corrected
on one frame by its true mask: where the review queue leads, and as often on random frames; each
time the run is as it was first.  A frame is better, or worse, where J of the object is by more
than 5 points; the corrected frame is not counted.  Clips are random scenes, scenes of the
identity suite drawn with other seeds, and clips of a dataset zip with another object pasted
before theirs.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from PIL import Image

from benchmarks.risk_clips import TrueClip, pasted_clips, scenes
from benchmarks.shared import Table, run
from vseg import load_model, open_run
from vseg.analysis.review_queue import review
from vseg.config import TrackConfig
from vseg.interfaces.model import Model
from vseg.ops.masks import mask_iou
from vseg.pipelines.correction_settings import CorrectionSettings
from vseg.pipelines.job import TrackJob
from vseg.pipelines.run_edit import RunEdit
from vseg.pipelines.track import track
from vseg.synthetic import SyntheticVideo, identity_scenes
from vseg.types import Mask, Prompt, Timecode

SUITE = ("cross-2", "cross-8", "meet-2", "hidden-30", "leave", "cups", "sheep")
CHANGED = 0.05
NEAR = 10
"""Frames from the corrected one that are counted apart from those farther off."""
LEAST_PIXELS = 30
"""Of an object on a frame that is corrected."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table.  worse_near, better_near: of the frames up to NEAR away.
    worse_back, better_back: of those before the corrected one.  net_worse: corrections that
    made more frames worse than better.  J_gain: in points, over all frames of the object;
    others_gain: over those of the other objects.  tracked: frames, in the mean.
    """

    clip: str
    corrections: int
    worse: int
    better: int
    worse_near: int
    better_near: int
    worse_back: int
    better_back: int
    net_worse: int
    J_gain: float
    others_gain: float
    tracked: float


def main() -> None:
    options = _options()
    model = load_model("nano", short_side=options.short_side)
    table = Table(Row)
    rows: list[Row] = []
    for clip in chain(
        scenes(options.scenes, "scenes"),
        *(_suite(seed) for seed in options.suite_seeds),
        *(
            pasted_clips(path, "pasted", 1, offset)
            for path in options.zip
            for offset in (0, 7)
        ),
    ):
        if not clip.ids:
            continue
        with tempfile.TemporaryDirectory() as folder:
            effects = list(_effects(model, clip, Path(folder), options))
        rows.append(_joined(clip.name, effects))
        table.add(rows[-1])
    table.add(_joined("ALL", rows))
    table.write(options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scenes", type=int, default=6, help="how many random ones")
    parser.add_argument(
        "--suite-seeds", type=int, nargs="*", default=[], help="added to theirs"
    )
    parser.add_argument("--zip", type=Path, nargs="*", default=[], help="dataset zips")
    parser.add_argument("--corrections", type=int, default=2, help="of a clip, of either kind")
    parser.add_argument("--short-side", type=int, default=256)
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    return parser.parse_args()


def _suite(seed: int) -> Iterator[TrueClip]:
    for name in SUITE:
        config = identity_scenes()[name]
        video = SyntheticVideo(replace(config, seed=config.seed + seed))
        drawn = [video.draw(index) for index in range(len(video))]
        yield TrueClip(
            f"{name}+{seed}", "suite", [d.frame for d in drawn], [d.labels for d in drawn]
        )


def _effects(
    model: Model, clip: TrueClip, folder: Path, options: argparse.Namespace
) -> Iterator[Row]:
    """A row for every correction."""
    source = folder / clip.name
    source.mkdir()
    for frame in clip.frames:
        Image.fromarray(frame.image).save(source / f"{frame.index:05d}.png")
    config = TrackConfig(short_side=options.short_side, preview=False)
    first = [Prompt(i, Timecode(frame=0), Mask(clip.truths[0] == i)) for i in clip.ids]
    tracked = folder / "tracked"
    track(TrackJob(str(source), tracked, tuple(first), config), model=model)
    before = _similarity(tracked, clip)
    for obj, index in _choices(tracked, clip, options.corrections):
        copy = folder / "corrected"
        shutil.copytree(tracked, copy)
        with RunEdit(copy, CorrectionSettings(model=model)) as edit:
            edit.prompt(obj, index, [Mask(clip.truths[index] == obj)])
        assert edit.revision is not None
        gains = {i: J - before[i] for i, J in _similarity(copy, clip).items()}
        yield _row(clip.name, gains, (obj, index), edit.revision.frames)
        shutil.rmtree(copy)


def _choices(path: Path, clip: TrueClip, count: int) -> list[tuple[int, int]]:
    """Objects and frames: the first of the review queue, and as many at random."""
    shown = [
        (obj, frame)
        for frame in range(1, len(clip.frames))
        for obj in clip.ids
        if (clip.truths[frame] == obj).sum() >= LEAST_PIXELS
    ]
    queue = review([open_run(path)], top=2 * count)
    led = [(span.object_id, span.worst_frame) for span in queue.spans]
    rng = np.random.default_rng(len(shown))
    drawn = rng.choice(len(shown), size=min(count, len(shown)), replace=False)
    return [each for each in led if each in shown][:count] + [shown[k] for k in drawn]


def _similarity(path: Path, clip: TrueClip) -> dict[int, Float64[np.ndarray, " T"]]:
    """J of every object on every frame."""
    masks = list(open_run(path))
    return {
        obj: np.array(
            [mask_iou(shown[obj], clip.truths[shown.frame_index] == obj) for shown in masks]
        )
        for obj in clip.ids
    }


def _row(
    name: str,
    gains: dict[int, Float64[np.ndarray, " T"]],
    corrected: tuple[int, int],
    tracked: int,
) -> Row:
    obj, frame = corrected
    gain = gains.pop(obj)
    away = np.arange(len(gain)) - frame
    worse = (gain < -CHANGED) & (away != 0)
    better = (gain > CHANGED) & (away != 0)
    near = abs(away) <= NEAR
    return Row(
        name,
        corrections=1,
        worse=int(worse.sum()),
        better=int(better.sum()),
        worse_near=int((worse & near).sum()),
        better_near=int((better & near).sum()),
        worse_back=int(worse[:frame].sum()),
        better_back=int(better[:frame].sum()),
        net_worse=int(worse.sum() > better.sum()),
        J_gain=100 * float(np.mean(gain[away != 0])),
        others_gain=100 * float(np.mean([*gains.values()])) if gains else 0.0,
        tracked=float(tracked),
    )


def _joined(name: str, rows: list[Row]) -> Row:
    """The counts of rows added up, and the means of their corrections for the rest."""
    counts = [row.corrections for row in rows]
    return Row(
        name,
        corrections=sum(counts),
        worse=sum(row.worse for row in rows),
        better=sum(row.better for row in rows),
        worse_near=sum(row.worse_near for row in rows),
        better_near=sum(row.better_near for row in rows),
        worse_back=sum(row.worse_back for row in rows),
        better_back=sum(row.better_back for row in rows),
        net_worse=sum(row.net_worse for row in rows),
        J_gain=float(np.average([row.J_gain for row in rows], weights=counts)),
        others_gain=float(np.average([row.others_gain for row in rows], weights=counts)),
        tracked=float(np.average([row.tracked for row in rows], weights=counts)),
    )


if __name__ == "__main__":
    run(main)
