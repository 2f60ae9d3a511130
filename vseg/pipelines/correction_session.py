"""A session whose memory is that of a frame in the middle of a clip, rebuilt from a run.

Enters: prompts on one frame, and stored masks of others.  Leaves: a session that tracks on
from there in either direction.  No frame in between is tracked: the nearest masks that are
known are encoded into memory, which costs a few frames wherever the correction is.  Nothing is
stored for it in the run, so that no edit makes it stale.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from vseg.config import CropSettings, IdentitySettings, MemorySettings
from vseg.errors import DamagedVideo
from vseg.frame_masks import FrameMasks
from vseg.interfaces.affinity_model import AffinityModel
from vseg.interfaces.grounder import Grounder
from vseg.interfaces.model import Model
from vseg.interfaces.reader import OpenReader, readable_backward, readable_frames
from vseg.ops.masks import mask_box
from vseg.session.crops.crop_place import ObjectExtent
from vseg.session.session import Session
from vseg.session.tracked_frame import TrackedFrame
from vseg.types import Frame, Mask, MaskCrop, Points, PromptValue, Scribble


@dataclass(frozen=True, slots=True)
class SessionSetup:
    """What sessions are opened with: the model, the clip and the settings of the run."""

    model: Model
    video: OpenReader
    memory: MemorySettings
    identity: IdentitySettings
    crops: CropSettings
    encode_ahead: int | None = None
    grounder: Grounder | None = None

    def session(self) -> Session:
        """A session without an object."""
        return Session(
            self.model,
            self.video,
            memory=self.memory,
            identity=self.identity,
            crops=self.crops,
            encode_ahead=self.encode_ahead,
            grounder=self.grounder,
        )

    def takes(self, seen: MaskCrop) -> bool:
        """Whether a mask that was decoded in the whole frame stands; that of a small object is
        decoded again in a crop around it, where it is finer.
        """
        if seen.area == 0 or not isinstance(self.model, AffinityModel) or not self.crops.most:
            return seen.area > 0
        info = self.video.info
        scale = TrackedFrame.scale_of(
            self.model.map_hw((info.height, info.width)), info.height
        )
        return ObjectExtent.of(seen).size * scale >= self.crops.below

    @property
    def other_anchors(self) -> int:
        """How many prompted frames are remembered beside the corrected one."""
        return self.memory.prompted - 1

    def frames(self, start: int, end: int, *, reverse: bool) -> Iterator[Frame]:
        """Frames from `start` to before `end`; damaged ones are passed over."""
        passed: dict[int, str] = {}
        if reverse:
            yield from readable_backward(self.video, start, end, passed)
            return
        # Where no readable frame follows before the end, there is nothing to track.
        with suppress(DamagedVideo):
            yield from readable_frames(self.video, start, end, passed)


MasksByFrame = Mapping[int, Mapping[int, Mask]]
"""Masks by frame and object."""
Values = Mapping[int, Sequence[PromptValue]]
"""Prompts by object."""


def remember_masks(session: Session, known: MasksByFrame) -> None:
    """Write masks into memory as prompted frames, by ascending frame."""
    for frame, masks in sorted(known.items()):
        for object_id, mask in masks.items():
            session.add_prompt(object_id, frame, [mask])
        _step(session, frame, list(masks))


def decode_prompted(session: Session, frame: int, values: Values) -> FrameMasks:
    """The masks of the prompted objects on a frame, and their memory of it.

    Raises BadPrompt and NothingFound as `Session.add_prompt` does.
    """
    for object_id, prompts in values.items():
        session.add_prompt(object_id, frame, prompts)
    return _step(session, frame, list(values))


def with_stored(prompts: Sequence[PromptValue], stored: Mask | None) -> list[PromptValue]:
    """The prompts of a correction: clicks and scribbles refine the stored mask, which is what
    the user had before the eyes; all other prompts say where the object is by themselves.

    Positive marks that all lie off the stored mask's box point at something else: then it is
    no prior.
    """
    marks = [prompt for prompt in prompts if isinstance(prompt, Points | Scribble)]
    if stored is None or len(marks) < len(prompts) or not _refines(marks, stored):
        return list(prompts)
    return [stored, *prompts]


def _refines(marks: Sequence[Points | Scribble], stored: Mask) -> bool:
    x1, y1, x2, y2 = mask_box(stored.mask)
    for mark in marks:
        if isinstance(mark, Scribble) and not mark.positive:
            return True
        if isinstance(mark, Points) and not mark.positive.all():
            return True
        x = mark.xy[:, 0]
        y = mark.xy[:, 1]
        across = (x >= x1) & (x <= x2 - 1)
        if bool((across & (y >= y1) & (y <= y2 - 1)).any()):
            return True
    return False


def _step(session: Session, frame: int, objects: Sequence[int]) -> FrameMasks:
    return next(iter(session.propagate(frame, frame + 1, objects=objects)))
