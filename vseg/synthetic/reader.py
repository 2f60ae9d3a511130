"""A seed in; frames with exact masks and ids out: a reader that needs no file.

Textured bodies deform, move, bounce and occlude one another under a moving camera and a
changing light.  Any frame is drawn on its own from the configuration, so random access equals
sequential reading, nothing grows with the length, and two processes draw the same clip.
Scenes stand in for real video in demos and tests, and nano is trained on them too.
"""

from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
from jaxtyping import UInt8

from vseg.errors import BadPrompt
from vseg.interfaces.indexed_reader import IndexedReader
from vseg.ops.frame_range import check_index
from vseg.synthetic.actors import Key, Shot, draw_scene_grain, draw_shots, generator
from vseg.synthetic.config import SceneConfig
from vseg.synthetic.render import draw_sprite
from vseg.types import Frame, VideoInfo


@dataclass(frozen=True, slots=True)
class TrueFrame:
    """A frame and its truth.  labels: the id of the object visible at a pixel, 0 for none."""

    frame: Frame
    labels: UInt8[np.ndarray, "H W"]


@dataclass(frozen=True, slots=True)
class FirstPoint:
    """The innermost visible pixel of an object on the first frame that shows it."""

    frame_index: int
    x: int
    y: int


class SyntheticVideo(IndexedReader):
    """The scene as a Reader.  Frames are drawn when asked for; nothing is kept of them."""

    def __init__(self, config: SceneConfig) -> None:
        self.config = config
        self.info = VideoInfo(
            source=f"synthetic:{config.seed}",
            height=config.height,
            width=config.width,
            fps=Fraction(config.fps),
            num_frames=config.num_frames,
        )
        self._shots = draw_shots(config)
        self._grain = draw_scene_grain(config)

    def __len__(self) -> int:
        return self.config.num_frames

    def close(self) -> None:
        """Nothing is held open; a closed scene can still be read."""

    @property
    def object_ids(self) -> tuple[int, ...]:
        """The ids of all objects of the scene, ascending; a frame may show fewer."""
        return tuple(range(1, self.config.num_objects + 1))

    def read(self, index: int) -> Frame:
        """The frame at `index`.  Raises UnknownFrame outside the scene."""
        return self.draw(index).frame

    def time_at(self, index: int) -> float:
        """When a frame starts, in seconds."""
        check_index(index, len(self))
        return index / self.config.fps

    def truth(self, index: int) -> UInt8[np.ndarray, "H W"]:
        """The exact label map of a frame: the id of the object visible at a pixel, 0 for none.

        An edge pixel belongs to the nearest object that covers more than half of it.
        """
        return self.draw(index).labels

    def draw(self, index: int) -> TrueFrame:
        """A frame together with its label map, for the price of one."""
        check_index(index, len(self))
        height = self.config.height
        width = self.config.width
        shot = self._shot(index)
        time = float(index)
        image = shot.backdrop.rendered(shot.camera.at(time), height, width)
        labels = np.zeros((height, width), dtype=np.uint8)
        for sprite in shot.sprites:
            draw_sprite(image, labels, sprite, shot.camera, time, shot.light)
        image = shot.lighting.on(image, time)
        image = self._grain.on(image, generator(self.config.seed, Key.GRAIN_PLACE, index))
        frame = Frame(index, pts=index, time_s=self.time_at(index), image=image)
        return TrueFrame(frame, labels)

    def first_point(self, object_id: int) -> FirstPoint:
        """A click on an object: its innermost pixel on the first frame that shows it.

        Raises BadPrompt for an id that the scene does not have or never shows.
        """
        if object_id not in self.object_ids:
            raise BadPrompt(
                f"the scene has no object {object_id}",
                hint=f"its objects are 1 to {self.config.num_objects}",
            )
        for index in range(len(self)):
            mask = self.truth(index) == object_id
            if mask.any():
                # A border of zeros, so that the frame's edge counts as the mask's edge.
                depth = cv2.distanceTransform(
                    np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
                )
                y, x = np.unravel_index(int(np.argmax(depth)), depth.shape)
                return FirstPoint(index, int(x) - 1, int(y) - 1)
        raise BadPrompt(
            f"object {object_id} is visible in none of the {len(self)} frames",
            hint="make the scene longer, or take another seed",
        )

    def _shot(self, index: int) -> Shot:
        cut = self.config.cut_at
        return self._shots[0 if cut is None or index < cut else 1]
