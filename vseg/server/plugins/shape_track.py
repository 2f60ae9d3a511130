"""One shape tracked from image to image, in the order in which the images come.

Enters: a shape on an image, then other images of the same size.  Leaves: a shape of the same
type on each of them.  Images may be left out, or lie before the last one: the memory is of
images seen, not of frame numbers, and is bounded as that of any session.
"""

from dataclasses import replace

from vseg.interfaces.model import Model
from vseg.server.plugins.shape_points import Numbers, points_of_mask, prompt_of_shape
from vseg.session.encoded_image import EncodedImage
from vseg.session.session import Session
from vseg.types import UNKNOWN_FPS

_OBJECT = 1


class ShapeTrack:
    """A shape and what is remembered of its object."""

    def __init__(self, model: Model, image: EncodedImage, kind: str, points: Numbers) -> None:
        """kind: the type of the shape.  Raises BadPrompt for one that is not on the image."""
        self.kind = kind
        self._session = Session(model)
        self._seen = 0
        prompt = prompt_of_shape(kind, points, image.frame.hw)
        self._session.add_prompt(_OBJECT, self._placed(image).frame, [prompt])
        self.next(image)

    def next(self, image: EncodedImage) -> list[float] | None:
        """The shape on the next image; None where the object is not visible.  Raises BadFrame
        for an image of another size.
        """
        masks = self._session.step_encoded(self._placed(image))
        self._seen += 1
        return points_of_mask(self.kind, masks.crop(_OBJECT))

    def _placed(self, image: EncodedImage) -> EncodedImage:
        """The image as the one after those seen."""
        time_s = self._seen / float(UNKNOWN_FPS)
        return replace(image, frame=replace(image.frame, index=self._seen, time_s=time_s))
