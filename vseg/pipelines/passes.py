"""The passes of a job: stretches of frames that are tracked one after another in one
direction.

Enters: the frames asked for, the prompts, the direction.  Leaves: passes.  Forward and
backward are one pass each.  Both are two: backward from the first prompts of all objects, then
forward, each with a memory of its own, so that the forward half is what forward alone gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vseg.config import DirectionName
from vseg.errors import UsageError
from vseg.pipelines.job import TrackJob
from vseg.prompts.check import check_agreement, check_begins
from vseg.results.records import Progress
from vseg.types import Prompt, PromptValue


@dataclass(frozen=True, slots=True)
class Pass:
    """Frames `first`, the next one in its direction, ... up to `stop`, exclusive.

    start: where the pass began, before it was resumed at `first`.  joins: the last frame that
    may hold masks of an earlier pass, whose objects are kept there; -1 if there is none.
    last: the frame behind which nothing is tracked, None for all; what lies behind it is read,
    to tell which frames before it are damaged.
    """

    start: int
    first: int
    stop: int
    prompts: tuple[Prompt, ...]
    reverse: bool = False
    joins: int = -1
    last: int | None = None

    def behind(self, index: int, frame: int) -> bool:
        """Whether this pass comes to `index` before it comes to `frame`."""
        return index > frame if self.reverse else index < frame


def passes_of(
    frame_range: tuple[int, int], prompts: tuple[Prompt, ...], direction: DirectionName
) -> tuple[Pass, ...]:
    """The passes over the frames [first, stop), in the order in which they are tracked."""
    first, stop = frame_range
    forward = Pass(first, first, stop, prompts)
    if direction == "forward":
        return (forward,)
    if direction == "backward":
        last = max(prompt.frame_index for prompt in prompts)
        return (Pass(last, last, first - 1, prompts, reverse=True),)
    starts = _first_prompts(prompts)
    latest = max(prompt.frame_index for prompt in starts)
    if latest == first:  # nothing lies before it
        return (forward,)
    earliest = min(prompt.frame_index for prompt in starts)
    return (
        Pass(latest, latest, first - 1, starts, reverse=True),
        Pass(earliest, earliest, stop, prompts, joins=latest),
    )


def resumed(passes: Sequence[Pass], progress: Progress | None) -> tuple[Pass, ...]:
    """The passes that are left after the last commit, the first of them from where it ended;
    all of them without a commit.
    """
    if progress is None:
        return tuple(passes)
    left = [one for one in passes if one.reverse == progress.reverse or not one.reverse]
    step = -1 if progress.reverse else 1
    return (replace(left[0], first=progress.last_frame + step), *left[1:])


def again(
    passes: Sequence[Pass], progress: Progress, lost: tuple[int, int] | None, *, state: bool
) -> tuple[Pass, ...]:
    """The passes that made what was committed, up to the last of the lost frames.

    lost: the first and the last of them, None if all are there.  state: whether the
    session after the last commit is wanted too.
    """
    current = 0
    while not progress.tracked and passes[current].reverse != progress.reverse:
        current += 1
    begun = passes if progress.tracked else passes[: current + 1]
    chosen = []
    for one in begun:
        if state and one is begun[-1]:
            chosen.append(replace(one, last=progress.last_frame))
        elif lost is not None:
            last = lost[0] if one.reverse else lost[1]
            if last == one.start or one.behind(one.start, last):
                chosen.append(replace(one, last=last))
    return tuple(chosen)


def frames_done(one: Pass, index: int, first: int) -> int:
    """How many frames have been tracked, every frame counted once, when a pass has come to
    `index`.  first: of the frames asked for.
    """
    if one.reverse:
        return one.start - index + 1
    return max(index, one.joins) + 1 - first


def frames_in_all(passes: Sequence[Pass]) -> int:
    """How many different frames the passes come to.  Passes lie next to each other."""
    low = min(one.stop + 1 if one.reverse else one.start for one in passes)
    high = max(one.start + 1 if one.reverse else one.stop for one in passes)
    return high - low


def _first_prompts(prompts: Sequence[Prompt]) -> tuple[Prompt, ...]:
    """The prompts of every object on the first frame on which it has one."""
    first: dict[int | None, int] = {}
    for prompt in prompts:
        index = first.get(prompt.object_id, prompt.frame_index)
        first[prompt.object_id] = min(index, prompt.frame_index)
    return tuple(p for p in prompts if p.frame_index == first[p.object_id])


def check_direction(job: TrackJob) -> None:
    """Raise UsageError for what is done forward only."""
    direction = job.config.direction
    if direction == "forward":
        return
    steered = {
        "--detections": job.detections is not None,
        "--auto": job.everything,
        "descriptions of every instance": any(p.object_id is None for p in job.prompts),
        "--stop-at-damage": job.config.stop_at_damage,
    }
    for what, given in steered.items():
        if given:
            raise UsageError(
                f"--direction {direction} was given beside {what}, which goes forward only",
                hint="leave --direction out, or prompt single objects, as in --box 1:x1,y1,x2,"
                "y2 or --text 1:dog",
            )


def check_marks(prompts: Sequence[Prompt], direction: DirectionName) -> None:
    """Raise BadPrompt for an object whose first prompts, in the direction of tracking, say
    only what it is not, or whose clicks contradict each other.
    """
    later = direction == "backward"
    by_place: dict[tuple[int, int], list[PromptValue]] = {}
    for prompt in sorted(prompts, key=lambda prompt: prompt.frame_index, reverse=later):
        if prompt.object_id is not None:
            place = prompt.object_id, prompt.frame_index
            by_place.setdefault(place, []).append(prompt.value)
    begun: set[int] = set()
    for (object_id, frame_index), values in by_place.items():
        where = f"object {object_id} on frame {frame_index}"
        check_agreement(values, where)
        if object_id not in begun:
            check_begins(values, where)
        begun.add(object_id)


def untracked_notes(
    prompts: Sequence[Prompt], frame_range: tuple[int, int], direction: DirectionName
) -> tuple[str, ...]:
    """A sentence on the frames that lie on the other side of the prompts, where the direction
    leaves any out.
    """
    placed = [prompt.frame_index for prompt in prompts if prompt.object_id is not None]
    first, stop = frame_range
    if not placed or direction == "both":
        return ()
    if direction == "forward":
        side = "before the first prompt"
        low = first
        high = min(placed) - 1
    else:
        side = "after the last prompt"
        low = max(placed) + 1
        high = stop - 1
    if low > high:
        return ()
    return (
        f"nothing is tracked {side}, on frames {low} to {high}: --direction both tracks there",
    )
