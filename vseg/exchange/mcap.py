"""Masks as ROS 2 messages in one .mcap file, for `ros2 bag`, Foxglove and PlotJuggler.

The messages are `vseg_msgs/msg/Masks` on /vseg/masks, one a frame; their definition is in the
file, so that no program needs ours.  Of an object: id, label, score, visibility, its box, and
the mask within that box as mono8, 255 on the object.  `label_image` has the whole frame as
mono16, the id of an object on each of its pixels; where masks overlap, the highest.  Stamps
are those of the bag that was tracked, where it was one, else seconds from the clip's first
frame.  Nothing is lost.
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vseg.errors import BadExchange, BadVideo, VsegError
from vseg.exchange.file_rows import add_whole, located, score_of
from vseg.frame_masks import FrameMasks
from vseg.interfaces.mask_format import MaskFormat, MaskSequence, MaskSink
from vseg.io.unfinished import scratch_folder
from vseg.types import MaskCrop
from vseg.video.bag import check_ros_extra, open_bag

if TYPE_CHECKING:
    from rosbags.typesys.store import Typestore

TOPIC = "/vseg/masks"
KIND = "vseg_msgs/msg/Masks"
DEFINITION = """\
std_msgs/Header header
uint32 frame
uint32 height
uint32 width
uint32[] ids
string[] labels
float32[] scores
bool[] visible
sensor_msgs/RegionOfInterest[] boxes
sensor_msgs/Image[] masks
sensor_msgs/Image label_image
"""
"""Of `KIND`; labels: empty of an object without one."""

FROM_BAG = "ros2/"
"""What the codec of a clip begins with whose `pts` are a bag's stamps in nanoseconds."""

_SECOND = 10**9
_LAST_ID = 65535
"""Of a label image; objects with a higher id are not on it."""


class McapFormat(MaskFormat):
    """One .mcap file."""

    name = "mcap"
    suffix = ".mcap"

    def write(self, masks: MaskSequence, path: Path) -> None:
        """Write the file.  Raises ExtraMissing without the package rosbags."""
        check_ros_extra()
        from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

        types = masks_types()
        from_bag = masks.video.codec.startswith(FROM_BAG)
        # A bag is a folder; the file in it is whole by itself.
        with scratch_folder(path) as folder:
            bag = Writer(folder / "masks", version=9, storage_plugin=StoragePlugin.MCAP)
            bag.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
            with bag:
                connection = bag.add_connection(TOPIC, KIND, typestore=types)
                for frame in masks:
                    stamp_ns = round(frame.time_s * _SECOND)
                    if from_bag and frame.pts is not None:
                        stamp_ns = frame.pts
                    message = masks_message(types, frame, masks.labels, stamp_ns)
                    bag.write(connection, stamp_ns, types.serialize_cdr(message, KIND))
            shutil.move(folder / "masks" / "masks.mcap", path)

    def read(self, path: Path, sink: MaskSink) -> None:
        """Give the masks of every message."""
        for number, message in enumerate(_messages(path)):
            with located(f"{path}, message {number}"):
                try:
                    _read_message(message, sink)
                except (AttributeError, TypeError) as error:
                    raise BadExchange(
                        f"it has other fields than {KIND} of this version: {error!s:.80}",
                        hint="write the file anew: vseg export --to mcap",
                    ) from error


def masks_types() -> "Typestore":
    """The message types of ROS 2 Humble, and ours."""
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    types = get_typestore(Stores.ROS2_HUMBLE)
    types.register(get_types_from_msg(DEFINITION, KIND))
    return types


