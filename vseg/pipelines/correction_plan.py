"""How far the prompts of a correction may reach in a run.

Enters: a draft of its next revision, and prompts.  Leaves: the stretches that may be tracked.
"""

from collections.abc import Sequence

from vseg.pipelines.correction_gaps import Gap, gaps_of
from vseg.pipelines.propagation_settings import Reach
from vseg.results.draft import RevisionDraft
from vseg.results.lives import object_lives
from vseg.types import Prompt


def plan(draft: RevisionDraft, prompts: Sequence[Prompt], reach: Reach) -> tuple[Gap, ...]:
    """The stretches that prompts may change, at most; the draft takes the prompts' frames as
    anchors.
    """
    placed = {(p.frame_index, p.object_id) for p in prompts if p.object_id is not None}
    ids = {obj for _, obj in placed} - reach.unending
    lives = object_lives(draft.folder, draft.index.shards, ids, visible=False)
    extent = draft.index.extent or (0, -1)
    return gaps_of(draft.content.spans, placed, lives, extent, reach)
