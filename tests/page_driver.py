"""The annotator's page in a browser, as a user drives it: places, keys, and what shows."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool

if TYPE_CHECKING:
    from playwright.sync_api import Page

_MARGIN = 12
"""Free space around a frame that fits the stage: as in viewport.js."""
_COVERED = """
([height, width, margin]) => {
  const canvas = document.getElementById("overlay");
  const ratio = devicePixelRatio;
  const { clientWidth: across, clientHeight: down } = canvas;
  const scale = Math.min((across - 2 * margin) / width, (down - 2 * margin) / height);
  const [left, top] = [(across - width * scale) / 2, (down - height * scale) / 2];
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const covered = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const px = Math.round((left + (x + 0.5) * scale) * ratio);
      const py = Math.round((top + (y + 0.5) * scale) * ratio);
      covered.push(data[4 * (py * canvas.width + px) + 3] > 40);
    }
  }
  return covered;
}
"""


class PageDriver:
    """One page.  hw: of the clip's frames."""

    def __init__(self, page: "Page", hw: tuple[int, int]) -> None:
        self.page = page
        self.hw = hw

    def open(self, address: str, token: str, run: str) -> "PageDriver":
        """Log in and open a run; returns when its first frame shows."""
        self.page.goto(f"{address}/#run={run}&token={token}")
        self.wait_for_frame(0)
        return self

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where the centre of a pixel of the frame is on the page, while the frame fits."""
        box = self.page.locator("#stage").bounding_box()
        assert box is not None
        height, width = self.hw
        across = (box["width"] - 2 * _MARGIN) / width
        scale = min(across, (box["height"] - 2 * _MARGIN) / height)
        left = box["x"] + (box["width"] - width * scale) / 2
        top = box["y"] + (box["height"] - height * scale) / 2
        return left + (x + 0.5) * scale, top + (y + 0.5) * scale

    def click(self, x: float, y: float, *, negative: bool = False) -> None:
        """Click a pixel of the frame."""
        self.page.mouse.click(*self.place(x, y), button="right" if negative else "left")

    def drag(self, *places: tuple[float, float]) -> None:
        """Press at the first place, move over the others, release."""
        first, *others = [self.place(*place) for place in places]
        self.page.mouse.move(*first)
        self.page.mouse.down()
        for place in others:
            self.page.mouse.move(*place, steps=4)
        self.page.mouse.up()

    def keys(self, *keys: str) -> None:
        """Press keys one after the other, named as Playwright names them."""
        for key in keys:
            self.page.keyboard.press(key)

    def go_to(self, frame: int) -> None:
        """Show a frame, by typing its number; its masks have come."""
        self.page.mouse.move(5, 5)  # no preview
        self.page.fill("#frame", str(frame))
        self.keys("Enter")
        self.page.wait_for_selector(f'#stage[data-frame="{frame}"][data-complete="true"]')
        self.page.wait_for_timeout(50)  # what the answer changed is painted

    def wait_for_frame(self, frame: int) -> None:
        """Until the image of a frame is on the stage."""
        self.page.wait_for_selector(f'#stage[data-frame="{frame}"]')

    def wait_for(self, expression: str, argument: Any = None) -> None:
        """Until an expression of the page is true."""
        self.page.wait_for_function(expression, arg=argument)

    def wait_for_text(self, selector: str, text: str) -> None:
        """Until an element has a text."""
        test = "([s, t]) => document.querySelector(s)?.textContent.includes(t)"
        self.wait_for(test, [selector, text])

    def wait_for_masks(self, least: int) -> None:
        """Until so many pixels of the frame are covered."""
        for _ in range(200):
            if self.covered().sum() >= least:
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"fewer than {least} pixels are covered: {self.covered().sum()}")

    def covered(self) -> Bool[np.ndarray, "H W"]:
        """Pixels of the frame with something painted over them, while the frame fits."""
        found = self.page.evaluate(_COVERED, [*self.hw, _MARGIN])
        return np.array(found, dtype=bool).reshape(self.hw)

    @property
    def revision(self) -> int:
        """The run's revision, as the page says."""
        return int(self.page.inner_text("#clip-facts").rpartition(" ")[2])

    @property
    def objects(self) -> list[str]:
        """The titles of the objects, in the order of the list."""
        return self.page.locator("#objects .title").all_inner_texts()

    def propagate(self, key: str = "f") -> None:
        """Propagate, and wait for the new revision."""
        before = self.revision
        self.keys(key)
        self.wait_for_text("#clip-facts", f"revision {before + 1}")
