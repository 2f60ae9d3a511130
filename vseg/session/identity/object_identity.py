"""What is known of the identity of one object, and whether something is that object."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from vseg.session.identity.departures import Colours, Departure
from vseg.session.identity.gallery import Gallery

# From this cosine of embeddings and this coefficient of colours on, something may be an object
# that left.  On the 30 training clips at 384, the second half of a clip against its first
# frames: of the same object 98 % have the cosine and 91 % the colours; of the objects of other
# clips 4 % and 2 %.  Of cars cut from photographs that pass on a street, in full view, 95 % of
# pairs of different ones have a coefficient of colours below 0.89, but half a cosine above
# 0.78: colours must decide, too.
_SAME_EMBEDDING = 0.75
_SAME_COLOURS = 0.9

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
        if embedding < _SAME_EMBEDDING or colours < _SAME_COLOURS:
            return False
        near = [other.resemblance(looks) for other in others]
        return not any(e >= _RIVAL_EMBEDDING and c > colours - _RIVAL_COLOURS for e, c in near)
