"""Masks for Label Studio's tasks: of what was drawn on an image or a frame, of what the labels
name, and of drawn boxes that are tracked on.

Enters: a task, the labelling interface, what was drawn.  Leaves: results of its controls.
Everything here that uses the model is called in a turn of the worker.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vseg.build import open_video
from vseg.errors import BadPrompt, TooLarge
from vseg.frame_masks import FrameMasks
from vseg.interfaces.reader import OpenReader
from vseg.ops.latest import Latest
from vseg.server.plugins.label_config import Control, Labelled
from vseg.server.plugins.label_sources import file_of_task
from vseg.server.plugins.label_studio_values import (
    DrawnRegion,
    Keyframe,
    LabelContext,
    Result,
    answer_item,
    box_of,
    drawn_prompts,
    frame_mask,
    percent_box,
    region_of,
)
from vseg.server.plugins.label_tracks import MOST_FRAMES, asked_frame
from vseg.server.plugins.named_objects import named_masks
from vseg.server.plugins.wire_images import rgb_of
from vseg.server.service import Service
from vseg.server.storage.readers import version_of
from vseg.session.encoded_image import EncodedImage
from vseg.session.image_predictor import ImagePredictor
from vseg.session.session import Session
from vseg.types import Text

_KEPT_IMAGES = 4
"""Images and frames whose features are kept: those of a click, and of the clicks that correct
it, by a few people."""
_ANCHORS = 8
"""Boxes of a region that are prompted, the last ones: a region that was tracked before has a
box on every frame.  As many as a session remembers of prompted frames."""
_TRACKED_S = 60.0
"""For tracking within one request: Label Studio waits for 100 s."""


@dataclass(frozen=True, slots=True)
class LabelJob:
    """One task.  labelled, control: what is labelled, and what results are of."""

    data: dict[str, Any]
    labelled: Labelled
    control: Control


class LabelPredictions:
    """Predicts for one service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._images: Latest[EncodedImage] = Latest(_KEPT_IMAGES)

    def path(self, job: LabelJob) -> Path:
        """The file of a task.  Raises NotThere."""
        kind = job.labelled
        return file_of_task(job.data, kind.key, kind.tag, self._service.folder)

    def drawn(self, job: LabelJob, context: LabelContext) -> tuple[list[Result], float]:
        """The mask of what was drawn on an image or a frame, and its score.  Raises
        BadPrompt, NotThere, BadImage, TooLarge.
        """
        if not any(region.value.x is not None for region in context.result):
            return [], 0.0
        predictor = ImagePredictor(self._service.models.load())
        image = self._encoded(predictor, job, context)
        hw = image.features.video_hw
        prompts = drawn_prompts(context.result, hw)
        if not prompts:
            return [], 0.0
        masks = predictor.predict(image, prompts)
        score = float(masks.scores[0])
        if not masks.area(1):
            return [], score
        if job.labelled.tag == "video":
            value = frame_mask(masks.crop(1), hw)
            return [answer_item(job.control, "bitmask", value)], score
        label = next((r.label for r in context.result if r.label), None)
        label = label or next(iter(job.control.labels), None)
        return [region_of(job.control, masks.crop(1), hw, score, label)], score

    def named(self, job: LabelJob) -> tuple[list[Result], float]:
        """What the labels of the control name on an image, and the mean score.

        Labels that the detector of words does not know name nothing.
        """
        grounder = self._service.models.grounder()
        words = [label for label in job.control.labels if _known(grounder, label)]
        if job.labelled.tag != "image" or not words:
            return [], 0.0
        predictor = ImagePredictor(self._service.models.load())
        image = self._encoded(predictor, job, LabelContext())
        hw = image.features.video_hw
        found = named_masks(predictor, grounder, image, words)
        regions = [
            region_of(job.control, one.crop, hw, one.score, words[one.word]) for one in found
        ]
        score = sum(one.score for one in found) / max(1, len(found))
        return regions, score

    def warm(self, job: LabelJob, context: LabelContext) -> Result:
        """Encode the frame that is shown, for the click that follows."""
        predictor = ImagePredictor(self._service.models.load())
        self._encoded(predictor, job, context)
        frames = 1
        index = 0
        if job.labelled.tag == "video":
            with self._service.readers.reading(self.path(job)) as reader:
                frames = len(reader)
                index = asked_frame(context, reader)
        # What a turn encodes is there when it is answered: nothing is pending.
        return {"status": "ok", "cached": [index], "pending": [], "frame_count": frames}

    def tracked(
        self, client: str, job: LabelJob, drawn: Sequence[DrawnRegion]
    ) -> list[Result]:
        """Drawn boxes, tracked on from the last one of each, all objects together.

        On the caller's thread; the device is shared frame by frame.  Raises BadPrompt and
        TooLarge.
        """
        regions = [one for one in drawn if one.value.sequence]
        most = self._service.settings.limits.objects
        if len(regions) > most:
            raise TooLarge(f"{most} regions are tracked at a time")
        ordered = [sorted(r.value.sequence, key=lambda entry: entry.frame) for r in regions]
        with open_video(self.path(job)) as reader:
            added: list[list[Result]] = [[] for _ in regions]
            open_ends = {n: seq for n, seq in enumerate(ordered) if seq[-1].enabled}
            for masks in self._propagated(client, reader, open_ends):
                for number, sequence in open_ends.items():
                    if masks.frame_index >= sequence[-1].frame:
                        _add_box(added[number], masks, number + 1)
            facts = {"framesCount": len(reader), "duration": reader.time_at(len(reader) - 1)}
        return [
            _region(job.control, region, sequence, boxes, facts)
            for region, sequence, boxes in zip(regions, ordered, added, strict=True)
        ]

    def _propagated(
        self, client: str, reader: OpenReader, sequences: dict[int, list[Keyframe]]
    ) -> Iterator[FrameMasks]:
        """Masks from the first of the last boxes on, as far as time and the limit allow."""
        if not sequences:
            return
        started = time.monotonic()
        hw = (reader.info.height, reader.info.width)
        begin = min(sequence[-1].frame for sequence in sequences.values()) - 1
        end = max(sequence[-1].frame for sequence in sequences.values()) + MOST_FRAMES
        models = self._service.models
        with (
            self._service.worker.turn(client) as turn,
            Session(models.load(), reader) as session,
        ):
            for number, sequence in sequences.items():
                for entry in sequence[-_ANCHORS:]:
                    _check_frame(entry, reader)
                    box = box_of(entry.x, entry.y, entry.width, entry.height, hw)
                    session.prompt(number + 1, entry.frame - 1, [box])
                    turn.pass_on()
            for masks in session.propagate(begin, min(end, len(reader))):
                yield masks
                if time.monotonic() - started > _TRACKED_S:
                    return
                turn.pass_on()

    def _encoded(
        self, predictor: ImagePredictor, job: LabelJob, context: LabelContext
    ) -> EncodedImage:
        """The image, or the frame that is shown, encoded unless it is held."""
        path = self.path(job)
        version = version_of(path)
        if job.labelled.tag == "image":
            most = self._service.settings.limits.pixels
            return self._images.get(
                version, lambda: predictor.encode(rgb_of(path.read_bytes(), most))
            )
        with self._service.readers.reading(path) as reader:
            index = asked_frame(context, reader)
            return self._images.get(
                (version, index), lambda: predictor.encode(reader.read(index))
            )


