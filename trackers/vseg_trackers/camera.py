"""How the image moved from one frame to the next: sparse optical flow.

Enters: frames.  Leaves: [A | t] for `Detections.camera`: a turn, a scale and a shift that
carry pixels of the previous frame to this one.  Corners (Shi, Tomasi, CVPR 1994) outside the
detected objects are followed (Lucas, Kanade; pyramids by Bouguet 2001) and agreed upon
(RANSAC).  Needs OpenCV, which is loaded with the first CameraMotion.
"""

from dataclasses import dataclass
from types import ModuleType

import numpy as np
from jaxtyping import Float, UInt8

from vseg_trackers.errors import TrackerError

Image = UInt8[np.ndarray, "H W 3"] | UInt8[np.ndarray, "H W"]


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """longest_px: frames are shrunk to this.  corners: at most so many are followed.

    least_corners: so many must agree on one motion, within off_px of the shrunk frame.
    """

    longest_px: int = 480
    corners: int = 300
    least_corners: int = 12
    off_px: float = 1.5


class CameraMotion:
    """One stream's camera.  Raises TrackerError when OpenCV is not installed."""

    def __init__(self, config: CameraConfig | None = None) -> None:
        self._config = config or CameraConfig()
        self._cv2 = _opencv()
        self._before: UInt8[np.ndarray, "h w"] | None = None

    def reset(self) -> None:
        """Forget the previous frame."""
        self._before = None

    def update(
        self, image: Image, objects: Float[np.ndarray, "N 4"] | None = None
    ) -> Float[np.ndarray, "2 3"]:
        """How pixels of the previous frame moved to `image`; no motion for a first frame.

        objects: boxes in the previous frame that move by themselves; their corners do not
        count.  No motion also where too little of the image agrees on one, as after a cut.
        Raises TrackerError for a frame of another size than the one before.
        """
        cv2 = self._cv2
        config = self._config
        height, width = image.shape[:2]
        shrink = min(1.0, config.longest_px / max(height, width))
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
        if shrink < 1:
            gray = cv2.resize(gray, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        before = self._before
        self._before = gray
        if before is None:
            return _still()
        if before.shape != gray.shape:
            raise TrackerError(
                f"a frame of {width} x {height} pixels after one of another size: "
                "give frames of one size, or reset the camera"
            )
        moved = self._moved(before, gray, objects, shrink)
        moved[:, 2] /= shrink
        return moved

    def _moved(
        self,
        before: UInt8[np.ndarray, "h w"],
        gray: UInt8[np.ndarray, "h w"],
        objects: Float[np.ndarray, "N 4"] | None,
        shrink: float,
    ) -> Float[np.ndarray, "2 3"]:
        cv2 = self._cv2
        config = self._config
        scene = np.full(before.shape, 255, dtype=np.uint8)
        boxes = np.zeros((0, 4)) if objects is None else objects * shrink
        for x1, y1, x2, y2 in np.rint(boxes).astype(int).clip(0).tolist():
            scene[y1:y2, x1:x2] = 0
        corners = cv2.goodFeaturesToTrack(before, config.corners, 0.01, 5, mask=scene)
        if corners is None:
            return _still()
        ends, found, _ = cv2.calcOpticalFlowPyrLK(before, gray, corners, None)
        followed = found[:, 0] == 1
        if followed.sum() < config.least_corners:
            return _still()
        moved, agree = cv2.estimateAffinePartial2D(
            corners[followed], ends[followed], ransacReprojThreshold=config.off_px
        )
        if moved is None or agree.sum() < config.least_corners:
            return _still()
        return np.asarray(moved, dtype=float)


def _still() -> Float[np.ndarray, "2 3"]:
    return np.eye(2, 3)


def _opencv() -> ModuleType:
    try:
        import cv2
    except ImportError as error:
        raise TrackerError(
            "camera motion needs OpenCV, which is not installed: pip install opencv-python"
        ) from error
    return cv2
