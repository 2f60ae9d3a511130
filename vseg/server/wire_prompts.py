"""Prompts from the wire: records in, prompts out, with the images of exemplars read from
clips under the root.
"""

from collections.abc import Sequence

from vseg.build import open_video
from vseg.client.values import FrameReference
from vseg.errors import BadPrompt
from vseg.prompts.codec import AnyRecord, Image, image_digest, prompt_of
from vseg.prompts.polygon_masks import joined_rings
from vseg.server.storage.served_folder import ServedFolder
from vseg.types import Prompt


def prompts_of(
    records: Sequence[AnyRecord], frames: Sequence[FrameReference], folder: ServedFolder
) -> tuple[Prompt, ...]:
    """The prompts of records.  frames: what exemplars among them are regions of.

    Raises BadPrompt, BadMask and NotThere.
    """
    images = {}
    for reference in frames:
        image = _frame(reference, folder)
        images[image_digest(image)] = image

    def image_of(name: str) -> Image:
        if name not in images:
            raise BadPrompt(
                f"no image has the name {name[:12]}...",
                hint="name the frame of the exemplar in exemplar_frames",
            )
        return images[name]

    return tuple(joined_rings(prompt_of(record, image_of) for record in records))


def _frame(reference: FrameReference, folder: ServedFolder) -> Image:
    with open_video(folder.find("video", reference.video)) as video:
        if reference.frame >= len(video):
            raise BadPrompt(
                f"the exemplar's frame {reference.frame} is past the end",
                hint=f"that video has frames 0 to {len(video) - 1}",
            )
        return video.read(reference.frame).image
