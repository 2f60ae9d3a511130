"""What a correction costs and what it leaves alone, in clips of several lengths; and kills.

    python benchmarks/corrections.py --frames 500 1000 2000 --kills 20

For each length one object of a synthetic clip is tracked, given a wrong mask on 60 frames in
the middle, and corrected there by its true mask on one frame.  Compared are the bytes of all
rows before and after.  Then `vseg correct` is started again and again and killed at a random
moment; each time the run is read whole.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.shared import Table
from vseg import open_run
from vseg.config import TrackConfig
from vseg.ops.codec import encode_mask
from vseg.ops.masks import mask_iou
from vseg.pipelines.job import TrackJob
from vseg.pipelines.run_edit import RunEdit
from vseg.pipelines.track import track
from vseg.results import MaskRow
from vseg.results.draft import RevisionDraft
from vseg.results.layout import read_header
from vseg.results.mask_rows import FrameRecord
from vseg.results.revision_chain import go_to
from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip
from vseg.types import Mask, MaskCrop, Prompt, Timecode

WRONG_FRAMES = 60
OBJECT = 1


@dataclass(frozen=True, slots=True)
class CorrectionRow:
    """One length.  span: frames whose rows changed; elsewhere: rows of other frames and objects
    that changed.  whole_s: all of `run.edit()`; track_s: of the tracking alone; again_s: the
    command as a whole again.  j_before, j_after: of the object, over the wrong frames.
    """

    frames: int
    span: int
    elsewhere: int
    tracked: int
    track_s: float
    whole_s: float
    again_s: float
    j_before: float
    j_after: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, nargs="+", default=[500, 1000, 2000])
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--short-side", type=int, default=96)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    table = Table(CorrectionRow)
    with tempfile.TemporaryDirectory() as folder:
        for frames in options.frames:
            place = Path(folder) / str(frames)
            table.add(_measured(place, frames, options.short_side))
        if options.kills:
            _kill(place / "run", _scene(frames), options.kills)
    table.write(options.json)


def _scene(frames: int) -> SyntheticVideo:
    return SyntheticVideo(
        SceneConfig(
            96,
            160,
            frames,
            seed=8,
            num_objects=2,
            occluders=0,
            camera_motion=0.0,
            size=0.9,
            speed=0.5,
            lighting=0.3,
        )
    )


def _middle(run: Path, scene: SyntheticVideo) -> int:
    """The frame nearest to the middle on which the object is tracked well."""
    opened = open_run(run, 0)
    half = len(scene) // 2
    near = sorted(range(half // 2, half + half // 2), key=lambda f: abs(f - half))
    return next(
        f for f in near if mask_iou(opened[f][OBJECT], scene.truth(f) == OBJECT) > 0.85
    )


def _measured(place: Path, frames: int, short_side: int) -> CorrectionRow:
    place.mkdir()
    scene = _scene(frames)
    write_clip(scene, place / "clip.mp4")
    run = place / "run"
    prompts = tuple(Prompt(i, Timecode(frame=0), Mask(scene.truth(0) == i)) for i in (1, 2))
    settings = TrackConfig(short_side=short_side, preview=False, shard_frames=128)
    began = time.perf_counter()
    track(TrackJob(str(place / "clip.mp4"), run, prompts, settings))
    again_s = time.perf_counter() - began
    middle = _middle(run, scene)
    first = middle - WRONG_FRAMES // 2
    _spoil(run, first, first + WRONG_FRAMES)
    before = _rows(run)
    began = time.perf_counter()
    with open_run(run).edit() as edit:
        edit.prompt(OBJECT, middle, mask=scene.truth(middle) == OBJECT)
    whole_s = time.perf_counter() - began
    after = _rows(run)
    changed = {
        key for key in before.keys() | after.keys() if before.get(key) != after.get(key)
    }
    assert edit.revision is not None
    spans = edit.revision.spans[OBJECT]
    inside = {(OBJECT, f) for a, b in spans for f in range(a, b)}
    wrong = range(first, first + WRONG_FRAMES)
    return CorrectionRow(
        frames,
        len(inside),
        len(changed - inside),
        edit.revision.frames,
        round(edit.revision.seconds, 2),
        round(whole_s, 2),
        round(again_s, 1),
        round(_mean_j(run, scene, wrong, edit.revision.parent), 3),
        round(_mean_j(run, scene, wrong, None), 3),
    )


def _spoil(run: Path, first: int, end: int) -> None:
    """Put a mask in a corner in place of the object's on frames [first, end)."""
    header = read_header(run)
    mask = np.zeros((header.video.height, header.video.width), dtype=bool)
    mask[-16:-1, 2:22] = True
    crop = MaskCrop.of(mask)
    x, y, width, height = crop.xywh

    def off(row: MaskRow) -> MaskRow:
        place = replace(row, x=x, y=y, width=width, height=height, visible=True)
        return replace(place, payload=encode_mask(crop), area=crop.area)

    def spoilt(record: FrameRecord) -> list[MaskRow]:
        return [off(row) if row.object_id == OBJECT else row for row in record.rows]

    draft = RevisionDraft(run)
    draft.rewrite(first, end, spoilt)
    draft.commit(["--spoilt"])


def _rows(run: Path) -> dict[tuple[int, int], MaskRow]:
    opened = open_run(run)
    return {(i, row.frame): row for i in opened.object_ids for row in opened.track(i)}


def _mean_j(run: Path, scene: SyntheticVideo, frames: range, revision: int | None) -> float:
    opened = open_run(run, revision)
    return float(
        np.mean([mask_iou(opened[f][OBJECT], scene.truth(f) == OBJECT) for f in frames])
    )


def _kill(run: Path, scene: SyntheticVideo, kills: int) -> None:
    """Start `vseg correct` and kill it at a random moment, again and again."""
    go_to(run, 1)
    frames = len(scene)
    middle = _middle(run, scene)
    box = MaskCrop.of(scene.truth(middle) == OBJECT).xyxy
    words = ["correct", str(run), "--box", f"1@{middle}:{','.join(map(str, box))}"]
    # Object 2 was prompted on frame 0, which no absence may cover.
    command = [sys.executable, "-m", "vseg", *words, "--absent", f"2@1:{frames // 4}"]
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    whole_s = time.perf_counter() - began
    whole = _rows(run)
    go_to(run, 1)
    old = _rows(run)
    draw = random.Random(0)
    ended = {"before": 0, "after": 0}
    for _ in range(kills):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(draw.uniform(0.3, 1.05) * whole_s)
        process.kill()
        process.communicate()
        done = read_header(run).revision != 1
        if _rows(run) != (whole if done else old):
            raise SystemExit(f"the run is broken after a kill: {run}")
        ended["after" if done else "before"] += 1
        go_to(run, 1)
    with RunEdit(run) as edit:
        edit.rename(1, "still editable")
    print(f"{kills} kills in {whole_s:.1f} s each: {ended}, never a broken run")


if __name__ == "__main__":
    main()
