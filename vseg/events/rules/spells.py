"""Spells: how long something holds, with hysteresis.

Enters: whether it holds, frame by frame.  Leaves: when a spell begins, goes on and ends.  It
begins when it first holds, told once it has held for `enter_s`; it ends when it no longer
holds, told once that is so for `leave_s`.
"""

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from vseg.events.scene_event import EventPhase
from vseg.events.steady_clock import has_lasted

Who = TypeVar("Who", bound=Hashable)


@dataclass(slots=True, eq=False)
class Spell:
    """begin, last: first and last time that it held; off: since when it does not.  key: of the
    event that told it; due: when it is told again.
    """

    begin: float
    last: float
    off: float | None = None
    key: str | None = None
    due: float = math.inf

    @property
    def until(self) -> float:
        """When it ended."""
        return self.last if self.off is None else self.off


class Spells(Generic[Who]):
    """The spells that go on, by whom they concern."""

    def __init__(self, enter_s: float, leave_s: float, update_s: float) -> None:
        self._enter_s = enter_s
        self._leave_s = leave_s
        self._update_s = update_s
        self._by_who: dict[Who, Spell] = {}

    @property
    def who(self) -> list[Who]:
        """Whom spells concern."""
        return list(self._by_who)

    def get(self, who: Who) -> Spell | None:
        """The spell that goes on."""
        return self._by_who.get(who)

    def take(self, who: Who) -> Spell | None:
        """The spell, which is forgotten."""
        return self._by_who.pop(who, None)

    def rename(self, old: Who, new: Who) -> None:
        """Give a spell to another, unless that has one."""
        spell = self._by_who.pop(old, None)
        if spell is not None:
            self._by_who.setdefault(new, spell)

    def turn(self, who: Who, holds: bool, now: float) -> EventPhase | None:
        """Take whether it holds now; what has to be told of it."""
        spell = self._by_who.get(who)
        if holds:
            if spell is None:
                spell = self._by_who[who] = Spell(now, now)
            spell.last = now
            spell.off = None
            return self._told(spell, now)
        if spell is None:
            return None
        if spell.key is None:
            del self._by_who[who]
            return None
        if spell.off is None:
            spell.off = now
        return "end" if has_lasted(spell.off, now, self._leave_s) else None

    def _told(self, spell: Spell, now: float) -> EventPhase | None:
        if spell.key is None:
            return "start" if has_lasted(spell.begin, now, self._enter_s) else None
        if not has_lasted(spell.due, now, 0.0):
            return None
        # Times that a gap has passed over are not told one by one.
        spell.due = self.next_due(spell, now)
        return "update"

    def next_due(self, spell: Spell, now: float) -> float:
        """When a spell that was told now is told again."""
        passed = math.floor((now - spell.begin) / self._update_s + 1e-6)
        return spell.begin + (passed + 1) * self._update_s
