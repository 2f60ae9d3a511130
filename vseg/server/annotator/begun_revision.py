"""What became of a revision that the journal says was begun.

Enters: the entry, and the run.  Leaves: the entry that ends it, by what the run holds: that is
the same whether the process that began it lives on or was killed.
"""

from collections.abc import Iterable

from vseg.results.layout import content_root
from vseg.results.prompts import read_prompts
from vseg.results.run import Run
from vseg.server.annotator.journal import Begun, Ended
from vseg.server.annotator.ledger import Ledger, PendingPrompt

PROPAGATION = "propagation"
"""The title of the revisions that pending prompts become part of."""


def finish_begun(begun: Begun, ledger: Ledger, run: Run) -> Ended:
    """The end of a revision whose process was killed."""
    if run.revision != begun.revision:
        return Ended(revision=None)
    consumed = [p for p in ledger.pending if p.number in begun.consumes]
    left = prompts_left(consumed, run)
    # Where it was cut is not known: to go on beyond does no harm.
    return Ended(
        revision=run.revision,
        left=tuple(p.number for p in left) if begun.title == PROPAGATION else (),
        unending=tuple(sorted({p.place[0] for p in consumed})),
    )


def prompts_left(consumed: Iterable[PendingPrompt], run: Run) -> list[PendingPrompt]:
    """Those of the prompts that the current revision has not taken in."""
    parent = next(r.parent for r in run.header.revisions if r.number == run.revision)
    before = len(read_prompts(content_root(run.path, run.header, parent)))
    taken = {(p.object_id, p.frame_index) for p in run.prompts[before:]}
    return [p for p in consumed if p.place not in taken]
