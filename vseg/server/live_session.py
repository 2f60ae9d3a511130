"""A session in memory: prompted and propagated in turns of the worker.

Enters: prompts and what to propagate.  Leaves: masks as values.  Everything here is called in
a turn of the worker, so that one session is never used by two threads.
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from vseg.client.values import FrameAnswer, ObjectMask, PropagateRequest, Resumption
from vseg.errors import BadPrompt, UsageError
from vseg.frame_masks import FrameMasks
from vseg.interfaces.reader import OpenReader
from vseg.session.session import Session
from vseg.types import Prompt

SENT_FRAMES = 256
"""As many as are on their way to a client that reads slowly, with masks of a few hundred
bytes: 64 KiB wait here, the rest in the buffers of the connection.
"""


def newest(answers: Iterable[FrameAnswer] = ()) -> deque[FrameAnswer]:
    """The last answers that were sent; older ones make room."""
    return deque(answers, SENT_FRAMES)


@dataclass(slots=True)
class LiveSession:
    """A session with its reader.  used: when it was last needed.  masks: of the propagation in
    progress, and plan: what is left of it.  sent: its last answers; again: those of them that
    did not arrive, and come before the rest.
    """

    session: Session
    reader: OpenReader
    used: float = field(default_factory=time.monotonic)
    masks: Iterator[FrameMasks] | None = None
    plan: Resumption | None = None
    sent: deque[FrameAnswer] = field(default_factory=newest)
    again: deque[FrameAnswer] = field(default_factory=deque)

    def prompt(self, prompts: Sequence[Prompt]) -> list[FrameAnswer]:
        """The masks of the prompted objects on the prompted frames.  Raises BadPrompt."""
        frames: dict[int, FrameMasks] = {}

        def place(prompt: Prompt) -> tuple[int, int]:
            if prompt.object_id is None:
                raise BadPrompt(
                    "a prompt of a session names its object",
                    hint="give each an object; a job tracks every instance of a text",
                )
            return prompt.frame_index, prompt.object_id

        for (frame, obj), group in groupby(sorted(prompts, key=place), key=place):
            if frame >= len(self.reader):
                raise BadPrompt(
                    f"frame {frame} is past the end",
                    hint=f"the video has frames 0 to {len(self.reader) - 1}",
                )
            masks = self.session.prompt(obj, frame, [prompt.value for prompt in group])
            frames[frame] = masks if frame not in frames else frames[frame].with_others(masks)
        return [answer_of(masks) for _, masks in sorted(frames.items())]

    def begin(
        self, request: PropagateRequest, unfinished: Resumption | None, *, prompted: bool
    ) -> None:
        """Begin a propagation.  prompted: it began at the prompts.  Raises BadPrompt and
        UsageError.
        """
        again = self._not_arrived(request.after) if request.resume else deque[FrameAnswer]()
        plan = unfinished if request.resume else self._plan(request)
        if plan is None and not again:
            raise UsageError("there is nothing to resume", hint="leave resume out")
        self.masks = iter(()) if plan is None else self._planned(plan, prompted)
        self.plan = plan
        self.again = again
        if not request.resume:
            self.sent.clear()

    def _planned(self, plan: Resumption, prompted: bool) -> Iterator[FrameMasks]:
        """The masks of a plan.  Raises BadPrompt for frames that the video has not."""
        end = -1 if plan.reverse else len(self.reader)
        until = end if plan.until is None else plan.until
        if not -1 <= until <= len(self.reader) or not 0 <= plan.next_frame < len(self.reader):
            raise BadPrompt(
                f"frames {plan.next_frame} to {until} are not all in the video",
                hint=f"it has frames 0 to {len(self.reader) - 1}; until is exclusive",
            )
        go_on = self.session.resume if prompted else self.session.propagate
        return go_on(plan.next_frame, until, reverse=plan.reverse, objects=plan.objects)

    def _not_arrived(self, after: int | None) -> deque[FrameAnswer]:
        """What was sent after a frame.  Raises UsageError if that is not kept any more."""
        if after is None:
            return deque()
        sent = list(self.sent)
        place = next((i for i, one in enumerate(sent) if one.frame == after), None)
        if place is None:
            raise UsageError(
                f"frame {after} is not among the last {SENT_FRAMES} that were sent",
                hint="leave resume out: all frames are computed again",
            )
        return deque(sent[place + 1 :])

    def next(self) -> FrameAnswer | None:
        """The next frame of the propagation; None at its end."""
        assert self.masks is not None
        if self.again:
            return self.again.popleft()
        masks = next(self.masks, None)
        if masks is None:
            self.plan = None
            return None
        assert self.plan is not None
        step = -1 if self.plan.reverse else 1
        following = masks.frame_index + step
        self.plan = self.plan.model_copy(update={"next_frame": following})
        answer = answer_of(masks)
        self.sent.append(answer)
        return answer

    def end(self) -> None:
        """Give the propagation up, or note that it has ended."""
        self.masks = None

    def prompted(self) -> dict[int, list[int]]:
        """The prompted frames of each object."""
        return {i: list(self.session.prompted_frames(i)) for i in self.session.object_ids}

    def close(self) -> None:
        """Free the session and close the clip."""
        self.session.close()
        self.reader.__exit__(None, None, None)

    def _plan(self, request: PropagateRequest) -> Resumption:
        """What `Session.propagate` would do, with every object and the first frame named: so
        it can be gone on with from a snapshot.  Raises BadPrompt.
        """
        chosen, first = self.session.next_pass(
            request.start, reverse=request.reverse, objects=request.objects
        )
        return Resumption(
            next_frame=first,
            until=request.until,
            reverse=request.reverse,
            objects=sorted(chosen),
        )


def answer_of(masks: FrameMasks) -> FrameAnswer:
    """The masks of a frame as they go over the wire."""
    size = masks.height, masks.width
    scores = masks.scores.tolist()
    found = [
        ObjectMask.of(obj, masks.crop(obj), size, round(score, 4))
        for obj, score in zip(masks, scores, strict=True)
    ]
    return FrameAnswer(frame=masks.frame_index, time_s=masks.time_s, masks=found)
