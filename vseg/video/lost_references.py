"""Where packets of an H.264 stream are missing, by the numbers in the stream itself.

In: packets in the order of the file.  Out: for each, whether a frame that others refer to was
lost before it.  A decoder patches such a hole in silence, with whatever image it holds at that
moment; the frames after it then depend on where decoding began.  Every reference frame counts
`frame_num` up by one (ITU-T H.264 §7.4.3), so a step of two or more is a loss.
"""

from dataclasses import dataclass

# NAL unit types of table 7-1.
_SLICES = (1, 5)
_IDR = 5
_SPS = 7
# Profiles whose sequence parameter sets carry the chroma format (§7.3.2.1.1).
_CHROMA_PROFILES = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}
# What precedes frame_num in a slice header fits in these bytes: at most 1 + 3 fields of Exp-
# Golomb codes with up to 31 bits each.
_HEADER_BYTES = 32


@dataclass(slots=True)
class LostReferences:
    """Follows `frame_num` through one stream.

    config: the stream's extradata: avcC of ISO/IEC 14496-15 §5.3.3.1, or Annex B.
    """

    config: bytes
    _bits: int | None = None
    _gaps_allowed: bool = False
    _latest: int | None = None
    _length_bytes: int = 0

    def __post_init__(self) -> None:
        if self.config[:1] == b"\x01" and len(self.config) > 8:
            self._length_bytes = (self.config[4] & 3) + 1
            size = int.from_bytes(self.config[6:8], "big")
            self._read_sps(self.config[8 : 8 + size])
        else:
            self._before(self.config)

    def before(self, packet: memoryview) -> bool:
        """Whether a reference frame was lost before this packet."""
        return self._before(packet) if self._length_bytes == 0 else self._before_sized(packet)

    def _before(self, packet: "memoryview | bytes") -> bool:
        """The same for Annex B: NAL units behind start codes."""
        content = bytes(packet)
        at = content.find(b"\0\0\1")
        while at >= 0:
            unit = content[at + 3 : at + 3 + _HEADER_BYTES]
            kind = unit[0] & 31 if unit else 0
            if kind in _SLICES:
                return self._lost(unit)
            following = content.find(b"\0\0\1", at + 3)
            if kind == _SPS:
                self._read_sps(content[at + 3 : following if following > 0 else None])
            at = following
        return False

    def _before_sized(self, packet: memoryview) -> bool:
        """The same for avcC: NAL units behind their lengths."""
        at = 0
        width = self._length_bytes
        while at + width < len(packet):
            size = int.from_bytes(packet[at : at + width], "big")
            start = at + width
            kind = packet[start] & 31
            if kind in _SLICES:
                return self._lost(bytes(packet[start : start + _HEADER_BYTES]))
            if kind == _SPS:
                self._read_sps(bytes(packet[start : start + size]))
            at = start + size
        return False

    def _lost(self, unit: bytes) -> bool:
        if self._bits is None:
            return False
        reader = _BitReader(unit[1:])
        for _ in ("first_mb_in_slice", "slice_type", "pic_parameter_set_id"):
            reader.code()
        number = reader.bits(self._bits)
        before = self._latest
        is_reference = unit[0] & 0x60 != 0
        if is_reference:
            self._latest = number
        if before is None or unit[0] & 31 == _IDR or self._gaps_allowed:
            return False
        # Memory management operation 5 restarts the count too; no encoder in use sends it.
        return (number - before) % (1 << self._bits) > 1

    def _read_sps(self, unit: bytes) -> None:
        """Take the width of frame_num and whether it may have gaps (§7.3.2.1.1)."""
        reader = _BitReader(unit[4:])
        reader.code()
        if unit[1:2] and unit[1] in _CHROMA_PROFILES and not _skip_chroma(reader):
            self._bits = None
            return
        self._bits = reader.code() + 4
        order = reader.code()
        if order == 0:
            reader.code()
        elif order == 1:
            reader.bits(1)
            reader.code()
            reader.code()
            for _ in range(reader.code()):
                reader.code()
        reader.code()
        self._gaps_allowed = reader.bits(1) == 1


def _skip_chroma(reader: "_BitReader") -> bool:
    """Skip the chroma format and bit depths; False where scaling lists follow."""
    if reader.code() == 3:
        reader.bits(1)
    reader.code()
    reader.code()
    reader.bits(1)
    # Encoders that people use send scaling lists with the picture parameter set or not at
    # all: such a stream is left unchecked.
    return reader.bits(1) == 0


class _BitReader:
    """Reads fields of a NAL unit, its emulation prevention bytes taken out (§7.3.1)."""

    def __init__(self, unit: bytes) -> None:
        content = unit.replace(b"\0\0\3", b"\0\0")
        self._left = len(content) * 8
        self._value = int.from_bytes(content, "big")

    def bits(self, count: int) -> int:
        """An unsigned number of `count` bits; 0 past the end."""
        self._left = max(self._left - count, 0)
        return (self._value >> self._left) & ((1 << count) - 1)

    def code(self) -> int:
        """An unsigned Exp-Golomb code (§9.1)."""
        rest = self._value & ((1 << self._left) - 1)
        zeros = self._left - rest.bit_length()
        return self.bits(2 * zeros + 1) - 1
