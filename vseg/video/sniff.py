"""What kind of file this is, by its first bytes and its own sizes, before any decoder sees it.

In: a path.  Out: a `Sniffed` (container kind; why the file is shorter than it says, if it is),
or BadVideo for what must never reach the demuxer: playlists, which make it open other files.
Box, element and chunk sizes: ISO/IEC 14496-12 §4.2, RFC 8794 §6, the RIFF form; ISO/IEC
13818-1 §2.4.3.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vseg.errors import BadVideo
from vseg.io.files import check_exists

HEAD_BYTES = 4096
TS_PACKET = 188
M2TS_PACKET = 192
TS_SYNC = 0x47
MP4_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip", b"pnot", b"styp", b"uuid"}
# Further boxes that ISO/IEC 14496-12 (table 1), QuickTime and the registry of mp4ra.org allow
# at the top level.  Anything else behind a whole index is a trailer of the camera or program
# that wrote the file, not a box.
TOP_LEVEL_BOXES = MP4_BOXES | set(
    b"moof mfra sidx ssix prft meta meco emsg udta pdin imda PICT junk ainf".split()
)
EBML = b"\x1a\x45\xdf\xa3"
SEGMENT = b"\x18\x53\x80\x67"
PLAYLISTS = (b"#extm3u", b"ffconcat", b"[playlist]", b"v=0\r", b"v=0\n", b"<smil", b"<asx")

_IMAGE_HINTS = {
    "an image": "give a folder with the images of the clip; for masks of one image use "
    "vseg.segment in Python",
    "an animated WebP image": 'make an animated PNG of it: python -c "from PIL import Image; '
    "Image.open('IN.webp').save('OUT.png', save_all=True)\"",
}


@dataclass(frozen=True, slots=True)
class Sniffed:
    """Container kind (mp4, matroska, mpegts, avi or other) and, if bytes are missing,
    where.
    """

    kind: str
    torn: str | None


def sniff(path: Path) -> Sniffed:
    """The container kind of a regular, non-empty file.

    Raises BadVideo for a missing path, a folder, an empty file, a playlist, an image, and an
    mp4 without header.
    """
    head, size = _head(path)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(PLAYLISTS) or (text.startswith(b"<?xml") and b"<mpd" in text):
        raise BadVideo(
            f"{path}: is a playlist that names other files, not a video",
            hint="give the video file that it names",
        )
    image = _image(head)
    if image is not None:
        raise BadVideo(f"{path}: is {image}, not a video", hint=_IMAGE_HINTS[image])
    kind = _kind(head)
    with path.open("rb") as file:
        return Sniffed(kind, _torn(file, kind, size, path))


def _head(path: Path) -> tuple[bytes, int]:
    check_exists(str(path))
    if path.is_dir():
        raise BadVideo(
            f"{path}: is a folder, not a video file",
            hint="for a folder of images use --reader images",
        )
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise BadVideo(f"{path}: is not a regular file")
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise BadVideo(f"{path}: cannot be opened: {error.strerror}") from error
    if size == 0:
        raise BadVideo(
            f"{path}: the file is empty (0 bytes)", hint="copy or download it again"
        )
    return head, size


def _kind(head: bytes) -> str:
    if head[4:8] in MP4_BOXES:
        return "mp4"
    if head.startswith(EBML):
        return "matroska"
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return "avi"
    return "mpegts" if _ts_packet(head) else "other"


def _image(head: bytes) -> str | None:
    """What kind of image file begins like this; None for what may be a clip."""
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        # A single WebP image is read as a clip of one frame.
        return "an animated WebP image" if b"ANIM" in head[12:64] else None
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        # An animation says so before its first image (the acTL chunk); FFmpeg reads it.
        return None if b"acTL" in head else "an image"
    still = head.startswith((b"\xff\xd8\xff", b"II*\0", b"MM\0*"))
    bitmap = head.startswith(b"BM") and head[6:10] == bytes(4)
    return "an image" if still or bitmap else None


def _ts_packet(head: bytes) -> int:
    """The packet length of a transport stream that starts here, or 0."""
    for length, offset in ((TS_PACKET, 0), (M2TS_PACKET, 4)):
        marks = head[offset::length][:4]
        if len(marks) >= 2 and all(mark == TS_SYNC for mark in marks):
            return length
    return 0


def _torn(file: BinaryIO, kind: str, size: int, path: Path) -> str | None:
    if kind == "mp4":
        return _torn_mp4(file, size, path)
    if kind == "matroska":
        return _torn_matroska(file, size)
    head = file.read(HEAD_BYTES)
    if kind == "avi":
        promised = int.from_bytes(head[4:8], "little") + 8
        return _missing(promised, size) if promised > size else None
    if kind == "mpegts" and _torn_packet(file, size, _ts_packet(head)):
        return "the file ends inside a transport packet"
    return None


def _torn_packet(file: BinaryIO, size: int, length: int) -> bool:
    """Whether the last, incomplete stretch of a transport stream begins as a packet does: a
    trailer behind the last whole packet does not.
    """
    rest = size % length
    file.seek(size - rest)
    sync = file.read(rest)[length - TS_PACKET :]
    return rest > 0 and (not sync or sync[0] == TS_SYNC)


def _missing(promised: int, size: int) -> str:
    return f"the file ends {promised - size} bytes before its header says"


def _torn_mp4(file: BinaryIO, size: int, path: Path) -> str | None:
    """Walk the top-level boxes.  An mp4 cut before its index cannot be read at all:
    BadVideo.
    """
    position = 0
    names = set()
    while position + 8 <= size:
        file.seek(position)
        header = file.read(16)
        length = int.from_bytes(header[:4], "big")
        is_box = header[4:8] in TOP_LEVEL_BOXES and (length >= 8 or length < 2)
        if b"moov" in names and not is_box:
            break
        names.add(header[4:8])
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if length == 0:
            break
        if length < 8:
            raise BadVideo(
                f"{path}: not a readable mp4: a box of {length} bytes at {position}"
            )
        position += length
    torn = _missing(position, size) if position > size else None
    if b"moov" not in names or (torn and header[4:8] == b"moov"):
        raise BadVideo(
            f"{path}: the mp4 index (moov) is missing: the recording or copy was not finished",
            hint="copy the file again, or rebuild its index with a repair tool such as "
            "untrunc",
        )
    return torn


def _torn_matroska(file: BinaryIO, size: int) -> str | None:
    """Compare the Segment's size with the file's; recordings of unknown size promise
    nothing.
    """
    head = file.read(HEAD_BYTES)
    start = head.find(SEGMENT)
    if start < 0 or start + 12 > len(head):
        return None
    first = head[start + 4]
    width = 9 - first.bit_length()
    if not 1 <= width <= 8:
        return None
    field = head[start + 4 : start + 4 + width]
    value = int.from_bytes(field, "big") & ((1 << 7 * width) - 1)
    if value == (1 << 7 * width) - 1:
        return None
    promised = start + 4 + width + value
    return _missing(promised, size) if promised > size else None