def masks_message(
    types: "Typestore", frame: FrameMasks, labels: Mapping[int, str], stamp_ns: int
) -> Any:
    """The message of a frame."""
    kinds = types.types
    seconds, nanoseconds = divmod(stamp_ns, _SECOND)
    stamp = kinds["builtin_interfaces/msg/Time"](sec=seconds, nanosec=nanoseconds)
    header = kinds["std_msgs/msg/Header"](stamp=stamp, frame_id="camera")
    region = kinds["sensor_msgs/msg/RegionOfInterest"]
    crops = [frame.crop(obj) for obj in frame]
    corners = [crop.xyxy for crop in crops]
    return kinds[KIND](
        header=header,
        frame=frame.frame_index,
        height=frame.height,
        width=frame.width,
        ids=np.array(frame.object_ids, dtype=np.uint32),
        labels=[labels.get(obj, "") for obj in frame],
        scores=frame.scores.astype(np.float32),
        visible=frame.visible.astype(np.bool_),
        boxes=[region(x1, y1, y2 - y1, x2 - x1, False) for x1, y1, x2, y2 in corners],
        masks=[
            _image(kinds, header, "mono8", crop.mask.astype(np.uint8) * np.uint8(255))
            for crop in crops
        ],
        label_image=_image(kinds, header, "mono16", label_image(frame)),
    )


def label_image(frame: FrameMasks) -> np.ndarray:
    """The id of an object on each of its pixels, as uint16."""
    image = np.zeros((frame.height, frame.width), dtype=np.uint16)
    for obj in frame:
        if obj <= _LAST_ID:
            crop = frame.crop(obj)
            x1, y1, x2, y2 = crop.xyxy
            image[y1:y2, x1:x2][crop.mask] = obj
    return image


def _image(kinds: Mapping[str, Any], header: Any, encoding: str, pixels: np.ndarray) -> Any:
    """An image message of grey pixels."""
    height, width = pixels.shape
    rows = np.ascontiguousarray(pixels).astype(pixels.dtype.newbyteorder("<"), copy=False)
    step = width * pixels.dtype.itemsize
    data = rows.view(np.uint8).ravel()
    kind = kinds["sensor_msgs/msg/Image"]
    return kind(header, height, width, encoding, 0, step, data)


def _messages(path: Path) -> Iterator[Any]:
    """The deserialised messages of the topic.  Raises BadExchange."""
    check_ros_extra()
    try:
        with open_bag(path) as bag:
            connections = [c for c in bag.connections if c.msgtype == KIND]
            if not connections:
                raise BadExchange(
                    f"{path} has no topic of the type {KIND}",
                    hint="give a file of `vseg export --to mcap`",
                )
            for connection, _, payload in bag.messages(connections):
                yield bag.deserialize(payload, connection.msgtype)
    except BadVideo as error:
        raise BadExchange(error.message, hint=error.hint) from error
    except VsegError:
        raise
    except Exception as error:  # the library's decoders raise what they like
        raise BadExchange(f"{path} cannot be read: {error!s:.200}") from error


def _read_message(message: Any, sink: MaskSink) -> None:
    frame = int(message.frame)
    sink.add_frame(frame)
    ids = message.ids.tolist()
    columns = (message.labels, message.scores.tolist(), message.boxes, message.masks)
    if any(len(column) != len(ids) for column in columns):
        raise BadExchange(f"frame {frame} has not one label, score, box and mask an object")
    if (message.height, message.width) != (sink.video.height, sink.video.width):
        raise BadExchange(
            f"masks are of {message.width}x{message.height}, the clip is "
            f"{sink.video.width}x{sink.video.height}",
            hint="is this the file of another clip?",
        )
    for obj, label, score, box, mask in zip(ids, *columns, strict=True):
        add_whole(sink, frame, obj, _crop(box, mask, sink), score_of(score))
        if label:
            sink.name_object(obj, label)


def _crop(box: Any, mask: Any, sink: MaskSink) -> MaskCrop:
    """The mask of an object on the frame."""
    x1 = int(box.x_offset)
    y1 = int(box.y_offset)
    size = (int(box.height), int(box.width))
    if not mask.data.size:
        return MaskCrop.empty()
    if size != (mask.height, mask.width) or mask.data.size != size[0] * size[1]:
        raise BadExchange(f"a mask of {mask.width}x{mask.height} is in a box of another size")
    if x1 + size[1] > sink.video.width or y1 + size[0] > sink.video.height:
        raise BadExchange("a box is not within the frame")
    whole = np.zeros((sink.video.height, sink.video.width), dtype=bool)
    whole[y1 : y1 + size[0], x1 : x1 + size[1]] = mask.data.reshape(size) > 127
    return MaskCrop.of(whole)
