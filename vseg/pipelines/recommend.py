"""Which model to take on this device: measured here, and the reason said.

Enters: what is asked for: words, a number of objects, frames per second.  Leaves: a
Recommendation: the models to take, why, what to type, and a row for every model that could do
it.  Among the models on this machine that are fast enough here, the one with the best
published quality is taken; what is not on this machine is neither measured nor taken, but
named.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from vseg.build import nano_card
from vseg.errors import BadPrompt, ModelError, WeightsMissing
from vseg.grounding.coco_classes import is_coco
from vseg.grounding.vocabulary import HELD_OUT, parse_words
from vseg.ops.counted import counted
from vseg.pipelines.speed import Speed, detection_speed, device_name, tracking_speed
from vseg.weights.catalogue import GROUNDERS, PUBLISHED
from vseg.weights.figures import FIGURES, MASK_AP
from vseg.weights.hub import Published, folder_of

USUAL_FPS = 1.0
"""Frames per second that a model must reach where none are asked for: at less, a minute of
video takes half an hour.  A round value."""
USUAL_WORDS = "grounding-dino-tiny"
"""The grounder that hints name where words of any kind are asked for."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for.  phrase: what will be asked for in words; "" is any words, None none.

    fps: frames per second with that many objects; None if any will do.
    """

    objects: int = 1
    fps: float | None = None
    phrase: str | None = None
    device: str = "cpu"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that could do it.  published: its figure, as text.  failed: why an installed one
    could not be measured.
    """

    name: str
    kind: str
    licence: str
    mib: int
    published: str
    installed: bool
    speed: Speed = field(default_factory=Speed)
    failed: str = ""

    @property
    def measured(self) -> bool:
        """Whether there is a figure of it on this device."""
        return self.speed.frames > 0


@dataclass(frozen=True, slots=True)
class Recommendation:
    """tracker, grounder: names; the latter None where no words are asked for, or nothing here
    knows them.  enough: whether the frames per second are reached.
    """

    device: str
    tracker: str
    grounder: str | None
    enough: bool
    reasons: tuple[str, ...]
    command: str
    candidates: tuple[Candidate, ...]


def recommend(wish: Wish, note: Callable[[str], None] = lambda line: None) -> Recommendation:
    """The choice for a wish.  note: told what is being measured, a line each.

    Raises DeviceMissing and UsageError for a device that cannot be had.
    """
    device = device_name(wish.device)
    trackers = [_nano(), *(_published(model) for model in PUBLISHED.values())]
    trackers = [
        _measured(one, lambda n: tracking_speed(n, wish.device, wish.objects), note)
        for one in trackers
    ]
    tracker, enough, reason = _tracker_for(wish, trackers)
    reasons = [reason, *(_better(tracker, trackers) if enough else ())]
    grounders: list[Candidate] = []
    grounder = None
    if wish.phrase is not None:
        able = [g for g in GROUNDERS.values() if _can_read(g, wish.phrase)]
        grounders = [_published(model) for model in able]
        if _nano_reads(wish.phrase):
            grounders.append(_nano("words"))
        grounders = [
            _measured(one, lambda n: detection_speed(n, wish.device), note)
            for one in grounders
        ]
        grounder, why = _grounder_for(wish.phrase, grounders)
        reasons += why
    return Recommendation(
        device,
        tracker.name,
        grounder.name if grounder else None,
        enough,
        tuple(reasons),
        _command(tracker, grounder, wish),
        (*trackers, *grounders),
    )


def _tracker_for(wish: Wish, trackers: Sequence[Candidate]) -> tuple[Candidate, bool, str]:
    """The tracker, whether it is fast enough, and why it."""
    measured = [one for one in trackers if one.measured]
    least = USUAL_FPS if wish.fps is None else wish.fps
    with_objects = f"with {counted(wish.objects, 'object')}"
    reach = [one for one in measured if _fps(one) >= least]
    if not reach:
        fastest = max(measured, key=_fps)
        reason = (
            f"no model on this machine tracks {least:g} frames/s {with_objects} here; "
            f"{fastest.name} is the fastest, with {_fps(fastest):.3g}"
        )
        return fastest, False, reason
    best = max(reach, key=lambda one: (_quality(one), _fps(one)))
    others = f"of {len(reach)} models here that do so, " if len(reach) > 1 else ""
    quality = "no quality is published of it in the measure of the others"
    if best.name in FIGURES:
        quality = f"its published quality is {best.published}"
    reason = (
        f"{best.name} tracks {_fps(best):.3g} frames/s {with_objects} here, at least "
        f"{least:g}; {others}{quality}"
    )
    return best, True, reason


