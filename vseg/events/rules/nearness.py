"""Two objects that come near each other, by their feet."""

from typing import Any

import numpy as np
from jaxtyping import Float64

from vseg.events.rules.spells import Spell, Spells
from vseg.events.scene import Scene
from vseg.events.scene_event import EventPhase
from vseg.events.scene_objects import SceneObject
from vseg.events.zone_file import NearSettings

Pair = tuple[int, int]


class NearnessRule:
    """Which pairs are near.  distance: in metres if there is a ground, else in pixels."""

    def __init__(self, settings: NearSettings, distance: float, max_gap_s: float) -> None:
        self._settings = settings
        self._distance = distance
        self._max_gap_s = max_gap_s
        self._spells: Spells[Pair] = Spells(
            settings.enter_s, settings.leave_s, settings.update_s
        )
        self._seen: dict[Pair, tuple[SceneObject, SceneObject]] = {}

    def update(self, scene: Scene) -> None:
        """Compare all pairs."""
        objects = {one.id: one for one in scene.objects}
        apart = self._near(scene)
        for pair, distance in apart.items():
            self._seen[pair] = (objects[pair[0]], objects[pair[1]])
            self._turn(pair, True, distance, scene)
        for pair in self._spells.who:
            if pair in apart:
                continue
            if pair[0] in objects and pair[1] in objects:
                self._turn(pair, False, None, scene)
            elif self._hidden_s(pair, scene) > self._max_gap_s:
                self._finish(pair, scene, seen=False)

    def join(self, kept: int, gone: int, scene: Scene) -> None:
        """The pairs of the id that is gone are those of the other; with each other they are
        none.
        """
        for pair in self._spells.who:
            if gone not in pair:
                continue
            one = kept if pair[0] == gone else pair[0]
            two = kept if pair[1] == gone else pair[1]
            if one == two:
                self._withdraw(pair, scene, f"object {gone} is object {kept}")
                continue
            new = (min(one, two), max(one, two))
            self._spells.rename(pair, new)
            self._seen.setdefault(new, self._seen[pair])
            del self._seen[pair]

    def end(self, scene: Scene) -> None:
        """End what goes on."""
        for pair in self._spells.who:
            self._finish(pair, scene, seen=self._hidden_s(pair, scene) == 0)

    def _near(self, scene: Scene) -> dict[Pair, float]:
        """Pairs that are near, the smaller id first, and their distance."""
        first = self._of(scene, self._settings.labels)
        second = self._of(scene, self._settings.others)
        if not first or not second:
            return {}
        # Beyond the horizon places are infinite, and distances no numbers: nothing is near.
        with np.errstate(invalid="ignore"):
            gaps = _places(first, scene)[:, None] - _places(second, scene)[None]
            distances = np.hypot(gaps[..., 0], gaps[..., 1])
            rows, columns = np.nonzero(distances < self._distance)
        found = {}
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            one = first[row].id
            two = second[column].id
            if one != two:
                found[min(one, two), max(one, two)] = float(distances[row, column])
        return found

    def _of(self, scene: Scene, labels: tuple[str, ...]) -> list[SceneObject]:
        return [one for one in scene.objects if not labels or one.label in labels]

    def _hidden_s(self, pair: Pair, scene: Scene) -> float:
        return scene.now - min(one.seen_s for one in self._seen[pair])

    def _turn(self, pair: Pair, holds: bool, distance: float | None, scene: Scene) -> None:
        phase = self._spells.turn(pair, holds, scene.now)
        spell = self._spells.get(pair)
        if spell is None:
            self._seen.pop(pair, None)
        elif phase == "end":
            self._finish(pair, scene, seen=True)
        elif phase is not None:
            key = self._say(phase, pair, spell, scene, distance=distance)
            if phase == "start":
                spell.key = key
                spell.due = self._spells.next_due(spell, scene.now)

    def _finish(self, pair: Pair, scene: Scene, seen: bool) -> None:
        spell = self._spells.take(pair)
        if spell is not None and spell.key is not None:
            self._say("end", pair, spell, scene, seen=seen)
        del self._seen[pair]

    def _withdraw(self, pair: Pair, scene: Scene, said: str) -> None:
        """Take back that an object is near itself."""
        spell = self._spells.take(pair)
        if spell is not None and spell.key is not None:
            wrong = {"kind": "correction", "corrects": (spell.key,), "detail": said}
            self._say("end", pair, spell, scene, **wrong)
        del self._seen[pair]

    def _say(
        self, phase: EventPhase, pair: Pair, spell: Spell, scene: Scene, **more: Any
    ) -> str:
        one, two = self._seen[pair]
        until = spell.until if phase == "end" else scene.now
        told: dict[str, Any] = {
            "other": scene.described(two),
            "certainty": round(min(one.certainty, two.certainty), 3),
            "begin_s": scene.at(spell.begin),
            "seconds": round(until - spell.begin, 6),
        }
        kind = more.pop("kind", "near")
        return scene.say(kind, phase, self._settings.name, one, **(told | more))


def _places(objects: list[SceneObject], scene: Scene) -> Float64[np.ndarray, "O 2"]:
    """Where objects stand: on the ground, or in the image."""
    feet = [one.foot for one in objects]
    if scene.ground is not None:
        feet = [scene.ground.place(*foot) for foot in feet]
    return np.array(feet, dtype=np.float64).reshape(-1, 2)
