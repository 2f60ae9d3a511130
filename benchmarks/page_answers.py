"""What the annotator's page is told over its socket, for benchmarks that use it as people do."""

import struct
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool

from tests.page_driver import PageDriver
from vseg.server.annotator.mask_message import MaskFlag
from vseg.types import MaskCrop

_HEAD = struct.Struct("<IIIHHiiii")


class PageAnswers:
    """What a page gets: the masks of pending prompts, the newest of each object, and how often
    it was told what to review.
    """

    def __init__(self, driver: PageDriver) -> None:
        self._driver = driver
        self._reviews = 0
        self._newest: dict[int, Bool[np.ndarray, "H W"]] = {}
        driver.page.on("websocket", lambda socket: socket.on("framereceived", self._take))

    def forget(self, number: int) -> None:
        """Wait for another one from now on."""
        self._newest.pop(number, None)

    def of(self, number: int) -> Bool[np.ndarray, "H W"]:
        """The mask of an object; waits for it."""
        self._wait(lambda: number in self._newest)
        return self._newest[number]

    def review(self, key: str) -> None:
        """Press a key after which the page is told what to review next, and wait until that
        shows.
        """
        before = self._reviews
        self._driver.keys(key)
        self._wait(lambda: self._reviews > before)
        self._driver.page.wait_for_timeout(100)

    def _wait(self, come: Callable[[], bool]) -> None:
        for _ in range(6000):
            if come():
                return
            self._driver.page.wait_for_timeout(10)
        raise AssertionError("the page got no answer within a minute")

    def _take(self, payload: str | bytes) -> None:
        if isinstance(payload, str):
            self._reviews += '"left":' in payload
            return
        _, _, number, flags, _, x, y, w, h = _HEAD.unpack_from(payload)
        if flags & MaskFlag.PENDING:
            runs = np.frombuffer(payload, "<u4", offset=_HEAD.size)
            pixels = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(h, w)
            self._newest[number] = MaskCrop(x, y, pixels).paste(*self._driver.hw)
