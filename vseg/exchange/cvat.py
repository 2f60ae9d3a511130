"""CVAT 1.1: XML for video, with polygons in tracks, and XML for images, with masks.

A track is an outline of an object on every frame (`keyframe="1"`), and ends with
`outside="1"`; an object of several pieces has several tracks.  CVAT does not take masks in
tracks, so outlines are simplified and holes are lost there; the masks of images are exact.
The object id is the attribute `vseg_id` in both; a track without it is a new object.  Frames
count from 0.  Format: https://docs.cvat.ai/docs/other/xml_format.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from vseg.errors import BadExchange
from vseg.exchange.coco import UNLABELLED
from vseg.exchange.coco_images import last_number
from vseg.exchange.cvat_shapes import between, mask_of_shape, mask_runs
from vseg.exchange.file_rows import id_of, located
from vseg.exchange.held_masks import polygons
from vseg.exchange.spool import MaskSpool
from vseg.frame_masks import FrameMasks
from vseg.interfaces.mask_format import MaskFormat, MaskSequence, MaskSink
from vseg.io.xml_stream import XmlElement, XmlStream
from vseg.ops.outline import SIMPLE, Ring, polygons_of

ID = "vseg_id"
_SHAPES = frozenset({"box", "polygon", "mask"})


class CvatFormat(MaskFormat):
    """CVAT for video: one XML file of tracks."""

    name = "cvat"
    suffix = ".xml"
    loss = "outlines: simplified to a pixel, without holes; cvat-images has the masks"

    def held(self, masks: FrameMasks) -> FrameMasks:
        """The outlines of the masks."""
        return polygons(masks, SIMPLE)

    def write(self, masks: MaskSequence, path: Path) -> None:
        """Write the file."""
        with path.open("w", encoding="utf-8") as handle, MaskSpool.of(masks) as spool:
            _write_head(handle, masks, "interpolation")
            number = 0
            for obj in spool.object_ids:
                for piece in range(_most_pieces(spool, obj)):
                    label = quoteattr(masks.labels.get(obj, UNLABELLED))
                    handle.write(f'<track id="{number}" label={label} source="auto">\n')
                    handle.writelines(_shapes(spool, obj, piece))
                    handle.write("</track>\n")
                    number += 1
            handle.write("</annotations>\n")

    def read(self, path: Path, sink: MaskSink) -> None:
        """Give the shapes of every track, and what lies between two that are no neighbours."""
        read_cvat(path, sink)


class CvatImagesFormat(MaskFormat):
    """CVAT for images: one XML file of masks."""

    name = "cvat-images"
    suffix = ".xml"

    def write(self, masks: MaskSequence, path: Path) -> None:
        """Write the file."""
        size = f'width="{masks.video.width}" height="{masks.video.height}"'
        with path.open("w", encoding="utf-8") as handle:
            _write_head(handle, masks, "annotation")
            for number, frame in enumerate(masks):
                name = f"{frame.frame_index:06d}.png"
                handle.write(f'<image id="{number}" name="{name}" {size}>\n')
                for obj in frame:
                    crop = frame.crop(obj)
                    if crop.area:
                        label = quoteattr(masks.labels.get(obj, UNLABELLED))
                        shape = f'<mask label={label} source="auto" occluded="0" z_order="0"'
                        handle.write(f"{shape} {mask_runs(crop)}>{_attribute(obj)}</mask>\n")
                handle.write("</image>\n")
            handle.write("</annotations>\n")

    def read(self, path: Path, sink: MaskSink) -> None:
        """Give the shapes of every image."""
        read_cvat(path, sink)


def read_cvat(path: Path, sink: MaskSink) -> None:
    """Give the shapes of a file of either kind."""
    track: _Track | None = None
    frame = -1
    extent = range(0)
    for element in XmlStream(path, _SHAPES | {"meta"}):
        where = f"{path}, line {element.line}"
        if element.tag == "meta":
            _check_size(where, element, sink)
        elif element.tag == "track":
            track = _Track(element)
        elif element.tag == "image":
            track = None
            frame = _frame_of_image(where, element)
            with located(where):
                sink.add_frame(frame)
        elif element.tag in _SHAPES:
            with located(where):
                if track is None:
                    _add(sink, frame, element, _id_of(element))
                else:
                    extent = track.add(element, sink, extent)
    # Frames within the tracks' extent are in the file even where no track is visible.
    for index in extent:
        sink.add_frame(index)


class _Track:
    """The shapes of one track as they come."""

    def __init__(self, element: XmlElement) -> None:
        self._label = element.attributes.get("label", UNLABELLED)
        self._object_id: int | None = None
        self._latest: XmlElement | None = None

    def add(self, shape: XmlElement, sink: MaskSink, extent: range) -> range:
        """Give one shape, and those interpolated between it and the one before.

        extent: from the first to the last visible frame so far; it comes back with these.
        """
        for frame, each in between(self._latest, shape):
            if each.attributes.get("outside") == "1":
                continue
            given = _id_of(each) or self._object_id
            self._object_id = sink.new_object() if given is None else given
            _add(sink, frame, each, self._object_id, self._label)
            first = min(extent.start, frame) if extent else frame
            extent = range(first, max(extent.stop, frame + 1))
        self._latest = shape
        return extent


def _id_of(shape: XmlElement) -> int | None:
    """The object id of a shape; None where there is none, or CVAT's 0 for a new one."""
    found = [each.text for each in shape.children if each.attributes.get("name") == ID]
    return id_of(found[0].strip(), ID) or None if found else None


