"""What is known of the identity of one object, and whether something is that object."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from vseg.session.identity.departures import Cells, Colours, Departure
from vseg.session.identity.gallery import Gallery
from vseg.types import EventKind

# From this cosine of embeddings, this coefficient of colours and this sum of both on,
# something may be an object that left: by its colours, or, in other light, by its embedding.
# Of the views of different figures cut from photographs on streets, all in view, so many are
# taken for one (cars, people; of a figure's own views 97 to 99 % are):
#     cosine 0.75, colours 0.85, sum 1.78   0 %     0.3 %
#     cosine 0.8, colours 0.8, sum 1.7      1.1 %   1.6 %
#     cosine 0.9, colours 0.75, sum 1.7     0.6 %   0.8 %
#     cosine 0.9, colours 0.6, sum 1.5      0.8 %   2.5 %
# The first and the third are used. With the first alone, an object that is back in a scene of
# the identity suite under a changed light, with cosines of 0.89 to 0.92 and coefficients of
# 0.80 to 0.86, is not recognised any more. On the 30 training clips, of the same object in
# the second half against the first frames 95 % have colours of 0.85.
_BY_COLOURS = (0.75, 0.85, 1.78)
_BY_EMBEDDING = (0.9, 0.75, 1.7)

# Another object with such an embedding, whose colours are nearly as close, may be it just as
# well: then its looks say nothing.  Round values: of equal people who pass, one that stands
# still has a cosine of only 0.54 to 0.73 to one that walks; the coefficients of their colours
# are 0.05 apart.
_COMPETITOR_EMBEDDING = 0.5
_COMPETITOR_COLOURS = 0.1

# Below this coefficient of colours a mask at the border shows something else, unless its
# cosine to what was prompted is at least the second. On the 30 training clips, of 213 masks
# at the border the least coefficient is 0.6 (of more than two cells); what a mask stays on
# where its object went out of the identity suite has 0.14 to 0.3, and cosines of 0.55 to
# 0.81. Of a figure's own views 95 % have cosines of 0.9.
_OTHER_COLOURS = 0.4
_CERTAIN_EMBEDDING = 0.9

# Cosine of two objects' most similar views from which one may be taken for the other. A round
# value; not tuned.
SIMILAR = 0.8
# The coefficient of their usual colours from which they are look-alikes where they overlap.
# Those of the crossings have 0.71 to 0.99, in the middle 0.91, equal people 0.96 to 1; people
# who look different, whom the decoder tells apart, 0.19 to 0.96, in the middle 0.47 to 0.79.
# Of five such people IDF1 is 66.8 without this and 97.9 with it.
_SIMILAR_COLOURS = 0.75
# Of both, from which two are equal, so that no decoder tells them apart. The same thing twice
# has 0.96 to 0.99 in scenes made of photographs. A round value; not tuned.
_EQUAL = 0.9
# The sum of both, from which two with an equal embedding are nearly so: of three equal cups on
# a real clip it is 1.81 to 1.97.
_NEARLY_EQUAL = 1.8


@dataclass(frozen=True, slots=True)
class Looks:
    """How something appears on a frame."""

    embedding: Float[Tensor, " E"]
    colours: Colours


@dataclass(slots=True)
class ObjectIdentity:
    """What is known of one object.

    last_visible: the frame, None before the first.  unverified: it has not been recognised
    since a cut.
    """

    gallery: Gallery = field(default_factory=Gallery)
    last_visible: int | None = None
    visible: bool = False
    unverified: bool = False
    departure: Departure = field(default_factory=Departure)

    def note(self, frame_index: int, *, visible: bool) -> EventKind | None:
        """Note whether it is visible on a frame; what happened, if that has changed."""
        # Before its first visible frame an object cannot be lost.
        changed = self.last_visible is not None and self.visible != visible
        self.visible = visible
        if visible:
            self.last_visible = frame_index
            self.unverified = False
        if not changed:
            return None
        return "recovered" if visible else "lost"

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

    def is_look_alike(self, other: "ObjectIdentity", cosine: float) -> bool:
        """Whether one may be taken for the other: they have a view and about the colours in
        common.  cosine: of their most similar views.
        """
        return cosine >= SIMILAR and self._has_colours_of(other, _SIMILAR_COLOURS)

    def is_equal(self, other: "ObjectIdentity", cosine: float) -> bool:
        """Whether nothing in their looks tells them apart."""
        return cosine >= _EQUAL and self._has_colours_of(other, _EQUAL)

    def is_nearly_equal(self, other: "ObjectIdentity", cosine: float) -> bool:
        """Whether they look so alike that motion tells more of them than a decoder."""
        return cosine >= _EQUAL and self._has_colours_of(other, _NEARLY_EQUAL - cosine)

    def _has_colours_of(self, other: "ObjectIdentity", colours: float) -> bool:
        one = self.departure.colours
        two = other.departure.colours
        return one is None or two is None or float(one @ two) >= colours

    def has(self, mask: Cells, looks: Looks, others: Iterable["ObjectIdentity"]) -> bool:
        """Whether a mask that appears so shows this object, which must be recognised, or may
        be leaving; notes that it has left.

        A mask may stay on what its object uncovers while it goes out through the border.
        """
        if self.departure.returns(mask):
            return self.departure.whole(mask) and self.is_only(looks, others)
        if self.departure.turned(mask):
            same = self.is_only(looks, others)
        else:
            same = not self.is_other(looks)
        if same:
            return True
        self.departure = self.departure.gone()
        return False

    def is_other(self, looks: Looks) -> bool:
        """Whether something at the border is another thing than this object, by all that is
        known of it.
        """
        usual = self.departure.colours
        if usual is None or float(usual @ looks.colours) >= _OTHER_COLOURS:
            return False
        return self.gallery.prompted_similarity(looks.embedding) < _CERTAIN_EMBEDDING

    def is_only(self, looks: Looks, others: Iterable["ObjectIdentity"]) -> bool:
        """Whether something appears as this object and as none of the others."""
        embedding, colours = self.resemblance(looks)
        looks_like = (embedding, colours, embedding + colours)
        if not any(_reach(looks_like, least) for least in (_BY_COLOURS, _BY_EMBEDDING)):
            return False
        near = [other.resemblance(looks) for other in others]
        return not any(
            e >= _COMPETITOR_EMBEDDING and c > colours - _COMPETITOR_COLOURS for e, c in near
        )


LooksRule = Callable[[ObjectIdentity, ObjectIdentity, float], bool]
"""Whether two objects look alike, given the cosine of their most similar views."""


def _reach(values: Sequence[float], least: Sequence[float]) -> bool:
    return all(value >= low for value, low in zip(values, least, strict=True))
