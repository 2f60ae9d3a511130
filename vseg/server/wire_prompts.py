"""Prompts from the wire: records in, prompts out, with the images of exemplars read from
clips under the root.

A mask of a few bytes may stand for millions of pixels: how many pixels a request unfolds is
known before any is allocated.
"""

from collections.abc import Sequence

from vseg.build import open_video
from vseg.client.values import FrameReference
from vseg.errors import BadPrompt, TooLarge
from vseg.prompts.codec import (
    AnyRecord,
    ExemplarRecord,
    Image,
    MaskRecord,
    image_digest,
    prompt_of,
)
from vseg.prompts.polygon_masks import joined_rings
from vseg.server.storage.served_folder import ServedFolder
from vseg.types import Prompt


class PixelBudget:
    """So many pixels one request may unfold."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._left = most

    def take(self, size: tuple[int, int]) -> None:
        """Note an image or mask of (height, width).  Raises TooLarge."""
        self._left -= abs(size[0] * size[1])
        if self._left < 0:
            raise TooLarge(
                f"the masks and images of a request may have {self._most} pixels together",
                hint="send them in several requests",
            )


def prompts_of(
    records: Sequence[AnyRecord],
    frames: Sequence[FrameReference],
    folder: ServedFolder,
    most_pixels: int,
) -> tuple[Prompt, ...]:
    """The prompts of records.  frames: what exemplars among them are regions of.

    Raises BadPrompt, BadMask, NotThere and TooLarge.
    """
    budget = PixelBudget(most_pixels)
    for record in records:
        if isinstance(record, MaskRecord | ExemplarRecord):
            budget.take(record.size)
    images = {}
    for reference in frames:
        image = _frame(reference, folder, budget)
        images[image_digest(image)] = image

    def image_of(name: str) -> Image:
        if name not in images:
            raise BadPrompt(
                f"no image has the name {name[:12]}...",
                hint="name the frame of the exemplar in exemplar_frames",
            )
        return images[name]

    return tuple(joined_rings(prompt_of(record, image_of) for record in records))


def _frame(reference: FrameReference, folder: ServedFolder, budget: PixelBudget) -> Image:
    with open_video(folder.find("video", reference.video)) as video:
        budget.take((video.info.height, video.info.width))
        if reference.frame >= len(video):
            raise BadPrompt(
                f"the exemplar's frame {reference.frame} is past the end",
                hint=f"that video has frames 0 to {len(video) - 1}",
            )
        return video.read(reference.frame).image
