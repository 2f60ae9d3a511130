"""What went wrong in a finished run without an error: warnings that say which, why, and what
to type.

Enters: the files of a run whose frames are all written.  Leaves: warnings, which run.json
keeps.  They are read from what is stored, so a run that was resumed has the same ones; read
are the prompts, the events, and the shards of prompted frames, one at a time.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from vseg.results.events import read_events
from vseg.results.frame_index import FrameIndex
from vseg.results.mask_rows import MaskRow
from vseg.results.prompts import read_prompts
from vseg.results.records import RunHeader, RunWarning, StoredObject
from vseg.results.shards import read_shard
from vseg.types import Box, Prompt, TrackEvent

EARLY_FRAMES = 5
"""An object that is gone for good before so many frames after its prompt was held by hardly
more than the prompt: nano first remembers a tracked frame after at most 5 (`memory.stride`).
That it has really left is rare: of 7432 boxes of KITTI and TUD-Campus, 9 % are of objects of
which there is none 5 frames later.
"""
HELD_SIDE = 16
"""Pixels of the shorter side of its box, at the size at which nano works, from which on an
object is held: of discs of 7 to 25 pixels on a textured background, at several short sides, 55
of 56 with at least 16 pixels there over 5 frames, 15 of 28 with 13 to 14.5, none of 28 with
less than 11.
"""
LARGEST_SHORT_SIDE = 1536
"""What the settings allow."""
DETECTIONS = "detections"
"""What an event of a whole file of detections is called."""


def ending_warnings(
    root: Path, header: RunHeader, objects: Sequence[StoredObject]
) -> tuple[RunWarning, ...]:
    """The warnings of a run whose frames are written and joined.  Raises BadRun."""
    index = FrameIndex(root, header)
    prompts: dict[int, list[Prompt]] = {}
    for prompt in read_prompts(root):
        if prompt.object_id is not None:
            prompts.setdefault(prompt.object_id, []).append(prompt)
    rows = _prompted_rows(root, header, index, prompts)
    stored = {one.id: one for one in objects}
    found = [_below_threshold(e) for e in read_events(root) if e.kind == "not_found"]
    for object_id in sorted(prompts):
        history = _History(
            header, index.extent, stored.get(object_id), prompts[object_id], rows
        )
        found += history.warnings()
    if not found and all(one.first_frame is None for one in objects):
        found.append(_nothing_tracked(header))
    return tuple(found)


class _History:
    """One prompted object: where it was prompted and seen, and the warnings about that.

    extent: first and last frame of the run, None without any.  rows: of the objects on the
    frames on which they were prompted.
    """

    def __init__(
        self,
        header: RunHeader,
        extent: tuple[int, int] | None,
        stored: StoredObject | None,
        prompts: Sequence[Prompt],
        rows: Mapping[tuple[int, int], MaskRow],
    ) -> None:
        self._header = header
        self._extent = extent
        self._stored = stored
        self._prompts = sorted(prompts, key=lambda prompt: prompt.frame_index)
        self._object_id = self._prompts[0].object_id or 0
        self._rows = {
            frame: row for (own, frame), row in rows.items() if own == self._object_id
        }

    def warnings(self) -> Iterator[RunWarning]:
        """At most one for every way in which it was lost."""
        stored = self._stored
        if stored is None:
            yield self._never_reached()
        elif stored.first_frame is None or stored.last_frame is None:
            yield self._never_visible()
        else:
            yield from self._empty_prompts()
            yield from self._lost_early(stored.first_frame, stored.last_frame)

    def _never_reached(self) -> RunWarning:
        frame = self._prompts[0].frame_index
        ended = f"the run ends at frame {self._extent[1]}" if self._extent else "it is empty"
        return self._warning(
            "never_reached",
            frame,
            f"was never tracked: its first prompt is on frame {frame}, and {ended}",
            "prompt on a frame that can be read; `vseg probe` tells where a clip is damaged",
        )

    def _never_visible(self) -> RunWarning:
        frame = self._prompts[0].frame_index
        return self._warning(
            "never_visible",
            frame,
            f"was never visible: {self._prompted_by(frame)} on frame {frame} drew nothing, "
            "and nothing was found later",
            self._remedy(frame),
        )

    def _empty_prompts(self) -> Iterator[RunWarning]:
        empty = sorted(frame for frame, row in self._rows.items() if row.area == 0)
        if not empty:
            return
        frame = empty[0]
        more = f" (also on {len(empty) - 1} more frames)" if len(empty) > 1 else ""
        yield self._warning(
            "empty_prompt",
            frame,
            f"is not visible on frame {frame}, where it was prompted: "
            f"{self._prompted_by(frame)} drew nothing{more}",
            self._remedy(frame),
        )

    def _lost_early(self, first_seen: int, last_seen: int) -> Iterator[RunWarning]:
        """Lost for good forward of the last prompt before, or backward of the next one.

        Of a few frames after the loss nothing can be said: an object may be hidden for as long
        as it was held.
        """
        if self._extent is None:
            return
        direction = self._header.options.get("direction")
        frames = [prompt.frame_index for prompt in self._prompts]
        if direction != "backward":
            before = max((frame for frame in frames if frame <= last_seen), default=last_seen)
            yield from self._if_early(before, last_seen, self._extent[1])
        if direction in ("backward", "both") and first_seen <= frames[-1]:
            after = min(frame for frame in frames if frame >= first_seen)
            yield from self._if_early(after, first_seen, self._extent[0])

    def _if_early(self, prompted: int, seen: int, end: int) -> Iterator[RunWarning]:
        held = abs(seen - prompted)
        gone = abs(end - seen)
        if held >= EARLY_FRAMES or gone <= held:
            return
        way = 1 if end > seen else -1
        kept = f"after {held + 1} frames" if held else "at once"
        yield self._warning(
            "lost_early",
            seen + way,
            f"was lost {kept}: prompted on frame {prompted}, it is not visible from frame "
            f"{seen + way} on to the end, frame {end}",
            self._remedy(prompted, lost=True),
        )

    def _remedy(self, frame: int, *, lost: bool = False) -> str:
        """What to type: a larger working size for a small object, or another prompt."""
        larger = self._larger_short_side(frame)
        if larger is not None:
            return larger
        if lost:
            return (
                "unless it left or is hidden, prompt it again where it is lost, as in --point "
                f"{self._object_id}@FRAME:x,y, or draw it more exactly with --mask"
            )
        return (
            f"check its place with `vseg frame CLIP {frame} -o frame.png`, and prompt it with "
            "a box, with more points on it, or with --mask"
        )

    def _larger_short_side(self, frame: int) -> str | None:
        """The option that makes an object large enough for nano; None where it is, where it
        is tracked in a crop, or where the model has a size of its own.
        """
        sides = self._sides(frame)
        setting = self._header.options.get("short_side")
        if self._header.model != "nano" or sides is None or not isinstance(setting, int):
            return None
        video = min(self._header.video.height, self._header.video.width)
        side = min(sides)
        cropped = self._crops_below() * video > max(sides) * setting
        if cropped or side * setting >= HELD_SIDE * video:
            return None
        wanted = 16 * math.ceil(HELD_SIDE * video / side / 16)
        return (
            f"{side:g} pixels are {side * setting / video:.1f} at the size at which the model "
            f"works; from {HELD_SIDE} on an object is held: "
            f"--short-side {min(wanted, LARGEST_SHORT_SIDE)}"
        )

    def _crops_below(self) -> int:
        """Pixels of its longer side, at the model's size, below which an object has a crop."""
        options = self._header.options
        most = options.get("crops.most")
        below = options.get("crops.below")
        return below if most and isinstance(below, int) else 0

    def _sides(self, frame: int) -> tuple[float, float] | None:
        """Pixels of the sides of its box on a frame, or else of what was drawn."""
        boxes = [p.value for p in self._at(frame) if isinstance(p.value, Box)]
        if boxes:
            box = boxes[-1]
            return float(box.x2 - box.x1), float(box.y2 - box.y1)
        row = self._rows.get(frame)
        return (float(row.width), float(row.height)) if row is not None and row.area else None

    def _prompted_by(self, frame: int) -> str:
        """The kinds of its prompts on a frame: "its box", "its points and its text"."""
        kinds = dict.fromkeys(type(prompt.value).__name__ for prompt in self._at(frame))
        return " and ".join(f"its {kind.lower()}" for kind in kinds)

    def _at(self, frame: int) -> list[Prompt]:
        return [prompt for prompt in self._prompts if prompt.frame_index == frame]

    def _warning(self, code: str, frame: int, what: str, hint: str) -> RunWarning:
        return RunWarning.model_validate(
            {
                "code": code,
                "object_id": self._object_id,
                "frame": frame,
                "message": f"object {self._object_id} {what}",
                "hint": hint,
            }
        )


