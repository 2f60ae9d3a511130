"""How much something on a frame resembles the objects that are known.

Enters: prompts decoded on an image.  Leaves: cosines by object id.
"""

from collections.abc import Iterable

from vseg.session.identity.departures import FrameColours
from vseg.session.identity.identities import Identities
from vseg.session.identity.object_identity import Looks
from vseg.tensors import PRESENT, Decoded
from vseg.types import Frame


def similar_objects(
    identities: Identities, frame: Frame, decoded: Decoded, among: Iterable[int]
) -> dict[int, float]:
    """Cosine in [-1, 1] of what was decoded on the frame, one mask, to the appearances of
    objects, by id; empty where it is not visible.

    An object that left the frame is left out unless it is this one and no other by all that
    is known.
    """
    if not (decoded.presence > PRESENT).any() or not (decoded.logits > 0).any():
        return {}
    mask = (decoded.logits[0] > 0).cpu().numpy()
    colours = FrameColours(frame.image, mask.shape).of(mask)
    looks = Looks(decoded.embedding[0], colours)
    may_be = [i for i in among if identities.may_be(i, looks)]
    return {i: identities.objects[i].gallery.similarity(looks.embedding) for i in may_be}
