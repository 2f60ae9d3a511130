"""A ROS 2 node around vseg.Tracker: images in, labels and objects out, prompts at any moment.

    source /opt/ros/humble/setup.bash          # or a later one; its Python must have vseg
    python demos/ros2_node.py --ros-args -r image:=/camera/image_raw -p budget_s:=0.05

| topic | type | what |
|---|---|---|
| image | sensor_msgs/Image | in: the newest one is tracked, older ones are dropped |
| ~/prompt | std_msgs/String | in: JSON, such as {"id": 1, "box": [10, 20, 90, 80]} |
| ~/remove | std_msgs/UInt32 | in: the id of an object |
| ~/labels | sensor_msgs/Image | out: mono16, the id of an object on each of its pixels |
| ~/objects | std_msgs/String | out: JSON: stamp, and id, label, score, box of each object |
| /diagnostics | diagnostic_msgs/DiagnosticArray | out: latencies, once a second |

A prompt has `points` (with `labels`), `box`, `polygon` or `text`; it may have a `label`, and
the `stamp`, in nanoseconds, of the image that it is of: one of the last sixteen.

Limits: it was written against the documented interfaces of rclpy and has not been run on a
robot; what does not need ROS (`Perception`) is tested with messages of ROS 2.  One camera; raw
images, no image_transport; messages are copied, not shared; Python's threads share one
interpreter, so a prompt that is decoded slows the images down meanwhile.  Words need nano's
vocabulary.  Where latency matters more than convenience, call vseg.Tracker in the process that
has the images.
"""

import json
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

import vseg
from vseg.exchange.mcap import label_image
from vseg.frame_masks import FrameMasks
from vseg.interfaces.closing import Closing
from vseg.interfaces.model import Model
from vseg.video.ros_images import RAW, rgb_of_message

KEPT_STAMPS = 16
"""As many as a tracker keeps images for prompts."""


class Perception(Closing):
    """What the node does, without ROS: takes messages, gives plain values."""

    def __init__(self, model: Model, budget_s: float | None) -> None:
        self.tracker = vseg.Tracker(
            model, latency_budget_s=budget_s, grounder=vseg.open_nano_text(model)
        )
        self._frames: OrderedDict[int, int] = OrderedDict()

    def image(self, message: Any) -> tuple[np.ndarray, dict[str, Any]] | None:
        """The label image and the objects of an image message; None of one that comes late.

        Raises VsegError for an image that cannot be tracked.
        """
        pixels = rgb_of_message(message, RAW)
        stamp = message.header.stamp
        stamp_ns = stamp.sec * 10**9 + stamp.nanosec
        try:
            masks = self.tracker.update(pixels, stamp_ns / 1e9)
        except vseg.LateFrame:
            return None
        self._frames[stamp_ns] = masks.frame_index
        while len(self._frames) > KEPT_STAMPS:
            self._frames.popitem(last=False)
        return label_image(masks), {"stamp": stamp_ns, "objects": self._objects(masks)}

    def prompt(self, text: str) -> int:
        """The id of the object that a prompt in JSON begins or corrects.

        Raises VsegError for a prompt that cannot be applied.
        """
        try:
            given = json.loads(text)
            obj = given.pop("id", None)
            stamp = given.pop("stamp", None)
            label = given.pop("label", None)
            frame = None if stamp is None else self._frames.get(stamp, -1)
            return self.tracker.prompt(obj, frame=frame, label=label, **given).object_ids[0]
        except (ValueError, TypeError, AttributeError) as error:
            raise vseg.BadPrompt(
                f"the prompt cannot be read: {error}",
                hint='send JSON, such as {"id": 1, "box": [10, 20, 90, 80]}',
            ) from error

    def latencies(self) -> tuple[bool, dict[str, str]]:
        """Whether the budget is kept, and what there is to say of it."""
        report = self.tracker.latency()
        shown = {
            "p50_ms": f"{1000 * report.p50_s:.1f}",
            "p95_ms": f"{1000 * report.p95_s:.1f}",
            "p99_ms": f"{1000 * report.p99_s:.1f}",
            "updates": str(report.updates),
            "over_budget": str(report.over_budget),
            "reduced": str(report.reduced),
            "held": str(report.held),
            "late": str(report.late),
        }
        return report.kept, shown

    def close(self) -> None:
        """Free the tracker's state."""
        self.tracker.close()

    def _objects(self, masks: FrameMasks) -> list[dict[str, Any]]:
        labels = self.tracker.labels
        rows = zip(masks, masks.scores.tolist(), masks.boxes.tolist(), strict=True)
        return [
            {"id": obj, "label": labels.get(obj), "score": round(score, 3), "box": box}
            for obj, score, box in rows
        ]


