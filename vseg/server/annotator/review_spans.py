"""What to check next: the riskiest spans of a clip, or of all runs that the service has.

Enters: open clips and runs.  Leaves: spans, worst first, without those that were left for
later.  What was read of a run that is not open is kept until its run.json changes.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vseg.analysis.review_queue import RiskySpan, review
from vseg.errors import VsegError
from vseg.results.layout import HEADER
from vseg.results.run import Run
from vseg.server.annotator.journal import Journal
from vseg.server.annotator.lane_store import MOST_SPANS
from vseg.server.annotator.ledger import Ledger, read_ledger
from vseg.server.annotator.messages import RiskSpan
from vseg.server.annotator.open_clip import OpenClip


@dataclass(frozen=True, slots=True)
class _Judged:
    stamp: tuple[int, int]
    spans: tuple[RiskySpan, ...]


class Reviews:
    """runs: all that the service has, by id."""

    def __init__(self, runs: Callable[[], Iterable[tuple[str, Path]]]) -> None:
        self._runs = runs
        self._judged: dict[str, _Judged] = {}

    def spans(
        self, opened: OpenClip, own: Sequence[RiskySpan], everywhere: bool
    ) -> list[RiskSpan]:
        """The spans to check, worst first.  own: those of the clip that is open."""
        found = [(opened.run_id, span) for span in own]
        left = _skipped(opened.run_id, opened.project.ledger)
        for run_id, path in self._runs() if everywhere else ():
            if run_id != opened.run_id:
                found += [(run_id, span) for span in self._of(run_id, path)]
                left |= _skipped(run_id, _ledger_of(path))
        ordered = sorted(found, key=lambda each: each[1].worth, reverse=True)
        return [
            _wire(run_id, span)
            for run_id, span in ordered
            if (run_id, span.object_id, span.first, span.end) not in left
        ]

    def _of(self, run_id: str, path: Path) -> tuple[RiskySpan, ...]:
        """Of a run that is not open; none of one that cannot be read."""
        try:
            status = (path / HEADER).stat()
        except OSError:  # it was removed meanwhile
            return ()
        stamp = (status.st_ino, status.st_mtime_ns)
        held = self._judged.get(run_id)
        if held is None or held.stamp != stamp:
            try:
                run = Run(path)
                spans = review([run], top=MOST_SPANS).spans if run.header.finished else ()
            except VsegError:
                spans = ()
            held = _Judged(stamp, spans)
            self._judged[run_id] = held
        return held.spans


def _ledger_of(path: Path) -> Ledger:
    """Of a run that is not open; an empty one where its journal cannot be read."""
    try:
        return read_ledger(Journal(path))
    except VsegError:
        return Ledger()


def _skipped(run_id: str, ledger: Ledger) -> set[tuple[str, int, int, int]]:
    return {(run_id, *span) for span in ledger.skipped()}


def _wire(run_id: str, span: RiskySpan) -> RiskSpan:
    return RiskSpan(
        run=run_id,
        object=span.object_id,
        label=span.label,
        first=span.first,
        end=span.end,
        worst_frame=span.worst_frame,
        risk=round(span.risk, 4),
        reasons=list(span.reasons),
        point=span.point,
    )
