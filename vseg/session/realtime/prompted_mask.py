"""What prompts of one object show on one frame, in the thread of whoever prompts.

A session of its own decodes them, so that the one that is updating is not held up; text and
exemplars are detected by it too.  What it leaves is a mask, which the other session takes in
within the time of one object.
"""

from collections.abc import Sequence

from vseg.config import CropSettings
from vseg.errors import BadPrompt
from vseg.frame_masks import FrameMasks
from vseg.interfaces.grounder import Grounder
from vseg.interfaces.model import Model
from vseg.session.session import Session
from vseg.types import Frame, Mask, Points, PromptValue, Scribble


def prompted_mask(
    model: Model,
    grounder: Grounder | None,
    place: tuple[Frame, Frame | None],
    known: tuple[int, Mask | None],
    values: Sequence[PromptValue],
) -> FrameMasks:
    """The mask of the prompts on a frame, of one object.

    place: the frame, and the one before it for phrases about motion.  known: the object's
    id, and its mask there, which clicks and scribbles correct.  Raises BadPrompt and
    NothingFound.
    """
    obj, mask = known
    frame, before = place
    corrects = mask is not None and all(isinstance(v, Points | Scribble) for v in values)
    given = [mask, *values] if mask is not None and corrects else values
    # Small objects are decoded in crops here in any case: nobody waits for this thread.
    with Session(model, grounder=grounder, crops=CropSettings()) as session:
        masks = session.prompt(obj, frame, given, adjacent=before)
        if not masks.area(obj):
            raise BadPrompt(
                f"nothing is segmented on frame {frame.index} by these prompts",
                hint="prompt with a box around the object, or with more points on it",
            )
        return masks
