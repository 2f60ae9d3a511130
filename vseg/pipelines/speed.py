"""How fast a model is on this device, by a measurement of seconds that is kept in a file.

Enters: the name of a model that is on this machine.  Leaves: frames per second with a number
of objects, or milliseconds per detection.  A measurement is kept by all that it depends on:
the hash of the weights, the device and its instruction set, threads, objects, the releases of
vseg and torch.  It is shorter than `vseg bench`, whose figures are the ones to quote.
"""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median
from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from vseg import __version__
from vseg.build import load_model, model_path, open_grounder, open_nano_text
from vseg.io.files import real_path, sha256_of
from vseg.io.user_cache import KeptValues
from vseg.ops.counted import counted
from vseg.session.session import Session
from vseg.synthetic import SceneConfig, SyntheticVideo
from vseg.types import Box, Frame, Text
from vseg.weights.device import instruction_set, open_device
from vseg.weights.threads import limit_threads
from vseg.weights.weight_files import weight_files

_FRAMES = 16
"""Enough to fill the memory of the SAM 2 family, which reads seven frames."""
_SECONDS = 8.0
"""After this no more frames are tracked: a large model on a CPU takes seconds for each."""
_LEAST = 3
"""Frames behind a figure, however slow they are."""
_SIZE = (480, 854)
_WORD = "person"
"""Every grounder knows it."""


_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Speed:
    """frames_per_s: of a model that tracks; detection_ms: of a grounder, for one word.

    frames: how many the figure is of.  cached: whether it was measured before.
    """

    frames_per_s: _Positive | None = None
    detection_ms: _Positive | None = None
    frames: int = 0
    cached: bool = False


def device_name(device: str) -> str:
    """The device as a speed depends on it.  Raises DeviceMissing, UsageError."""
    opened = open_device(device)
    if opened.type == "cuda":
        return torch.cuda.get_device_name(opened)
    limit_threads()  # the name is asked for before the first model is loaded
    return f"CPU, {instruction_set()}, {counted(torch.get_num_threads(), 'thread')}"


def tracking_speed(name: str, device: str, objects: int) -> Speed:
    """Of a model that tracks, on frames of 480p with the memory full.  Raises what loading
    raises.
    """
    return _kept(name, device, objects, lambda: _track(name, device, objects))


def detection_speed(name: str, device: str) -> Speed:
    """Of a grounder, on one frame of 480p; "nano" is nano's own words.  Raises what loading
    raises.
    """
    return _kept(f"words of {name}", device, 0, lambda: _detect(name, device))


def _track(name: str, device: str, objects: int) -> Speed:
    frames = list(SyntheticVideo(SceneConfig(*_SIZE, _FRAMES, num_objects=1, seed=1)))
    model = load_model(name, device=device)
    height, width = _SIZE
    seconds: list[float] = []
    with Session(model) as session:
        # What is in a box does not matter for the time.
        for k in range(objects):
            x1 = (k + 0.2) * width / objects
            x2 = (k + 0.8) * width / objects
            box = Box(x1, 0.3 * height, x2, 0.7 * height)
            session.add_prompt(k + 1, frames[0], [box])
        for frame in frames:
            began = time.perf_counter()
            session.step(frame)
            seconds.append(time.perf_counter() - began)
            if sum(seconds) > _SECONDS and len(seconds) > _LEAST:
                break
    steady = seconds[len(seconds) // 2 :]
    return Speed(frames_per_s=round(1 / median(steady), 3), frames=len(steady))


def _detect(name: str, device: str) -> Speed:
    if name == "nano":
        grounder = open_nano_text(load_model("nano", device=device))
    else:
        grounder = open_grounder(name, device)
    noise = np.random.default_rng(0).integers(0, 255, (*_SIZE, 3), dtype=np.uint8)
    seconds = []
    for index in range(_LEAST):
        began = time.perf_counter()
        grounder.ground(Frame(index, None, 0.0, noise), [Text(_WORD)])
        seconds.append(time.perf_counter() - began)
    return Speed(detection_ms=round(1000 * median(seconds[1:]), 1), frames=_LEAST - 1)


def _kept(name: str, device: str, objects: int, measure: Callable[[], Speed]) -> Speed:
    """The measurement in the file, or a new one, which is put there."""
    key = json.dumps(
        [
            name,
            _weights_of(name.removeprefix("words of ")),
            device_name(device),
            objects,
            __version__,
            torch.__version__,
        ]
    )
    kept = _KEPT.get(key)
    return _KEPT.keep(key, measure()) if kept is None else replace(kept, cached=True)


def _weights_of(name: str) -> list[str]:
    """The hashes of a model's files; of those in the hub's cache, which names them so, nothing
    is read.
    """
    place = model_path(name)
    files = weight_files(place) if place.is_dir() else [place]
    named = [real_path(path).name for path in files]
    return [
        known if re.fullmatch(r"[0-9a-f]{64}", known) else sha256_of(path)
        for known, path in zip(named, files, strict=True)
    ]


_KEPT = KeptValues("speed.json", Speed)
