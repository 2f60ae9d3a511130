"""What an update does where it cannot do everything in time, in a fixed order: frames are
scaled to a smaller short side; then fewer objects are decoded, in turn; then nothing is
written to memory.

Enters: the number of objects and the seconds left.  Leaves: the first step of that order that
is expected to fit.  A step back up is taken where it is expected to fit with room to spare,
and now and then to try: a machine that was busy must not stay slow for ever.
"""

from dataclasses import dataclass, replace

from vseg.session.realtime.stage_costs import StageCosts

# Of what is left of the budget, the share that a step back up may take; and the updates in a
# row, each in time, before one.  Two sizes in turn would cost more than either.  Round values.
_ROOM = 0.9
_CALM = 15
# Updates before a step is tried that is expected not to fit: after a trial that failed twice
# as many as before, at most the second number. At 600, one update in 600 is a trial.
_TRIAL = 60
_LONGEST_TRIAL = 1920
# From one short side to the next: each takes about 0.7 of the time.
_SHRINK = 0.83


@dataclass(frozen=True, slots=True)
class UpdatePlan:
    """short_side: the frame is scaled to it; None of a model of one size.  objects: how many
    are decoded.  remember: whether memory may be written.
    """

    short_side: int | None
    objects: int
    remember: bool = True


def short_sides(full: int, least: int) -> tuple[int, ...]:
    """The sizes that a model of this size may be reduced to, descending: multiples of 16."""
    sides = [full]
    while (smaller := max(least, round(sides[-1] * _SHRINK / 16) * 16)) < sides[-1]:
        sides.append(smaller)
    return tuple(sides)


class UpdatePlanner:
    """The order for one model and budget, and where in it the last update was."""

    def __init__(self, budget_s: float, sides: tuple[int | None, ...]) -> None:
        self.budget_s = budget_s
        self.costs = StageCosts()
        self._sides = sides
        self._last = UpdatePlan(sides[0], 0)
        self._count = 0
        self._calm = 0
        self._patience = _TRIAL
        self._trial = False

    def plan(self, count: int, left_s: float) -> UpdatePlan:
        """How to update `count` objects within so many seconds."""
        steps = self._steps(count)
        now = self._place(steps, count)
        fits = self._first_fit(steps, left_s)
        self._trial = False
        if fits < now:
            # Up, but only where there has been room for some time.
            room = self._calm >= _CALM and self._first_fit(steps, _ROOM * left_s) < now
            fits = now - 1 if room else now
        elif fits == now > 0 and self._calm >= self._patience:
            self._trial = True
            fits = now - 1
        if fits != now:
            self._calm = 0
        self._last = steps[fits]
        self._count = count
        return self._last

    def after_encoding(self, plan: UpdatePlan, left_s: float) -> UpdatePlan:
        """The plan with as many objects as still fit, after a frame that took longer to encode
        than expected.
        """
        if self._trial:
            return plan
        while plan.objects > 1 and self._track_s(plan) > left_s:
            plan = replace(plan, objects=plan.objects - 1)
        return plan

    def note(self, plan: UpdatePlan, encode_s: float, track_s: float, total_s: float) -> None:
        """Take in what an update took."""
        remembered = plan.objects if plan.remember else 0
        side = plan.short_side or 0
        if self._trial and total_s <= self.budget_s:
            # What made this step seem too slow was measured when the machine was busy.
            self.costs.renew(side)
            self._patience = _TRIAL
        self.costs.note(side, encode_s, track_s, plan.objects, remembered)
        if total_s <= self.budget_s:
            self._calm += 1
            return
        self._calm = 0
        if self._trial:
            self._patience = min(2 * self._patience, _LONGEST_TRIAL)

    def _steps(self, count: int) -> list[UpdatePlan]:
        """Everything, less and less, the least that there is."""
        every = [UpdatePlan(side, count) for side in self._sides]
        least = self._sides[-1]
        fewer = [UpdatePlan(least, some) for some in range(count - 1, 0, -1)]
        return [*every, *fewer, UpdatePlan(least, 1, remember=False)]

    def _place(self, steps: list[UpdatePlan], count: int) -> int:
        """The step that is as far down as the last update was, which may have had another
        number of objects.
        """
        last = self._last
        some = count if last.objects >= self._count else min(last.objects, count)
        wanted = replace(last, objects=some)
        return steps.index(wanted) if wanted in steps else 0

    def _first_fit(self, steps: list[UpdatePlan], left_s: float) -> int:
        for place, step in enumerate(steps):
            encode_s = self.costs.encode_s(step.short_side or 0)
            if encode_s + self._track_s(step) <= left_s:
                return place
        return len(steps) - 1

    def _track_s(self, plan: UpdatePlan) -> float:
        remembered = plan.objects if plan.remember else 0
        return self.costs.track_s(plan.short_side or 0, plan.objects, remembered)
