"""The frames of one session: read from its video or taken from the caller, checked, encoded.

Enters: a frame index, a Frame, or a plain RGB image.  Leaves: a Frame, and its features.  The
features of the frame that was prompted last are kept for further prompts; with a reader, the
frames ahead are encoded in batches, or the next one in the background.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import numpy as np

from vseg.errors import BadFrame, BadPrompt, UsageError
from vseg.interfaces.model import Model
from vseg.interfaces.reader import Reader, adjacent_frame
from vseg.ops.frame_time import checked_time
from vseg.ops.rgb import check_frame, checked_rgb
from vseg.session.background_encoding import BackgroundEncoding
from vseg.session.encode_ahead import EncodeAhead
from vseg.session.state import SessionState
from vseg.tensors import Features
from vseg.types import UNKNOWN_FPS, Frame
from vseg.types.whole_numbers import check_frame_number, is_whole

ENCODE_AHEAD = 4
"""Frames encoded together on CUDA, where a single one leaves most of the device idle; 1 on a
CPU.
"""

AnyFrame = int | Frame | np.ndarray
"""The index of a frame of the session's video, a Frame, or an RGB uint8 image (H, W, 3)."""


class SessionFrames:
    """Frames of the video, if the session has one, or of the caller; their features."""

    def __init__(self, model: Model, video: Reader | None, depth: int | None) -> None:
        """depth: how many frames are encoded together, None for what is fastest.  Raises
        UsageError if it is below 1.
        """
        usual = ENCODE_AHEAD if model.device.type == "cuda" else 1
        self.depth = usual if depth is None else depth
        self._model = model
        self._video = video
        background = model.background_encode if depth is None else None
        self._ahead: EncodeAhead | BackgroundEncoding = (
            EncodeAhead(model.encode, self.depth)
            if background is None
            else BackgroundEncoding(background)
        )
        self._kept: tuple[Frame, Features] | None = None

    def to_prompt(self, frame: Any, state: SessionState) -> Frame:
        """The frame of a prompt; a plain image is the one that `step` is given next.

        Raises BadPrompt for an index without a frame, BadFrame for an image that cannot be
        tracked.
        """
        if is_whole(frame):
            return self._read(int(frame))
        placed = frame if isinstance(frame, Frame) else _next(frame, None, state)
        return _checked(placed, state)

    def to_step(
        self, frame: Any, time_s: float | None, state: SessionState, *, reverse: bool = False
    ) -> Frame:
        """The next frame of a live source, or in `reverse` the one before.

        Raises BadFrame for an image that cannot be tracked, or one that does not follow the
        last; UsageError for a Frame beside a time, and for a plain image in reverse.
        """
        if not isinstance(frame, Frame):
            if reverse:
                raise UsageError(
                    "a plain image has no place before another",
                    hint="in reverse, give Frames, as a reader's frames(step=-1) does",
                )
            return _checked(_next(frame, time_s, state), state)
        if time_s is not None:
            raise UsageError(
                "time_s was given beside a Frame, which has its own",
                hint="give the plain image with time_s, or the Frame alone",
            )
        last = state.last_index
        ordered = last is None or (frame.index < last if reverse else frame.index > last)
        if not ordered:
            way = "earlier" if reverse else "later"
            order = "falling" if reverse else "rising"
            raise BadFrame(
                f"frame {frame.index} is not {way} than the last one, {last}",
                hint=f"step takes frames in {order} order; propagate(start=...) goes anywhere",
            )
        return _checked(frame, state)

    def features(self, frame: Frame, *, keep: bool = False) -> Features:
        """The features of a frame, computed once.  keep: hold them for further prompts, with a
        copy of the image: a live source may write its next one over it.
        """
        if self._kept is not None and _same(self._kept[0], frame):
            return self._kept[1]
        features = self._ahead.features(frame) or self._model.encode([frame])[0]
        if keep:
            self._kept = (replace(frame, image=frame.image.copy()), features)
        return features

    def hold(self, frame: Frame, features: Features) -> None:
        """Take the features of a frame from the caller, whatever index they were made with."""
        self._kept = (frame, replace(features, frame_index=frame.index))

    def release(self) -> None:
        """Let go of the features kept of one frame."""
        self._kept = None

    def encode_with(self, ahead: EncodeAhead) -> None:
        """Take features from `ahead`, in place of those of this session's own batches."""
        self._ahead = ahead

    def adjacent(self, frame: Any) -> Frame | None:
        """The frame before one given by its index, or after the first; else None."""
        if not is_whole(frame) or self._video is None:
            return None
        return adjacent_frame(self._video, int(frame))

    def range(self, first: int, until: int | None, *, reverse: bool) -> Iterator[Frame]:
        """The video's frames from `first` on.  Raises BadPrompt without a video or frame."""
        if self._video is None:
            raise BadPrompt(
                "this session has no video",
                hint="use step(image), or give Session a reader",
            )
        count = len(self._video)
        self._check_index(first, count)
        # Exclusive, and backward one before the first.
        if until is not None and not (is_whole(until) and -1 <= until <= count):
            raise BadPrompt(
                f"until is {until!r}, not a frame number from 0 to {count}",
                hint="leave it out to go as far as the video does",
            )
        return self._video.frames(first, until, -1 if reverse else 1)

    def checked(self, frames: Iterable[Frame], state: SessionState) -> Iterator[Frame]:
        """The caller's frames.  Raises BadFrame in place of one that cannot be tracked."""
        return (_checked(frame, state) for frame in frames)

    def ahead_of(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The same frames, encoded in batches or in the background: see `over` of
        `EncodeAhead` and of `BackgroundEncoding`.
        """
        if not isinstance(frames, Iterable):
            raise BadFrame(
                f"frames is {type(frames).__name__}, not an iterable of vseg.Frame",
                hint="give what a video's frames() gives",
            )
        return self._ahead.over(map(check_frame, frames))

    def tracking(self) -> AbstractContextManager[None]:
        """While a frame is tracked: leaves its share of the threads to what is encoded."""
        return self._ahead.tracking()

    def clear(self) -> None:
        """Let go of all features."""
        self._kept = None
        self._ahead.clear()

    def held_bytes(self) -> int:
        """Bytes of the features encoded ahead, on the model's device."""
        return self._ahead.held_bytes()

    def _read(self, index: int) -> Frame:
        if self._kept is not None and self._kept[0].index == index:
            return self._kept[0]
        if self._video is None:
            raise BadPrompt(
                f"frame {index} cannot be read: this session has no video",
                hint="give the image itself, or give Session a reader",
            )
        self._check_index(index, len(self._video))
        return self._video.read(index)

    def _check_index(self, index: int, count: int) -> None:
        check_frame_number(index)
        if not 0 <= index < count:
            where = "past the end" if index >= count else "before the first"
            raise BadPrompt(
                f"frame {index} is {where}: 0 to {count - 1} exist",
                hint="len(video) is the number of frames; they count from 0",
            )


def _checked(frame: Frame, state: SessionState) -> Frame:
    """The frame, if its image is an RGB image of the size of those before."""
    checked_rgb(frame.image)
    height, width = frame.hw
    if state.image_hw is None:
        state.image_hw = frame.hw
    if state.image_hw != frame.hw:
        before = f"{state.image_hw[1]}x{state.image_hw[0]}"
        raise BadFrame(
            f"the image is {width}x{height}, those before were {before}",
            hint="resize the image, or begin a new Session",
        )
    return frame


def _next(image: Any, time_s: float | None, state: SessionState) -> Frame:
    """A plain image as the frame after the last one of a live source.

    time_s: left out, one frame's duration after the last, at the rate of unknown sources.
    """
    pixels = checked_rgb(image)
    before = state.last_time_s
    if time_s is None:
        time_s = 0.0 if before is None else before + float(1 / UNKNOWN_FPS)
    time_s = checked_time(time_s)
    if before is not None and time_s <= before:
        raise BadFrame(
            f"time_s {time_s:g} is not later than {before}, the last frame's",
            hint="give seconds that rise from image to image, or leave time_s out",
        )
    index = 0 if state.last_index is None else state.last_index + 1
    return Frame(index, None, time_s, pixels)


def _same(one: Frame, other: Frame) -> bool:
    """Whether two frames are the same image at the same place."""
    if one is other:
        return True
    return one.index == other.index and np.array_equal(one.image, other.image)