def _prompted_rows(
    root: Path,
    header: RunHeader,
    index: FrameIndex,
    prompts: Mapping[int, Sequence[Prompt]],
) -> dict[tuple[int, int], MaskRow]:
    """The rows of objects on the frames on which they were prompted, by object and frame."""
    wanted = {(i, p.frame_index) for i, mine in prompts.items() for p in mine}
    shards: dict[int, set[int]] = {}
    for _, frame in wanted:
        shards.setdefault(header.shard_of(frame), set()).add(frame)
    rows = {}
    for number in sorted(shards.keys() & set(index.shards)):
        shard = read_shard(root, number, index.table(number))
        for frame in sorted(shards[number] & set(shard.frame_numbers.tolist())):
            for row in shard.record(frame).rows:
                if (row.object_id, frame) in wanted:
                    rows[row.object_id, frame] = row
    return rows


def _below_threshold(event: TrackEvent) -> RunWarning:
    """Of a description, or a file of detections, of which nothing reached the threshold."""
    named = event.label or ""
    if named == DETECTIONS and event.score is None:
        return RunWarning(
            code="nothing_tracked",
            message="nothing was tracked: the file of detections holds none",
            hint="check the detector's output and its threshold, or prompt the objects",
        )
    best = event.score or 0.0
    # Rounded down, so that what is typed is reached.
    reached = math.floor(100 * best) / 100
    if named == DETECTIONS:
        what = f"no detection was used: the best score is {best:.2f}"
        hint = f"lower the threshold: --detection-score {reached:g}"
    else:
        what = f"nothing was found for {named}: the best score is {best:.2f}"
        typed = f"--text {named[:-1]}={reached:g}'" if named.startswith("'") else ""
        typed = typed or f"--exemplar IMAGE:REGION={reached:g}"
        hint = f"describe it otherwise, or lower the threshold: {typed}"
    if not reached:
        hint = "describe it otherwise, or point at it: --point x,y or --box x1,y1,x2,y2"
    return RunWarning(
        code="below_threshold",
        frame=event.frame,
        message=f"{what}, the threshold {event.threshold or 0.0:.2f}",
        hint=hint,
    )


def _nothing_tracked(header: RunHeader) -> RunWarning:
    """Of a run without a visible object whose reason no other warning tells."""
    if "detections" in header.options:
        hint = (
            "an object begins once [detections] confirm_hits in a row confirm it: if the "
            "detector ran on few frames, say so with --detector-every N "
            f"({header.video.num_frames} if on one frame only); check too that the file "
            "counts frames as the clip does"
        )
    else:
        hint = "point at an object: --point x,y or --box x1,y1,x2,y2"
    return RunWarning(
        code="nothing_tracked",
        message="nothing was tracked: no object is visible on any frame",
        hint=hint,
    )
