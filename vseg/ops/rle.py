"""COCO run-length strings, from and to mask crops, identical byte for byte to pycocotools'.

A mask is read column by column from the top left; the counts are lengths of alternating runs,
the first one of background.  The string form stores each count as its difference to the count
two before (from the fourth on) in groups of 5 bits, least significant first, as characters
from '0'.  Format: Microsoft COCO, maskApi (Lin et al. 2014).
"""

import numpy as np
from jaxtyping import Int64

from vseg.errors import BadMask
from vseg.ops.codec import MAX_PIXELS
from vseg.types import MaskCrop

_GROUP_BITS = 5
_MORE = 0x20
_SIGN = 0x10
_VALUE = 0x1F
_FIRST_CHARACTER = 48
# 2**28 pixels need six groups of five bits; one more leaves room for the sign.
_MAX_GROUPS = 7


def rle_counts(crop: MaskCrop, height: int, width: int) -> Int64[np.ndarray, " runs"]:
    """Run lengths of the crop within its frame of height x width; the full mask is never
    built.
    """
    h, w = crop.mask.shape
    if crop.x + w > width or crop.y + h > height:
        raise BadMask(
            f"a crop of {w}x{h} at {crop.x},{crop.y} leaves a {width}x{height} frame"
        )
    # One pixel of background after each column, and one before all, separates the columns'
    # runs.
    pixels = np.zeros(w * (h + 1) + 1, dtype=bool)
    pixels[1:].reshape(w, h + 1)[:, :h] = crop.mask.T
    column, row = np.divmod(np.flatnonzero(pixels[1:] != pixels[:-1]), h + 1)
    edges = (column + crop.x) * height + row + crop.y
    # A run that reaches the bottom goes on at the top of the next column: end == next start.
    touching = np.flatnonzero(edges[1:-1:2] == edges[2::2]) * 2 + 1
    edges = np.delete(edges, np.concatenate([touching, touching + 1]))
    if edges.size and edges[-1] == height * width:
        edges = edges[:-1]
    return np.diff(edges, prepend=np.int64(0), append=np.int64(height * width))


def encode_rle(crop: MaskCrop, height: int, width: int) -> str:
    """The `counts` string of the crop within its frame of height x width."""
    counts = rle_counts(crop, height, width)
    left = counts.copy()
    left[3:] -= counts[1:-2]
    groups = np.zeros((len(counts), _MAX_GROUPS), dtype=np.uint8)
    used = np.zeros((len(counts), _MAX_GROUPS), dtype=bool)
    alive = np.ones(len(counts), dtype=bool)
    for group in range(_MAX_GROUPS):
        bits = left & _VALUE
        left >>= _GROUP_BITS
        more = np.where(bits & _SIGN, left != -1, left != 0)
        groups[:, group] = bits + more * _MORE + _FIRST_CHARACTER
        used[:, group] = alive
        alive &= more
    return groups[used].tobytes().decode("ascii")


def decode_rle(counts: str, height: int, width: int) -> MaskCrop:
    """The mask of a `counts` string, cut to its bounding box.

    Raises BadMask if a character is foreign, a run negative, or the runs do not fill the
    frame; all of it is known before any pixel is allocated.
    """
    _check_size(height, width)
    return mask_of_runs(_runs(counts), height, width)


def _check_size(height: int, width: int) -> None:
    if min(height, width) < 0 or height * width > MAX_PIXELS:
        raise BadMask(f"no mask has a size of {width}x{height}")


def mask_of_runs(runs: Int64[np.ndarray, " runs"], height: int, width: int) -> MaskCrop:
    """The mask of run lengths, cut to its bounding box.  Raises BadMask if a run is negative
    or the runs do not fill the frame.
    """
    _check_size(height, width)
    if (runs < 0).any() or int(runs.sum()) != height * width:
        raise BadMask(f"the runs of an RLE do not fill its {width}x{height} frame")
    edges = np.cumsum(runs)
    starts = edges[:-1:2]
    ends = edges[1::2]
    starts, ends = starts[starts < ends], ends[starts < ends]
    if starts.size == 0:
        return MaskCrop.of(np.zeros((0, 0), dtype=bool))
    # Only the columns between the first and the last object pixel are painted.
    left = int(starts[0]) // height
    right = (int(ends[-1]) - 1) // height + 1
    within = np.diff(np.clip(edges, left * height, right * height), prepend=left * height)
    band = np.repeat(np.arange(len(runs)) % 2 == 1, within).reshape(right - left, height)
    crop = MaskCrop.of(band.T)
    return MaskCrop(left + crop.x, crop.y, crop.mask)


def _runs(counts: str) -> Int64[np.ndarray, " runs"]:
    try:
        codes = np.frombuffer(counts.encode("ascii"), dtype=np.uint8).astype(np.int64)
    except UnicodeEncodeError as error:
        raise BadMask("an RLE holds a character that is not ASCII") from error
    codes -= _FIRST_CHARACTER
    if codes.size == 0 or codes.min() < 0 or codes.max() > 63 or codes[-1] & _MORE:
        raise BadMask("an RLE is empty, cut off, or holds a foreign character")
    lasts = np.flatnonzero(codes & _MORE == 0)
    firsts = np.concatenate([[0], lasts[:-1] + 1])
    lengths = lasts - firsts + 1
    if lengths.max() > _MAX_GROUPS:
        raise BadMask("an RLE holds a run that is longer than any frame")
    shifts = _GROUP_BITS * (np.arange(len(codes)) - np.repeat(firsts, lengths))
    values = np.add.reduceat((codes & _VALUE) << shifts, firsts)
    values -= np.where(codes[lasts] & _SIGN, np.int64(1) << (_GROUP_BITS * lengths), 0)
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values
