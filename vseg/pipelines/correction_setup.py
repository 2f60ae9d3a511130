"""What a run was tracked with, opened again to correct it.

Enters: a run's header, and what the user says otherwise.  Leaves: a SessionSetup: the same
clip by content, the same model by the hash of its weights, the same settings.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from vseg.build import open_clip
from vseg.checked_settings import checked
from vseg.config import TrackConfig
from vseg.errors import WeightsMismatch
from vseg.interfaces.model import Model
from vseg.pipelines.correction_session import SessionSetup
from vseg.pipelines.correction_settings import CorrectionSettings
from vseg.pipelines.prepare import grounder_of, load_configured
from vseg.results.records import RunHeader
from vseg.results.run import Run
from vseg.types import Prompt, Text

_TABLES = ("memory", "identity", "crops")
_SINGLE = ("short_side", "flip", "reader", "frames", "topic", "compile", "encode_ahead")


@contextmanager
def open_tracker(
    run: Run, settings: CorrectionSettings, prompts: Sequence[Prompt]
) -> Iterator[SessionSetup]:
    """The tracker of a run, until the block ends.

    Raises BadRun for another clip, WeightsMismatch for another model under the same name, and
    what opening a clip, a model and a grounder raises.
    """
    config = config_of(run.header, dict(settings.overrides))
    opened = (
        nullcontext(settings.video)
        if settings.video is not None
        else open_clip(run, settings.source)
    )
    with opened as video:
        model = settings.model or load_configured(config)
        if settings.model is None and "model" not in dict(settings.overrides):
            _check_weights(run, model)
        texts = [prompt.value for prompt in prompts if isinstance(prompt.value, Text)]
        grounder = settings.grounder or grounder_of(config, texts, model)
        yield SessionSetup(
            model,
            video,
            config.memory,
            config.identity,
            config.crops,
            config.encode_ahead,
            grounder,
        )


def config_of(header: RunHeader, overrides: dict[str, Any]) -> TrackConfig:
    """The settings that a run was tracked with, with others put over them.  Raises
    BadConfig.
    """
    values: dict[str, Any] = {
        "model": header.model,
        "device": header.device,
        "dtype": header.dtype,
        "runtime": header.runtime,
    }
    values |= {key: header.options[key] for key in _SINGLE if key in header.options}
    stored = header.settings.get("redetection")
    if isinstance(stored, dict):
        values["redetection"] = {"grounder": stored.get("grounder")}
    for table in _TABLES:
        values[table] = {
            key.removeprefix(f"{table}."): value
            for key, value in header.options.items()
            if key.startswith(f"{table}.")
        }
    if "device" in overrides:
        values["dtype"] = "auto"
    if {"device", "model"} & overrides.keys():
        values["runtime"] = "auto"
    return checked(TrackConfig, values | overrides, where="the run's settings")


def _check_weights(run: Run, model: Model) -> None:
    if model.weights_sha256 != run.header.weights_sha256:
        raise WeightsMismatch(
            f"{run.path} was tracked with other weights of {model.name}",
            hint="give the same: --weights FILE, or choose others with --model",
        )
