"""Options that belong together, listed once for all commands that take them.

A command takes a group as one parameter; `flat` shows typer the options in it.  Enters:
options as typed.  Leaves: prompts, and the settings that the options override.
"""

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vseg.cli import options
from vseg.errors import UsageError

if TYPE_CHECKING:
    from vseg.config import TrackConfig
    from vseg.types import Prompt


@dataclass(frozen=True, slots=True)
class ObjectPromptOptions:
    """Where an object is on a frame, or what it is."""

    point: options.Points = None
    box: options.Boxes = None
    scribble: options.Scribbles = None
    mask: options.Masks = None
    polygon: options.Polygons = None
    text: options.Texts = None
    exemplar: options.Exemplars = None

    def prompts(self) -> "tuple[Prompt, ...]":
        """The prompts.  Raises UsageError and BadPrompt."""
        from vseg.prompts.parse import parse_concepts, parse_prompts

        return (
            *parse_prompts(
                self.point or (),
                self.box or (),
                self.scribble or (),
                self.mask or (),
                self.polygon or (),
            ),
            *parse_concepts(self.text or (), self.exemplar or ()),
        )


@dataclass(frozen=True, slots=True)
class PromptOptions(ObjectPromptOptions):
    """What to track."""

    auto: options.Auto = False


@dataclass(frozen=True, slots=True)
class DetectionOptions:
    """How concept prompts are detected."""

    grounder: options.GrounderName = None
    tagger: options.TaggerName = None
    vocabulary: options.Vocabulary = None
    detect_every: options.DetectEvery = None
    until: options.Until = None
    max_objects: options.MaxObjects = None

    def settings(self) -> dict[str, Any]:
        """The settings given, in their table of the configuration."""
        return {"redetection": _table(self, REDETECTION)}

    def check_used(self, prompts: "Sequence[Prompt]") -> None:
        """Raise UsageError for what says how to detect, where all prompts are of objects that
        the user points at.
        """
        from vseg.types import ConceptPrompt

        if not prompts or any(isinstance(p.value, ConceptPrompt) for p in prompts):
            return
        option = _first_given(self, ("grounder", "detect_every", "until", "max_objects"))
        if option is not None:
            raise UsageError(
                f"{option} was given, and nothing is to be detected",
                hint=f"say what: --text person {option} ...; or drop {option}",
            )


@dataclass(frozen=True, slots=True)
class DetectionsFileOptions:
    """What a detector found, and how it is taken."""

    detections: options.DetectionsFile = None
    detector_every: options.DetectorEvery = None
    detection_score: options.DetectionScore = None
    keep_ids: options.KeepIds = None
    strict: options.Strict = False

    def settings(self) -> dict[str, Any]:
        """The settings given, in their table of the configuration.  Raises UsageError for
        settings of a file that is not given.
        """
        option = _first_given(self, (*OF_DETECTIONS.values(), "strict"))
        if option is not None and self.detections is None:
            raise UsageError(
                f"{option} was given without --detections",
                hint="give --detections det.txt, or drop it",
            )
        return {"detections": _table(self, OF_DETECTIONS)}


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """Which model tracks, how, and with which memory."""

    model: options.Model = None
    weights: options.Weights = None
    device: options.Device = None
    dtype: options.Dtype = None
    runtime: options.RuntimeName = None
    short_side: options.ShortSide = None
    flip: options.Flip = None
    compile: options.Compile = None
    threads: options.Threads = None
    memory_policy: options.MemoryPolicy = None
    memory_approximation: options.MemoryApproximation = None
    memory_budget: options.MemoryBudget = None
    config: options.ConfigFile = None

    def read(self, **overrides: Any) -> "TrackConfig":
        """The settings of the file, if any, with the options given put over them."""
        loose = ("model", "weights", "device", "dtype", "runtime", "short_side", "flip")
        given = {name: getattr(self, name) for name in (*loose, "compile")}
        return read_config(self.config, **given, memory=_table(self, MEMORY), **overrides)


MEMORY = {
    "policy": "memory_policy",
    "approximation": "memory_approximation",
    "budget_mib": "memory_budget",
}
REDETECTION = {option.name: option.name for option in fields(DetectionOptions)}
OF_DETECTIONS = {
    "detector_every": "detector_every",
    "score": "detection_score",
    "keep_ids": "keep_ids",
}
"""The settings of tables that are options too, with the option of each."""


def read_config(path: Path | None, **overrides: Any) -> "TrackConfig":
    """The settings of a file, if any, with the settings given put over them."""
    from vseg.checked_settings import checked, load_toml, without_none
    from vseg.config import TrackConfig

    if path is None:
        return checked(TrackConfig, without_none(overrides))
    return load_toml(path, TrackConfig, **overrides)


def _first_given(group: Any, names: Iterable[str]) -> str | None:
    """The first of these options that was given, as it is typed."""
    for name in names:
        value = getattr(group, name)
        if value is not None and value is not False:  # 0 is a value
            return "--" + name.replace("_", "-")
    return None


def _table(group: Any, names: dict[str, str]) -> dict[str, Any] | None:
    """The settings of one table that were given as options; None if none was."""
    table = {setting: getattr(group, option) for setting, option in names.items()}
    return {setting: value for setting, value in table.items() if value is not None} or None


def flat(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of its groups as parameters of its own."""
    parameters: dict[str, inspect.Parameter] = {}
    groups: dict[str, type[Any]] = {}
    for name, parameter in inspect.signature(command).parameters.items():
        kind = parameter.annotation
        if isinstance(kind, type) and is_dataclass(kind):
            groups[name] = kind
            parameters |= inspect.signature(kind).parameters
        else:
            parameters[name] = parameter

    @functools.wraps(command)
    def run(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{f.name: given.pop(f.name) for f in fields(group)})
        command(**given)

    keywords = [p.replace(kind=p.KEYWORD_ONLY) for p in parameters.values()]
    run.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in keywords}
    return run
