"""Masks as ROS 2 messages, read by a library that knows no more of them than the file says."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.contract.test_mask_formats import Clip
from vseg.errors import BadExchange, ExtraMissing
from vseg.exchange.export import export
from vseg.exchange.mcap import KIND, TOPIC, McapFormat
from vseg.exchange.read_masks import read_masks
from vseg.frame_masks import FrameMasks
from vseg.types import VideoInfo
from vseg.video import bag

pytest.importorskip("rosbags", reason="needs the extra vseg[ros]")
mcap_ros2 = pytest.importorskip("mcap_ros2.reader", reason="needs mcap-ros2-support")
pytestmark = pytest.mark.integration


def test_another_library_reads_the_messages(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    clip = Clip(range(4, 7))
    export(clip, "mcap", path)
    read = list(mcap_ros2.read_ros2_messages(path))
    assert [one.channel.topic for one in read] == [TOPIC] * 3
    for one, masks in zip(read, clip, strict=True):
        message = one.ros_msg
        assert message.frame == masks.frame_index
        stamp = message.header.stamp
        assert stamp.sec + stamp.nanosec / 1e9 == pytest.approx(masks.time_s)
        assert one.log_time_ns == stamp.sec * 10**9 + stamp.nanosec
        assert tuple(message.ids) == masks.object_ids
        assert message.labels == ["dog", "person"]
        assert list(message.visible) == masks.visible.tolist()
        np.testing.assert_allclose(message.scores, masks.scores)
        image = message.label_image
        assert (image.encoding, image.height, image.width) == ("mono16", 48, 64)
        labels = np.frombuffer(bytes(image.data), "<u2").reshape(48, 64)
        whole = np.zeros((48, 64), bool)
        for obj, box, mask in zip(message.ids, message.boxes, message.masks, strict=True):
            whole[:] = False
            rows = np.frombuffer(bytes(mask.data), np.uint8).reshape(mask.height, mask.width)
            x, y = box.x_offset, box.y_offset
            whole[y : y + box.height, x : x + box.width] = rows == 255
            assert np.array_equal(whole, masks[obj])
            # The highest id is on top.
            assert np.array_equal(labels == obj, whole & ~(masks[7] & (obj < 7)))


def test_masks_of_a_bag_have_its_stamps(tmp_path: Path) -> None:
    class OfBag(Clip):
        video = VideoInfo("a.mcap", 48, 64, None, 1000, codec="ros2/Image")

        def __iter__(self) -> Iterator[FrameMasks]:
            for masks in super().__iter__():
                yield replace(masks, pts=1_700_000_000_000_000_000 + masks.frame_index)

    path = tmp_path / "a.mcap"
    export(OfBag(range(2)), "mcap", path)
    stamps = [one.ros_msg.header.stamp for one in mcap_ros2.read_ros2_messages(path)]
    assert [(s.sec, s.nanosec) for s in stamps] == [(1_700_000_000, 0), (1_700_000_000, 1)]


def test_a_bag_without_masks_is_refused(tmp_path: Path) -> None:
    from tests.bags import colours, raw, write_bag

    path = write_bag(tmp_path, {"/cam": [raw(10**9, "rgb8", colours(0))]})
    with (
        pytest.raises(BadExchange, match="no topic of the type"),
        read_masks(path, "mcap", Clip.video, "park") as masks,
    ):
        list(masks)


def test_messages_with_other_fields_are_refused(tmp_path: Path) -> None:
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    types = get_typestore(Stores.ROS2_HUMBLE)
    types.register(get_types_from_msg("uint32 frame\n", KIND))
    with Writer(tmp_path / "bag", version=9, storage_plugin=StoragePlugin.MCAP) as written:
        connection = written.add_connection(TOPIC, KIND, typestore=types)
        message = types.serialize_cdr(types.types[KIND](frame=4), KIND)
        written.write(connection, 0, message)
    with pytest.raises(BadExchange, match=r"message 0: it has other fields than vseg_msgs"):
        read_masks(tmp_path / "bag" / "bag.mcap", "mcap", Clip.video, "a")


def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bag, "find_spec", lambda _: None)
    with pytest.raises(ExtraMissing, match="rosbags is not installed"):
        McapFormat().write(Clip(range(1)), tmp_path / "a.mcap")
