"""A mask as Label Studio's brush stores it: run lengths of RGBA bytes, packed to bits.

Enters: a mask.  Leaves: a list of bytes.  The format is that of thi.ng/rle-pack: 32 bits with
the number of values, 5 with the width of one less 1, four times 4 with the widths that a
length may have less 1; then for each run a 1, which width its length has, the length less 1,
and the value.  https://github.com/thi-ng/umbrella/tree/develop/packages/rle-pack
"""

import numpy as np
from jaxtyping import Bool

_VALUE_BITS = 8
_LENGTH_BITS = (3, 4, 8, 16)
_LONGEST = 1 << _LENGTH_BITS[-1]
_CHANNELS = 4


def brush_rle(mask: Bool[np.ndarray, "H W"]) -> list[int]:
    """The bytes, each pixel four times 0 or 255."""
    pixels = mask.ravel()
    edges = np.flatnonzero(np.diff(pixels)) + 1
    bounds = np.concatenate([[0], edges, [pixels.size]])
    lengths = np.diff(bounds) * _CHANNELS
    values = pixels[bounds[:-1]] if pixels.size else pixels
    text = [f"{pixels.size * _CHANNELS:032b}{_VALUE_BITS - 1:05b}"]
    text += [f"{width - 1:04b}" for width in _LENGTH_BITS]
    for length, value in zip(lengths.tolist(), values.tolist(), strict=True):
        full, rest = divmod(length, _LONGEST)
        text += [_run(_LONGEST, value)] * full
        text += [_run(rest, value)] if rest else []
    bits = np.frombuffer("".join(text).encode("ascii"), dtype=np.uint8) - ord("0")
    packed: list[int] = np.packbits(bits).tolist()
    return packed


def _run(length: int, value: bool) -> str:
    place = next(n for n, width in enumerate(_LENGTH_BITS) if length <= 1 << width)
    shown = 255 if value else 0
    return f"1{place:02b}{length - 1:0{_LENGTH_BITS[place]}b}{shown:0{_VALUE_BITS}b}"
