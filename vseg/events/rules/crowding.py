"""Too many in a zone at once."""

from vseg.events.rules.inside import InsideRule
from vseg.events.scene import Scene
from vseg.events.scene_event import EventPhase
from vseg.events.steady_clock import has_lasted
from vseg.events.zone_file import ZoneSettings


class CrowdingRule:
    """Whether one zone is crowded.  It reads the stays of the zone, which are updated
    before.
    """

    def __init__(self, settings: ZoneSettings, inside: InsideRule, most: int) -> None:
        self._settings = settings
        self._inside = inside
        self._from = most
        self._since: float | None = None
        self._below: float | None = None
        self._told = False

    def update(self, scene: Scene) -> None:
        """Count who is inside."""
        begins = sorted(stay.begin for stay in self._inside.stays)
        if len(begins) >= self._from:
            self._below = None
            if self._since is None:
                # It is crowded since the one came that was too many.
                self._since = begins[self._from - 1]
            if not self._told and has_lasted(self._since, scene.now, self._settings.crowded_s):
                self._told = True
                self._say("start", scene, len(begins), scene.now)
        elif self._since is not None:
            self._thin_out(scene, len(begins))

    def join(self, kept: int, gone: int, scene: Scene) -> None:
        """Nothing: the stays are joined already."""

    def end(self, scene: Scene) -> None:
        """End what goes on."""
        if self._told:
            self._say("end", scene, len(self._inside.stays), scene.now)
        self._since = None
        self._below = None
        self._told = False

    def _thin_out(self, scene: Scene, count: int) -> None:
        if self._below is None:
            self._below = self._inside.last_end or scene.now
        if not self._told:
            self._since = None
            self._below = None
        elif has_lasted(self._below, scene.now, self._settings.leave_s):
            self._say("end", scene, count, self._below)
            self._since = None
            self._below = None
            self._told = False

    def _say(self, phase: EventPhase, scene: Scene, count: int, until: float) -> None:
        assert self._since is not None, "only what goes on is told"
        scene.say(
            "crowded",
            phase,
            self._settings.name,
            None,
            begin_s=scene.at(self._since),
            seconds=round(until - self._since, 6),
            count=count,
        )
