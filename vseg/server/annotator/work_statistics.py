"""How much work went into a clip, from its journal."""

from collections.abc import Iterable
from itertools import pairwise

from vseg.results.spans import ObjectSpans, SpanState
from vseg.server.annotator.begun_revision import PROPAGATION
from vseg.server.annotator.journal import AnyEntry, Begun, Ended, Prompted, Styled, Undone
from vseg.server.annotator.messages import StatisticsAnswer
from vseg.server.annotator.project import Project

PAUSE_S = 60.0
"""A longer time between two commands is a pause, not work."""


def work_statistics(project: Project, re: int) -> StatisticsAnswer:
    """The numbers; undone work is work."""
    with project.lock:
        entries = project.journal.read()
        spans = project.run.spans
        objects = len(project.known_ids)
    accepted = _lengths(spans, SpanState.ACCEPTED)
    corrected = _lengths(spans, SpanState.CORRECTED)
    prompts = [entry for entry in entries if isinstance(entry, Prompted)]
    begun = [entry for entry in entries if isinstance(entry, Begun)]
    tracked = [entry for entry in begun if entry.consumes and entry.title == PROPAGATION]
    return StatisticsAnswer(
        re=re,
        prompts=len(prompts),
        points=sum(len(p.prompt["xy"]) for p in prompts if p.prompt["kind"] == "points"),
        edits=len(begun) - len(tracked) + sum(isinstance(entry, Styled) for entry in entries),
        propagations=len(tracked),
        undone=sum(isinstance(entry, Undone) for entry in entries),
        frames_tracked=sum(e.frames for e in entries if isinstance(e, Ended)),
        seconds=round(_worked(entries), 1),
        objects=objects,
        accepted_spans=len(accepted),
        accepted_frames=sum(accepted),
        corrected_spans=len(corrected),
        corrected_frames=sum(corrected),
    )


def _worked(entries: Iterable[AnyEntry]) -> float:
    gaps = [later.at - earlier.at for earlier, later in pairwise(entries)]
    return float(sum(gap for gap in gaps if 0 <= gap <= PAUSE_S))


def _lengths(spans: Iterable[ObjectSpans], state: SpanState) -> list[int]:
    """How many frames the spans of a state hold."""
    return [span.end - span.first for own in spans for span in own.of_state(state)]
