"""What a redetection tracker knows of an object."""

from dataclasses import dataclass, field, replace
from typing import Any

from vseg.ops.codec import decode_mask, encode_mask
from vseg.session.identity.constant_velocity import ConstantVelocity, MovingBox
from vseg.types import Frame, MaskCrop
from vseg_trackers.lifecycle import CLASSES_COUNTED

GONE_CHANCE = 0.005
"""Who is visible is missed so many times in a row at most with this chance: 5 times where each
run so far has found it.  A round value; not tuned.
"""


@dataclass(frozen=True, slots=True)
class TrackedInstance:
    """One object.

    label: what it was detected as most often, empty if it has no name; votes: how often as
    what, of a few names.  confirmed: it was detected twice,
    or on the first frame of all.  visible_s: when it was last visible.  prompted_frame: of its
    last prompt, -1 before the first.  crop: its latest mask, None where that was empty.
    hits: runs of the detector that found it; misses: that did not find it where its mask is,
    missed: the last of them in a row.  motion: of its detections, in pixels.
    """

    object_id: int
    label: str
    confirmed: bool
    visible_s: float
    prompted_frame: int = -1
    crop: MaskCrop | None = None
    hits: int = 1
    misses: int = 0
    missed: int = 0
    votes: dict[str, int] = field(default_factory=dict)
    motion: ConstantVelocity | None = None

    def detected(self, box: MovingBox, frame_index: int) -> "TrackedInstance":
        """The object after one more detection."""
        return replace(self, motion=ConstantVelocity.after(self.motion, box, frame_index))

    def hit(self) -> "TrackedInstance":
        """The object found once more, by which it is confirmed."""
        return replace(self, confirmed=True, hits=self.hits + 1, missed=0)

    def miss(self) -> "TrackedInstance":
        """The object not found once more."""
        return replace(self, misses=self.misses + 1, missed=self.missed + 1)

    def is_gone(self, most: int) -> bool:
        """Whether `most` misses in a row or more say that it is not where its mask is.

        Its own detections say how often it is found where it is: who is often missed is not
        gone for being missed again.  The rate is the mean of a beta distribution, uniform
        before the first run (Laplace's rule of succession).
        """
        runs = self.hits + self.misses - self.missed
        missing = 1 - (self.hits + 1) / (runs + 2)
        return self.missed >= most and missing**self.missed < GONE_CHANCE

    def is_leaving(self, frame: Frame) -> bool:
        """Whether some of it should be out of the frame by now."""
        if self.motion is None:
            return False
        return self.motion.outside(frame.index, frame.hw)[1] > 0

    def with_vote(self, label: str) -> "TrackedInstance":
        """The object after one more detection as `label`; its own label stays until another
        has more votes.  Of more names than are counted, the rarest is forgotten.
        """
        votes = {self.label: 1, **self.votes}
        if label not in votes and len(votes) == CLASSES_COUNTED:
            others = [name for name in votes if name != self.label]
            del votes[min(others, key=lambda name: votes[name])]
        votes[label] = votes.get(label, 0) + 1
        leads = votes[label] > votes[self.label]
        return replace(self, label=label if leads else self.label, votes=votes)


def packed_instance(instance: TrackedInstance) -> dict[str, Any]:
    """Plain values for a snapshot."""
    names = [name for name in TrackedInstance.__slots__ if name not in ("crop", "motion")]
    values = {name: getattr(instance, name) for name in names}
    values["motion"] = instance.motion and instance.motion.packed()
    crop = instance.crop
    return values | {"crop": crop and [*crop.xywh, encode_mask(crop).hex()]}


def unpacked_instance(values: dict[str, Any]) -> TrackedInstance:
    """The value that `packed_instance` packed.

    Raises BadMask for a mask that is damaged, TypeError and ValueError for other values.
    """
    crop = None
    if values["crop"] is not None:
        *xywh, payload = values["crop"]
        crop = decode_mask(bytes.fromhex(payload), tuple(xywh))
    motion = ConstantVelocity.unpacked(values["motion"])
    return TrackedInstance(**values | {"crop": crop, "motion": motion})