def _add(
    sink: MaskSink, frame: int, shape: XmlElement, object_id: int | None, label: str = ""
) -> None:
    sink.add(frame, object_id, mask_of_shape(shape, sink.video))
    label = label or shape.attributes.get("label", UNLABELLED)
    if object_id is not None and label != UNLABELLED:
        sink.name_object(object_id, label)


def _frame_of_image(where: str, image: XmlElement) -> int:
    number = last_number(PurePosixPath(image.attributes.get("name", "")).stem)
    if number is None:
        number = last_number(image.attributes.get("id", ""))
    if number is None:
        raise BadExchange(f"{where}: an image has neither a number in its name nor an id")
    return number


def _check_size(where: str, meta: XmlElement, sink: MaskSink) -> None:
    """Raise BadExchange unless the task is as large as the clip, where it says so."""
    sizes = [
        size for task in meta.children for size in task.children if size.tag == "original_size"
    ]
    for size in sizes:
        found = (size.child_text("height"), size.child_text("width"))
        if found != (str(sink.video.height), str(sink.video.width)):
            raise BadExchange(
                f"{where}: the task is {found[1]}x{found[0]}, the clip "
                f"{sink.video.width}x{sink.video.height}",
                hint="is this the file of another clip?",
            )


def _most_pieces(spool: MaskSpool, obj: int) -> int:
    return max((len(rings) for _, rings in _rings(spool, obj)), default=0)


def _rings(spool: MaskSpool, obj: int) -> Iterator[tuple[int, list[Ring]]]:
    """The outlines of an object on each frame on which it has any."""
    for frame, crop, _ in spool.track(obj):
        if crop.area:
            yield frame, polygons_of(crop, SIMPLE)


def _shapes(spool: MaskSpool, obj: int, piece: int) -> Iterator[str]:
    """The polygons of one track; one with outside="1" where it is not seen any more."""
    found = ((frame, rings) for frame, rings in _rings(spool, obj) if len(rings) > piece)
    latest = next(found, None)
    shown: Ring | None = None
    for frame in spool.frame_numbers():
        if latest is not None and latest[0] == frame:
            shown = latest[1][piece]
            yield _polygon(frame, shown, obj, outside=0)
            latest = next(found, None)
        elif shown is not None:
            yield _polygon(frame, shown, obj, outside=1)
            shown = None
    end = frame + 1 if shown is not None else None
    if end is not None and (spool.video.num_frames is None or end < spool.video.num_frames):
        yield _polygon(end, np.asarray(shown), obj, outside=1)


def _polygon(frame: int, ring: Ring, obj: int, outside: int) -> str:
    points = ";".join(f"{x:.2f},{y:.2f}" for x, y in ring.tolist())
    state = f'keyframe="1" outside="{outside}" occluded="0" z_order="0"'
    return f'<polygon frame="{frame}" {state} points="{points}">{_attribute(obj)}</polygon>\n'


def _attribute(obj: int) -> str:
    return f'<attribute name="{ID}">{obj}</attribute>'


def _write_head(handle: IO[str], masks: MaskSequence, mode: str) -> None:
    labels = sorted({masks.labels.get(obj, UNLABELLED) for obj in masks.object_ids})
    attribute = (
        f"<attribute><name>{ID}</name><mutable>False</mutable><input_type>number</input_type>"
        "<default_value>0</default_value><values>0\n1000000000\n1</values></attribute>"
    )
    listed = "".join(
        f"<label><name>{escape(label)}</name><type>any</type>"
        f"<attributes>{attribute}</attributes></label>"
        for label in labels
    )
    size = f"<width>{masks.video.width}</width><height>{masks.video.height}</height>"
    stop = (masks.video.num_frames or len(masks)) - 1
    handle.write(
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n'
        f"<meta><task><id>1</id><name>{escape(masks.name)}</name><size>{stop + 1}</size>"
        f"<mode>{mode}</mode><overlap>0</overlap><start_frame>0</start_frame>"
        f"<stop_frame>{stop}</stop_frame><frame_filter></frame_filter>"
        f"<labels>{listed}</labels><original_size>{size}</original_size></task></meta>\n"
    )