def _better(chosen: Candidate, trackers: Sequence[Candidate]) -> list[str]:
    """What is not on this machine and published as better: the smallest of it."""
    better = [
        one for one in trackers if not one.installed and _quality(one) > _quality(chosen)
    ]
    if not better:
        return []
    next_one = min(better, key=lambda one: one.mib)
    return [
        f"not on this machine, and so not measured: {next_one.name}, {next_one.mib} MiB, "
        f"{next_one.licence}, {next_one.published}: {PUBLISHED[next_one.name].pull}"
    ]


def _grounder_for(
    phrase: str, grounders: Sequence[Candidate]
) -> tuple[Candidate | None, list[str]]:
    """The grounder and why it; detectors of classes are here only if the phrase is a class."""
    said = f"'{phrase}'" if phrase else "any words"
    measured = [one for one in grounders if one.measured]
    # Whoever reads the phrase best: a class among its own, then any words, then nano's six.
    order = ("classes", "any words", "nano")
    for way in order:
        able = [one for one in measured if _way(one) == way]
        if able:
            best = max(able, key=lambda one: (_gives_masks(one), _quality(one), one.mib))
            cost = f"{best.speed.detection_ms:.0f} ms per detection here"
            why = f"{best.name} for {said}: {_WHY[way]}, {cost}"
            return best, [why] if way != "nano" else [why, _to_pull(said, grounders)]
    return None, [f"nothing on this machine reads {said}", _to_pull(said, grounders)]


def _to_pull(said: str, grounders: Sequence[Candidate]) -> str:
    """The grounder that is not here and usual for this: of classes, the smallest that gives
    masks; of any words, the one that every hint names.
    """
    others = [one for one in grounders if not one.installed]
    usual = min(
        others,
        key=lambda one: (
            _way(one) != "classes",
            one.name != USUAL_WORDS and not _gives_masks(one),
            one.mib,
        ),
    )
    model = GROUNDERS[usual.name]
    return (
        f"not on this machine, and so not measured: {model.name} for {said}, {model.mib} MiB, "
        f"{model.licence}: {model.pull}"
    )


_WHY = {
    "classes": "it is one of the classes that it was trained on",
    "any words": "it reads any words",
    "nano": "weak (docs/prompts.md), but nothing better is on this machine",
}


def _way(one: Candidate) -> str:
    if one.name == "nano":
        return "nano"
    return "classes" if GROUNDERS[one.name].has_classes else "any words"


def _can_read(model: Published, phrase: str) -> bool:
    return not model.has_classes or (phrase != "" and is_coco(phrase))


def _nano_reads(phrase: str) -> bool:
    try:
        parse_words(phrase, HELD_OUT)
    except BadPrompt:
        return False
    return True


def _gives_masks(one: Candidate) -> bool:
    """Those that give boxes leave the masks to the model that tracks."""
    figure = FIGURES.get(one.name)
    return one.name.startswith("sam3") or (figure is not None and figure.measure == MASK_AP)


def _fps(one: Candidate) -> float:
    return one.speed.frames_per_s or 0.0


def _quality(one: Candidate) -> float:
    """The published figure; nano has none in the measure of the others, and is below them."""
    return FIGURES[one.name].value if one.name in FIGURES else 0.0


def _nano(kind: str = "segmenter") -> Candidate:
    card = nano_card()
    mib = round(card.size_bytes / 2**20)
    return Candidate("nano", kind, card.licence, mib, "not on SA-V: docs/models.md", True)


def _published(model: Published) -> Candidate:
    try:
        folder_of(model)
        installed = True
    except WeightsMissing:
        installed = False
    published = str(FIGURES[model.name]) if model.name in FIGURES else "-"
    return Candidate(model.name, model.kind, model.licence, model.mib, published, installed)


def _measured(
    one: Candidate, measure: Callable[[str], Speed], note: Callable[[str], None]
) -> Candidate:
    """The same with its speed, if it is on this machine and can be loaded."""
    if not one.installed:
        return one
    note(f"measuring {one.name}")
    try:
        return replace(one, speed=measure(one.name))
    except ModelError as error:
        return replace(one, failed=error.message)


def _command(tracker: Candidate, grounder: Candidate | None, wish: Wish) -> str:
    """What to type; nano and its words need no option."""
    model = "" if tracker.name == "nano" else f" --model {tracker.name}"
    words = (
        "" if grounder is None or grounder.name == "nano" else f" --grounder {grounder.name}"
    )
    phrase = wish.phrase or "PHRASE"
    words_or_click = " --point X,Y" if wish.phrase is None else f' --text "{phrase}"'
    device = "" if wish.device == "cpu" else f" --device {wish.device}"
    return f"vseg track CLIP -o RUN{model}{words}{words_or_click}{device}"