class RosNode:
    """The topics of the node.  What they carry is imported where it is used: this file is read
    where there is no ROS, too.
    """

    def __init__(self, node: Any) -> None:
        from diagnostic_msgs.msg import DiagnosticArray
        from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
        from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
        from sensor_msgs.msg import Image
        from std_msgs.msg import String, UInt32

        budget_s = node.declare_parameter("budget_s", 0.05).value
        device = node.declare_parameter("device", "cpu").value
        self._node = node
        self.perception = Perception(vseg.load_model("nano", device=device), budget_s)
        self._labels = node.create_publisher(Image, "~/labels", 1)
        self._objects = node.create_publisher(String, "~/objects", 1)
        self._diagnostics = node.create_publisher(DiagnosticArray, "/diagnostics", 1)
        newest = QoSProfile(
            history=HistoryPolicy.KEEP_LAST,
            depth=1,
            reliability=ReliabilityPolicy.BEST_EFFORT,
        )
        # Two threads: an image is tracked while a prompt is decoded.
        images = MutuallyExclusiveCallbackGroup()
        others = MutuallyExclusiveCallbackGroup()
        subscribe = node.create_subscription
        subscribe(Image, "image", self._logged(self._image), newest, callback_group=images)
        subscribe(String, "~/prompt", self._logged(self._prompt), 10, callback_group=others)
        subscribe(UInt32, "~/remove", self._logged(self._remove), 10, callback_group=others)
        node.create_timer(1.0, self._second, callback_group=others)

    def _logged(self, take: Callable[[Any], None]) -> Callable[[Any], None]:
        """The same; what is refused is logged, and the node goes on."""

        def logged(message: Any) -> None:
            try:
                take(message)
            except vseg.VsegError as error:
                self._node.get_logger().warning(str(error), throttle_duration_sec=1.0)

        return logged

    def _image(self, message: Any) -> None:
        from sensor_msgs.msg import Image
        from std_msgs.msg import String

        found = self.perception.image(message)
        if found is None:
            return
        pixels, told = found
        height, width = pixels.shape
        sent = Image(header=message.header, height=height, width=width, encoding="mono16")
        sent.step = 2 * width
        sent.data = pixels.astype("<u2").tobytes()
        self._labels.publish(sent)
        self._objects.publish(String(data=json.dumps(told)))

    def _prompt(self, message: Any) -> None:
        obj = self.perception.prompt(message.data)
        self._node.get_logger().info(f"object {obj}")

    def _remove(self, message: Any) -> None:
        self.perception.tracker.remove(message.data)

    def _second(self) -> None:
        from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

        kept, values = self.perception.latencies()
        status = DiagnosticStatus(name="vseg", message="" if kept else "over the budget")
        status.level = DiagnosticStatus.OK if kept else DiagnosticStatus.WARN
        status.values = [KeyValue(key=key, value=value) for key, value in values.items()]
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._diagnostics.publish(array)


def main() -> None:
    """Run the node until it is stopped."""
    import rclpy
    from rclpy.executors import MultiThreadedExecutor

    rclpy.init()
    node = rclpy.create_node("vseg")
    topics = RosNode(node)
    executor = MultiThreadedExecutor(num_threads=2)
    executor.add_node(node)
    try:
        executor.spin()
    except KeyboardInterrupt:
        pass
    finally:
        topics.perception.close()
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
