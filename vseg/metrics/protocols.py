"""What the protocols of the field do differently: frames, contours, absence, void, means.

Enters: a name.  Leaves: a Protocol, which the scoring asks at every point where they differ.
Sources: DAVIS: Perazzi et al., CVPR 2016, and Pont-Tuset et al., arXiv 1704.00675; SA-V: Ravi
et al., arXiv 2408.00714; MOSE: Ding et al., arXiv 2508.05630; VOTS: Kristan et al., ICCVW
2023; and what the evaluators that these publish do where the papers are silent.
docs/evaluation.md has the differences in one table.
"""

from dataclasses import dataclass, replace
from typing import Literal

from vseg.errors import UsageError

ContourRule = Literal["davis", "mose", "vot"]
"""davis: within 0.008 of the image diagonal.  mose: within a tenth of the square root of the
object's area, at most that.  vot: davis' distance, on the pixels just inside the mask.
"""

FrameRule = Literal["inner", "all", "after_prompt"]
"""Frames that count.  inner: all annotated ones but the first and the last.  after_prompt:
those after the first that shows the object.
"""

VoidRule = Literal["left_out", "background", "object"]
"""Pixels of label 255.  left_out: no mask has them; background: a prediction there is wrong;
object: 255 is an id as any other.
"""


@dataclass(frozen=True, slots=True)
class Protocol:
    """How masks are scored.

    region_smoothing: added to intersection and union of J.  from_first: an object counts from
    the first counted frame that has it in the truth or the prediction, and not at all if the
    truth never has it; otherwise its absence on both sides scores 1.  merged: all objects are
    one foreground.  mean_over: the final mean is over all objects, or over the means of clips.
    """

    name: str
    frames: FrameRule = "inner"
    contour: ContourRule = "davis"
    void: VoidRule = "left_out"
    region_smoothing: int = 0
    from_first: bool = False
    merged: bool = False
    mean_over: Literal["objects", "clips"] = "objects"

    def on_all_frames(self) -> "Protocol":
        """The same with every annotated frame counted."""
        return replace(self, frames="all")


DAVIS16 = Protocol("davis16", merged=True)
DAVIS17 = Protocol("davis17")
SAV = Protocol("sav", void="object", from_first=True)
MOSE = Protocol("mose", contour="mose", void="background", region_smoothing=1)
VOTS = Protocol("vots", frames="after_prompt", contour="vot", mean_over="clips")

PROTOCOLS = {one.name: one for one in (DAVIS16, DAVIS17, SAV, MOSE, VOTS)}


def protocol_of(name: str) -> Protocol:
    """The protocol of that name.  Raises UsageError for an unknown one."""
    if name not in PROTOCOLS:
        raise UsageError(f"unknown protocol '{name}'", hint=f"known: {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]
