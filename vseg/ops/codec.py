"""The lossless mask codec of the run directory: a cropped mask to a few kilobytes and back.

Each pixel becomes one bit, each row is XORed with the row above, and the zeros that leaves are
squeezed by zlib.  XOR turns the inside of an object and every straight edge into zeros, so
zlib's run-length strategy (level 1) does better than its string matching at any level, and
faster.
"""

import zlib

import numpy as np
from jaxtyping import UInt64

from vseg.errors import BadMask
from vseg.types import MaskCrop

CODEC = "xorbits-zlib"
# Twice a 16K x 8K image.  Above it a stored size is taken for damage, not for a mask.
MAX_PIXELS = 2**28
# zlib cannot expand a stream by more than this, so a short payload cannot ask for much memory.
MAX_EXPANSION = 1032
_WORD_BITS = 64


def encode_mask(crop: MaskCrop) -> bytes:
    """The crop's pixels as a payload; its place and size are kept beside it by whoever stores
    it.

    An empty crop gives an empty payload.  Raises BadMask above 2**28 pixels.
    """
    _words_per_row(crop.xywh)
    if crop.mask.size == 0:
        return b""
    rows = _padded_rows(crop)
    changes = rows.copy()
    changes[1:] ^= rows[:-1]
    squeezer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, 9, zlib.Z_RLE)
    return squeezer.compress(changes.data) + squeezer.flush()


def decode_mask(payload: bytes, xywh: tuple[int, int, int, int]) -> MaskCrop:
    """The crop that was encoded, placed at x, y of the frame.

    Raises BadMask before anything is allocated if the size is absurd or impossible for a
    payload of this length, and if the payload does not unpack to exactly that size.
    """
    x, y, width, height = xywh
    words = _words_per_row(xywh)
    if width == 0 or height == 0:
        if payload:
            raise BadMask(f"an empty mask comes with {len(payload)} bytes of payload")
        return MaskCrop(x, y, np.zeros((height, width), dtype=bool))
    expected = height * words * (_WORD_BITS // 8)
    if expected > len(payload) * MAX_EXPANSION:
        raise BadMask(f"{len(payload)} bytes of payload cannot hold a {width}x{height} mask")
    packed = np.frombuffer(_unsqueeze(payload, expected), dtype=np.uint64).reshape(
        height, words
    )
    rows = np.bitwise_xor.accumulate(packed, axis=0)
    bits = np.unpackbits(rows.view(np.uint8), axis=1, count=width)
    return MaskCrop(x, y, bits.view(bool))


def _padded_rows(crop: MaskCrop) -> UInt64[np.ndarray, "h words"]:
    """One bit a pixel, each row filled up to whole 64-bit words: XOR then runs word by
    word.
    """
    height, width = crop.mask.shape
    rows = np.zeros((height, _words_per_row(crop.xywh)), dtype=np.uint64)
    rows.view(np.uint8)[:, : (width + 7) // 8] = np.packbits(crop.mask, axis=1)
    return rows


def _words_per_row(xywh: tuple[int, int, int, int]) -> int:
    x, y, width, height = xywh
    if min(xywh) < 0 or width * height > MAX_PIXELS:
        raise BadMask(f"no mask has its corner at {x},{y} and a size of {width}x{height}")
    return -(-width // _WORD_BITS)


def _unsqueeze(payload: bytes, expected: int) -> bytes:
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(payload, expected)
        # The checksum may still be unread when the last byte is already out.
        excess = b"" if stream.eof else stream.decompress(stream.unconsumed_tail, 1)
    except zlib.error as error:
        raise BadMask(f"the mask payload is damaged: {error}") from error
    if len(content) != expected or excess or not stream.eof or stream.unused_data:
        raise BadMask(f"the mask payload does not hold exactly {expected} bytes")
    return content
