"""What corrections are worth by where they are made: a simulated annotator.

    python benchmarks/annotator.py --davis DAVIS --scenes 6

Every clip is tracked with nano from the masks of its first frame.  Then the annotator corrects
one object on one frame after the other, always with its true mask, or by saying where it is
absent; the run tracks the span again.  The frame is chosen by one of three policies: `risk`,
the riskiest mask, where an object that was corrected n times has its risk divided by n + 1, as
in the review queue; `even`, the objects in turn and frames that halve the longest stretch;
`random`.  The table has J&F after 0, 1, 2, 4 and 8 corrections of a clip, the first frame not
counted, and how many frames were tracked for them.  DAVIS clips are halved in size, and every
second frame is left out: what is compared are policies, not clips.
"""

import argparse
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from benchmarks.risk_clips import TrueClip, davis_clips, scenes
from benchmarks.shared import Table, run
from vseg import load_model, open_run
from vseg.analysis.risk import risks
from vseg.config import TrackConfig
from vseg.interfaces.model import Model
from vseg.metrics.jf import score_frame
from vseg.pipelines.correction_settings import CorrectionSettings
from vseg.pipelines.job import TrackJob
from vseg.pipelines.run_edit import RunEdit
from vseg.pipelines.track import track
from vseg.types import Mask, Prompt, Timecode

STEPS = (1, 2, 4, 8)
Choice = tuple[int, int]
"""An object and a frame."""
Policy = Callable[[Path, TrueClip, set[Choice]], Choice]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: J&F in percent after so many corrections; frames tracked."""

    clip: str
    policy: str
    tracked: int
    before: float
    after_1: float
    after_2: float
    after_4: float
    after_8: float


def main() -> None:
    options = _options()
    model = load_model("nano", short_side=options.short_side)
    table = Table(Row)
    rows: list[Row] = []
    davis = (_smaller(clip) for root in options.davis for clip in davis_clips(root, "davis"))
    for clip in chain(davis, scenes(options.scenes, "scenes")):
        if not clip.ids:
            continue
        with tempfile.TemporaryDirectory() as folder:
            for row in _corrected_clip(model, clip, Path(folder), options.short_side):
                rows.append(row)
                table.add(row)
    for policy in POLICIES:
        table.add(_mean([row for row in rows if row.policy == policy]))
    table.write(options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--davis", type=Path, nargs="*", default=[], help="DAVIS folders")
    parser.add_argument("--scenes", type=int, default=6)
    parser.add_argument("--short-side", type=int, default=240)
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    return parser.parse_args()


def _smaller(clip: TrueClip) -> TrueClip:
    """Every second frame, at half the size."""
    frames = []
    truths = []
    for index, (frame, truth) in enumerate(
        zip(clip.frames[::2], clip.truths[::2], strict=True)
    ):
        height, width = truth.shape
        half = (width // 2, height // 2)
        image = cv2.resize(frame.image, half, interpolation=cv2.INTER_AREA)
        frames.append(replace(frame, index=index, image=image))
        truths.append(np.asarray(cv2.resize(truth, half, interpolation=cv2.INTER_NEAREST)))
    return TrueClip(clip.name, clip.kind, frames, truths)


def _corrected_clip(
    model: Model, clip: TrueClip, folder: Path, short_side: int
) -> Iterator[Row]:
    """A row for every policy, all from one tracked run."""
    source = folder / clip.name
    source.mkdir()
    for frame in clip.frames:
        Image.fromarray(frame.image).save(source / f"{frame.index:05d}.png")
    config = TrackConfig(short_side=short_side, preview=False)
    first = [Prompt(i, Timecode(frame=0), Mask(clip.truths[0] == i)) for i in clip.ids]
    track(TrackJob(str(source), folder / "tracked", tuple(first), config), model=model)
    for name, policy in POLICIES.items():
        copy = folder / name
        shutil.copytree(folder / "tracked", copy)
        yield _by_policy(model, clip, copy, name, policy)


def _by_policy(model: Model, clip: TrueClip, path: Path, name: str, policy: Policy) -> Row:
    scores = {0: _score(path, clip)}
    done = {(obj, 0) for obj in clip.ids}
    tracked = 0
    for count in range(1, max(STEPS) + 1):
        obj, frame = policy(path, clip, done)
        tracked += _correct(model, clip, path, obj, frame)
        done.add((obj, frame))
        if count in STEPS:
            scores[count] = _score(path, clip)
    return Row(clip.name, name, tracked, *(scores[step] for step in (0, *STEPS)))


def _correct(model: Model, clip: TrueClip, path: Path, obj: int, frame: int) -> int:
    """Correct one object on one frame by its truth; how many frames were tracked."""
    visible = np.array([bool((truth == obj).any()) for truth in clip.truths])
    with RunEdit(path, CorrectionSettings(model=model)) as edit:
        if visible[frame]:
            edit.prompt(obj, frame, [Mask(clip.truths[frame] == obj)])
        else:
            before = np.flatnonzero(visible[:frame])
            behind = np.flatnonzero(visible[frame:])
            begin = int(before[-1]) + 1 if len(before) else 0
            end = frame + int(behind[0]) if len(behind) else len(visible)
            edit.absent(obj, begin, end)
    return 0 if edit.revision is None else edit.revision.frames


def _score(path: Path, clip: TrueClip) -> float:
    """J&F in percent over all objects and all frames but the first."""
    scores = [
        np.mean(score_frame(masks[obj], clip.truths[masks.frame_index] == obj))
        for masks in open_run(path)
        for obj in clip.ids
        if masks.frame_index > 0
    ]
    return 100 * float(np.mean(scores))


def _riskiest(path: Path, clip: TrueClip, done: set[Choice]) -> Choice:
    counts = Counter(obj for obj, _ in done)  # with the first frame
    ranked = [
        (mask.risk / counts[mask.object_id], mask.object_id, frame.frame_index)
        for frame in risks(open_run(path))
        for mask in frame.objects
        if (mask.object_id, frame.frame_index) not in done
    ]
    _, obj, frame = max(ranked)
    return obj, frame


def _even(path: Path, clip: TrueClip, done: set[Choice]) -> Choice:
    """The objects in turn, each in the middle of its longest stretch without a correction."""
    counts = {obj: sum(other == obj for other, _ in done) for obj in clip.ids}
    obj = min(clip.ids, key=lambda each: counts[each])
    ends = sorted({frame for other, frame in done if other == obj} | {len(clip.frames)})
    begin, end = max(pairwise(ends), key=lambda pair: pair[1] - pair[0])
    return obj, (begin + end) // 2


def _random(path: Path, clip: TrueClip, done: set[Choice]) -> Choice:
    rng = np.random.default_rng(len(done))
    left = [
        (obj, frame)
        for obj in clip.ids
        for frame in range(1, len(clip.frames))
        if (obj, frame) not in done
    ]
    return left[int(rng.integers(len(left)))]


POLICIES: dict[str, Policy] = {"risk": _riskiest, "even": _even, "random": _random}


def _mean(rows: list[Row]) -> Row:
    names = ("before", "after_1", "after_2", "after_4", "after_8")
    means = [float(np.mean([getattr(row, name) for row in rows])) for name in names]
    tracked = round(np.mean([row.tracked for row in rows]))
    return Row("MEAN", rows[0].policy, tracked, *means)


if __name__ == "__main__":
    run(main)
