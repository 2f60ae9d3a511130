"""The frame that a step of tracking is about; it is encoded when its features are first asked
for.
"""

from dataclasses import dataclass

from vseg.interfaces.grounder import FrameFeatures
from vseg.session.crops.view import CropView
from vseg.session.encoded_image import EncodedImage
from vseg.types import Frame


@dataclass(frozen=True, slots=True)
class TrackedFrame:
    """features: encoded once.  map_hw: cells of the mask logits of the whole frame."""

    frame: Frame
    features: FrameFeatures
    map_hw: tuple[int, int]

    @property
    def index(self) -> int:
        """Of the frame in its video."""
        return self.frame.index

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width in video pixels."""
        return self.frame.hw

    @property
    def view(self) -> CropView:
        """All of it."""
        return CropView.whole(self.hw)

    @property
    def scale(self) -> float:
        """Pixels at the size at which the model works, by pixel of the video."""
        return self.scale_of(self.map_hw, self.hw[0])

    @staticmethod
    def scale_of(map_hw: tuple[int, int], height: int) -> float:
        """The same of frames of a height."""
        # A cell is 4 pixels wide there.
        return 4 * map_hw[0] / height

    def encoded(self) -> EncodedImage:
        """The frame with its features."""
        return EncodedImage(self.frame, self.features())
