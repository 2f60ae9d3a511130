"""Masks warped by dense optical flow, and refined by GrabCut where asked for.

Enters: the first image with masks, then the following images.  Leaves: masks.  Flow: Kroeger
et al. 2016, "Fast Optical Flow using Dense Inverse Search", OpenCV's medium preset.  GrabCut:
Rother et al.  2004.
"""

import math

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

GRABCUT_ROUNDS = 2  # a round value; not tuned
BAND_SHARE = 0.1  # of the square root of the mask's area; a round value
LEAST_PIXELS = 8
"""GrabCut fits two colour mixtures of five; with fewer pixels it cannot."""


class FlowWarp:
    """Masks warped by the flow from an image back to the one before."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._grey: UInt8[np.ndarray, "H W"] = np.zeros((0, 0), np.uint8)
        self._masks: Bool[np.ndarray, "O H W"] = np.zeros((0, 0, 0), bool)

    def begin(
        self, image: UInt8[np.ndarray, "H W 3"], masks: Bool[np.ndarray, "O H W"]
    ) -> None:
        """Take the first image and its masks."""
        self._grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        self._masks = masks

    def step(self, image: UInt8[np.ndarray, "H W 3"]) -> Bool[np.ndarray, "O H W"]:
        """The masks on the next image."""
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        # Backward flow, so that every pixel of the new image has a source.
        flow = self._flow.calc(grey, self._grey, np.zeros((*grey.shape, 2), np.float32))
        self._grey = grey
        self._masks = np.stack([self._refined(image, _warp(m, flow)) for m in self._masks])
        return self._masks

    def _refined(
        self, image: UInt8[np.ndarray, "H W 3"], mask: Bool[np.ndarray, "H W"]
    ) -> Bool[np.ndarray, "H W"]:
        return mask


class GrabCutWarp(FlowWarp):
    """Flow, and GrabCut on every image in a band around the warped outline."""

    def _refined(
        self, image: UInt8[np.ndarray, "H W 3"], mask: Bool[np.ndarray, "H W"]
    ) -> Bool[np.ndarray, "H W"]:
        return grab_cut(image, mask)


def _warp(
    mask: Bool[np.ndarray, "H W"], flow: Float32[np.ndarray, "H W 2"]
) -> Bool[np.ndarray, "H W"]:
    height, width = mask.shape
    columns, rows = np.meshgrid(
        np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    )
    moved = cv2.remap(
        mask.astype(np.float32), columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR
    )
    return np.asarray(moved > 0.5, dtype=bool)


def grab_cut(
    image: UInt8[np.ndarray, "H W 3"], mask: Bool[np.ndarray, "H W"]
) -> Bool[np.ndarray, "H W"]:
    """The mask with its outline moved to colour edges within a band of a tenth of the object's
    size.

    A mask too small to have colours of its own, or that leaves no background, is returned
    unchanged.
    """
    band = max(3, round(BAND_SHARE * math.sqrt(np.count_nonzero(mask))))
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    # Only the surroundings of the object are taken as background, not the whole image.
    top = max(0, y - 4 * band)
    left = max(0, x - 4 * band)
    region = np.s_[top : y + h + 4 * band, left : x + w + 4 * band]
    inside = mask[region].astype(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * band + 1, 2 * band + 1))
    dilated = cv2.dilate(inside, disc)
    trimap = np.where(dilated > 0, cv2.GC_PR_BGD, cv2.GC_BGD).astype(np.uint8)
    trimap[inside > 0] = cv2.GC_PR_FGD
    trimap[cv2.erode(inside, disc, borderType=cv2.BORDER_REPLICATE) > 0] = cv2.GC_FGD
    if min(np.count_nonzero(inside), np.count_nonzero(inside == 0)) < LEAST_PIXELS:
        return mask
    cv2.setRNGSeed(0)  # its mixtures start at random
    bgr = np.ascontiguousarray(image[region][..., ::-1])
    # OpenCV keeps a mixture of five Gaussians in 65 numbers.
    models = (np.zeros((1, 65)), np.zeros((1, 65)))
    cv2.grabCut(bgr, trimap, (0, 0, 1, 1), *models, GRABCUT_ROUNDS, cv2.GC_INIT_WITH_MASK)
    refined = np.zeros_like(mask)
    refined[region] = (trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD)
    return refined
