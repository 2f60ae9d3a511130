"""The images of a clip in the body of one request -> a folder of image files.

Enters: a file of JSON with a list `frames` of data URIs.  Leaves: one file for each.  One
image is in memory at a time, however long the list is.
"""

from contextlib import closing
from pathlib import Path

from vseg.errors import BadExchange, BadImage, TooLarge
from vseg.io.json_stream import JsonStream
from vseg.server.plugins.wire_images import file_of_text, header_of
from vseg.server.settings import Limits


def unpack_frames(body: Path, folder: Path, limits: Limits) -> None:
    """Write the images as files whose names are their numbers, from 0.

    Raises BadImage for a body or a frame that is none, and TooLarge.
    """
    sizes: list[tuple[int, int]] = []
    try:
        with closing(JsonStream(body, limits.body_bytes)) as stream:
            for key in stream.members():
                if key != "frames":
                    stream.skip()
                    continue
                for number in stream.elements():
                    if number >= limits.frames:
                        raise TooLarge(f"a clip may have {limits.frames} frames")
                    size = _write(stream.value(), folder, number, limits.pixels)
                    sizes = sizes or [size]
                    _check_size(number, size, sizes[0])
    except BadExchange as error:
        message = error.message.replace(str(body), "the request")
        raise BadImage(message, hint="is it whole?") from error
    if not sizes:
        raise BadImage("the request has no frames", hint="send them as a list of data URIs")


def _check_size(number: int, size: tuple[int, int], first: tuple[int, int]) -> None:
    """Masks are answered in pixels of the first image: they would lie elsewhere on another."""
    if size != first:
        raise BadImage(
            f"frame {number} is {size[1]}x{size[0]}, the first one {first[1]}x{first[0]}",
            hint="a clip has images of one size: open a folder that holds nothing else",
        )


def _write(text: object, folder: Path, number: int, most_pixels: int) -> tuple[int, int]:
    """The height and width of the image that was written."""
    try:
        content = file_of_text(text if isinstance(text, str) else "")
        suffix, size = header_of(content, most_pixels)
    except (BadImage, TooLarge) as error:
        raise type(error)(f"frame {number}: {error.message}", hint=error.hint) from error
    (folder / f"{number:07d}{suffix}").write_bytes(content)
    return size
