"""What is known of the identity of one object, and whether something is that object."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from vseg.session.identity.departures import Colours, Departure
from vseg.session.identity.gallery import Gallery

# From this cosine of embeddings, this coefficient of colours and this sum of both on,
# something may be an object that left.  Of pairs of different figures cut from photographs
# that pass on a street, all in view, so many are taken for one (cars, people; of equal ones
# 99 to 100 % are):
#     cosine 0.75, colours 0.8, sum 1.65   6.3 %   2.6 %
#     cosine 0.75, colours 0.8, sum 1.75   2.5 %   0.7 %
#     cosine 0.75, colours 0.85, sum 1.78  1.1 %   0 %
#     cosine 0.75, colours 0.9             0 %     0 %
# With the last row an object that is back in a scene of the identity suite, where its mask
# takes in some of another one, is not recognised any more.  On the 30 training clips, of the
# same object in the second half against the first frames 95 % have the colours and 98 % the
# cosine; of the objects of other clips 6 % and 4 %.
_SAME_EMBEDDING = 0.75
_SAME_COLOURS = 0.85
_SAME_TOGETHER = 1.78

# Another object with such an embedding, whose colours are nearly as close, may be it just as
# well: then its looks say nothing.  Round values: of equal people who pass, one that stands
# still has a cosine of only 0.54 to 0.73 to one that walks; the coefficients of their colours
# are 0.05 apart.
_RIVAL_EMBEDDING = 0.5
_RIVAL_COLOURS = 0.1


@dataclass(frozen=True, slots=True)
class Looks:
    """How something appears on a frame."""

    embedding: Float[Tensor, " E"]
    colours: Colours


@dataclass(slots=True)
class ObjectIdentity:
    """What is known of one object.

    last_visible: the frame, None before the first.  unverified: it has not been recognised
    since a cut.  mask_given: the last prompt was its mask.
    """

    gallery: Gallery = field(default_factory=Gallery)
    last_visible: int | None = None
    visible: bool = False
    unverified: bool = False
    mask_given: bool = False
    departure: Departure = field(default_factory=Departure)

    def must_be_verified(self, frame_index: int, reid_after: int) -> bool:
        """Whether it must resemble itself to be it: after a cut, and after more than
        `reid_after` frames out of sight.
        """
        if self.last_visible is None:
            return False
        return self.unverified or abs(frame_index - self.last_visible) > reid_after

    def resemblance(self, looks: Looks) -> tuple[float, float]:
        """How near something is in embedding and in colours, 0 to 1; 0 while nothing is
        known of the object.
        """
        usual = self.departure.colours
        if usual is None or not self.gallery.views:
            return 0.0, 0.0
        return self.gallery.similarity(looks.embedding), float(usual @ looks.colours)

    def is_only(self, looks: Looks, others: Iterable["ObjectIdentity"]) -> bool:
        """Whether something appears as this object and as none of the others."""
        embedding, colours = self.resemblance(looks)
        each = embedding >= _SAME_EMBEDDING and colours >= _SAME_COLOURS
        if not each or embedding + colours < _SAME_TOGETHER:
            return False
        near = [other.resemblance(looks) for other in others]
        return not any(e >= _RIVAL_EMBEDDING and c > colours - _RIVAL_COLOURS for e, c in near)
