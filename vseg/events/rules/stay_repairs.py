"""What the stays of two ids are once they are known to be one object.

Enters: the stays of both that go on, and those that ended.  Leaves: the one that is left, and
the keys of the events that were wrong.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from vseg.events.rules.stays import EndedStay, Stay


@dataclass(frozen=True, slots=True)
class JoinedStay:
    """stay or ended: what is left.  corrects: the keys of the wrong events."""

    stay: Stay | None = None
    ended: EndedStay | None = None
    corrects: tuple[str, ...] = ()


def joined_stay(stays: Iterable[Stay | None], ended: Iterable[EndedStay | None]) -> JoinedStay:
    """One stay of all that two ids had."""
    going_on = sorted((one for one in stays if one), key=lambda stay: stay.begin)
    over = sorted((one for one in ended if one), key=lambda stay: stay.begin)
    if len(going_on) == 2:
        return _both_inside(*going_on)
    if going_on:
        return _continued(going_on[0], over)
    if len(over) == 2 and not over[0].seen:
        return _one_after_the_other(*over)
    return JoinedStay(ended=over[-1] if over else None)


def _both_inside(first: Stay, second: Stay) -> JoinedStay:
    """Two at once: the later one was never another object."""
    first.last = max(first.last, second.last)
    if first.outside is None or second.outside is None:
        first.outside = None
    if first.key is None:
        first.key = second.key
        first.label = second.label
        first.due = second.due
        return JoinedStay(first)
    wrong = (second.key, second.loiter_key if first.loiter_key else None)
    first.loiter_key = first.loiter_key or second.loiter_key
    return JoinedStay(first, corrects=tuple(key for key in wrong if key))


def _continued(stay: Stay, over: list[EndedStay]) -> JoinedStay:
    """Who is inside was hidden for a while, if its earlier stay had no end that was seen."""
    earlier = [one for one in over if not one.seen and one.end <= stay.begin]
    if not earlier:
        return JoinedStay(stay)
    before = earlier[-1]
    wrong = (before.end_key, stay.key)
    stay.begin = before.begin
    stay.key = before.start_key
    return JoinedStay(stay, corrects=tuple(key for key in wrong if key))


def _one_after_the_other(first: EndedStay, second: EndedStay) -> JoinedStay:
    whole = EndedStay(first.begin, second.end, second.seen, first.start_key, second.end_key)
    wrong = (first.end_key, second.start_key, second.end_key)
    return JoinedStay(ended=whole, corrects=wrong)
