"""The prompts of a correction, frame by frame: whose turn has come, and what of the spans is
taken back where the propagation ends before all had theirs.

Enters: a draft and prompts.  Leaves: the prompts by frame, and the draft's spans as if those
without a turn had not been given.
"""

from collections.abc import Iterable, Sequence

from vseg.pipelines.correction_gaps import opened_for
from vseg.results.draft import RevisionDraft
from vseg.results.spans import SpanState
from vseg.types import Prompt, PromptValue


class PromptTurns:
    """frames: the prompts by frame and object.  pending: (frame, object) still to come.
    tracked: by object, the frames [first, end) that were tracked again.
    """

    def __init__(self, draft: RevisionDraft, prompts: Sequence[Prompt]) -> None:
        """To be made before the spans take the prompts' frames as anchors."""
        self._draft = draft
        self._prompts = prompts
        self._before = dict(draft.content.spans)
        self.tracked: dict[int, list[tuple[int, int]]] = {}
        self._done: list[tuple[int, int]] = []
        self.frames: dict[int, dict[int, list[PromptValue]]] = {}
        for prompt in prompts:
            if prompt.object_id is not None:
                of_frame = self.frames.setdefault(prompt.frame_index, {})
                of_frame.setdefault(prompt.object_id, []).append(prompt.value)
        self.pending = {(frame, obj) for frame, own in self.frames.items() for obj in own}

    def finish(self, frame: int, objects: Iterable[int]) -> None:
        """Note that the prompts of these objects on a frame were decoded."""
        done = [(frame, obj) for obj in objects]
        self._done += done
        self.pending.difference_update(done)

    def mark(self, obj: int, first: int, end: int) -> None:
        """Note in the spans that an object was tracked again on frames [first, end)."""
        spans = self._draft.content.spans[obj]
        self._draft.content.spans[obj] = spans.marked(first, end, SpanState.CORRECTED)
        self.tracked.setdefault(obj, []).append((first, end))

    def close(self) -> set[int]:
        """Give the draft the prompts that had their turn, and take back what the others did to
        the spans; the objects of the others.
        """
        left = {obj for _, obj in self.pending}
        for obj in left:
            spans = self._before[obj]
            for frame in sorted(frame for frame, one in self._done if one == obj):
                spans = opened_for(spans, frame).anchored(frame)
            for first, end in self.tracked.get(obj, ()):
                spans = spans.marked(first, end, SpanState.CORRECTED)
            self._draft.content.spans[obj] = spans
        self._draft.content.prompts += [p for p in self._prompts if self.had_turn(p)]
        return left

    def had_turn(self, prompt: Prompt) -> bool:
        """Whether the prompt was decoded."""
        return (prompt.frame_index, prompt.object_id) not in self.pending
