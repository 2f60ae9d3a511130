"""The process in which one connection to a camera lives: opened, decoded, and ended with it.

A driver or a network library may block for good, so nothing of it runs in the process of the
caller, which ends this one when nothing comes.  Enters: an order on stdin, then a line for
each image that is wanted.  Leaves: messages on stdout.  Run by `live_connection` as
`python -m vseg.video.live_child`.
"""

import os
import sys
import threading
from typing import IO

from vseg.errors import VsegError
from vseg.video.capture import Capture, Grabbed, open_capture
from vseg.video.live_messages import (
    ConnectionEnd,
    Described,
    Image,
    MessageWriter,
    ReaderOrder,
    Tick,
)
from vseg.video.live_queue import LiveQueue

STILL_HERE_S = 0.5
"""While none is dropped and the consumer is slow: how often to say that images are there.  Far
below any time-out that is of use; a round value."""


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Read the ordered source to its end."""
    order = ReaderOrder.of(requests.readline())
    writer = MessageWriter(answers)
    try:
        capture = open_capture(order.source, order.timeout_s, order.transport)
        first = capture.grab()
        if first is None:
            writer.write(ConnectionEnd(f"gives no image {capture.broken}".rstrip()))
            return
        writer.write(_described(capture, first))
        queue = LiveQueue(drop=order.drop)
        answers_now = threading.Lock()
        threading.Thread(
            target=_answer, args=(requests, queue, writer, answers_now), daemon=True
        ).start()
        _pump(capture, first, queue, writer)
        queue.end()
        if capture.finite or not order.drop:  # what is still held will be asked for
            queue.join()
        with answers_now:
            writer.write(ConnectionEnd(capture.broken))
    except VsegError as error:
        writer.write(ConnectionEnd(error.message, error.hint))


def _described(capture: Capture, first: Grabbed) -> Described:
    height, width = first.convert().shape[:2]
    return Described(
        height, width, capture.fps, capture.codec, capture.finite, first.pixel_aspect
    )


def _pump(capture: Capture, first: Grabbed, queue: LiveQueue, writer: MessageWriter) -> None:
    grabbed: Grabbed | None = first
    while grabbed is not None:
        arrival = queue.put(grabbed)
        writer.write(Tick(queue.arrived, arrival.arrived_s))
        while not queue.has_room(STILL_HERE_S):
            writer.write(Tick(queue.arrived, arrival.arrived_s))
        grabbed = capture.grab()


def _answer(
    requests: IO[bytes], queue: LiveQueue, writer: MessageWriter, now: threading.Lock
) -> None:
    """The thread: an image for each line, until there are no more.  now: held meanwhile."""
    for _ in requests:
        with now:
            arrival = queue.take()
            if arrival is None:
                return
            pixels = arrival.grabbed.convert()
            writer.write(Image(arrival.number, arrival.arrived_s, arrival.grabbed.pts, pixels))
    # The caller is gone: whatever the source does, nobody waits for it.
    os._exit(0)


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
    sys.stdout.buffer.flush()
    # A driver that hangs when it is released must not keep the process.
    os._exit(0)
