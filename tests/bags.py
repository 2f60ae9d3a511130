"""Bags of ROS 2 with images, written by another library."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

TYPES = get_typestore(Stores.ROS2_HUMBLE)
SECOND = 10**9
HEIGHT = 32
WIDTH = 48


def colours(number: int) -> np.ndarray:
    """A smooth image, different for each number; even columns in pairs are equal."""
    ys, xs = np.mgrid[:HEIGHT, :WIDTH]
    levels = [4 * ys + number, 2 * (xs // 2 * 2) + number, 128 + ys - xs // 2]
    return np.stack(levels, axis=2).clip(0, 255).astype(np.uint8)


def header(stamp_ns: int) -> Any:
    stamp = TYPES.types["builtin_interfaces/msg/Time"](
        sec=stamp_ns // SECOND, nanosec=stamp_ns % SECOND
    )
    return TYPES.types["std_msgs/msg/Header"](stamp=stamp, frame_id="cam")


def raw(stamp_ns: int, encoding: str, rows: np.ndarray, pad: int = 0) -> Any:
    """An image message; pad: unused bytes at the end of each row."""
    height, width = rows.shape[:2]
    data = np.pad(rows.reshape(height, -1), ((0, 0), (0, pad)))
    return TYPES.types["sensor_msgs/msg/Image"](
        header(stamp_ns), height, width, encoding, 0, data.shape[1], data.ravel()
    )


def compressed(stamp_ns: int, suffix: str, image: np.ndarray) -> Any:
    _, data = cv2.imencode(f".{suffix}", image[..., ::-1])
    kind = TYPES.types["sensor_msgs/msg/CompressedImage"]
    return kind(header(stamp_ns), suffix, data.ravel())


def write_bag(
    folder: Path,
    topics: dict[str, Sequence[Any]],
    recorded: Callable[[int], int] | None = None,
    storage: StoragePlugin = StoragePlugin.MCAP,
) -> Path:
    """The file with the messages; those of a topic are recorded every tenth of a second."""
    with Writer(folder / "bag", version=9, storage_plugin=storage) as bag:
        for topic, messages in topics.items():
            kind = messages[0].__msgtype__
            connection = bag.add_connection(topic, kind, typestore=TYPES)
            for number, message in enumerate(messages):
                when = 5 * SECOND + number * SECOND // 10
                when = when if recorded is None else recorded(number)
                bag.write(connection, when, TYPES.serialize_cdr(message, kind))
    return folder / "bag" / ("bag.mcap" if storage is StoragePlugin.MCAP else "bag.db3")


def stamp(number: int) -> int:
    return 100 * SECOND + number * SECOND // 30