def _known(grounder: Any, label: str) -> bool:
    try:
        grounder.check([Text(label)])
    except BadPrompt:
        return False
    return True


def _check_frame(entry: Keyframe, reader: OpenReader) -> None:
    if entry.frame > len(reader):
        raise BadPrompt(
            f"frame {entry.frame} is past the end",
            hint=f"the video has frames 1 to {len(reader)}",
        )


def _add_box(boxes: list[Result], masks: FrameMasks, number: int) -> None:
    """One more entry of a sequence; where the object is not visible, the last one ends it."""
    crop = masks.crop(number) if number in masks else None
    if crop is None or not crop.area:
        if boxes:
            boxes[-1]["enabled"] = False
        return
    entry = {"frame": masks.frame_index + 1, "enabled": True, "time": masks.time_s}
    boxes.append({**entry, **percent_box(crop, (masks.height, masks.width))})


def _region(
    control: Control,
    region: DrawnRegion,
    given: Sequence[Keyframe],
    added: Sequence[Result],
    facts: Result,
) -> Result:
    """The region that was drawn, with the boxes that were tracked."""
    kept = region.value.model_dump(exclude_none=True, exclude={"sequence"})
    sequence = [entry.model_dump() for entry in given]
    value = {**kept, **facts, "sequence": [*sequence, *added]}
    item = answer_item(control, "videorectangle", value)
    return {**item, "id": region.id or item["id"]}
