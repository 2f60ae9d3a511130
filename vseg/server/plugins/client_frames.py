"""The images of a clip in the body of one request -> a folder of image files.

Enters: a file of JSON with a list `frames` of data URIs.  Leaves: one file for each.  One
image is in memory at a time, however long the list is.
"""

from contextlib import closing
from pathlib import Path

from vseg.errors import BadExchange, BadImage, TooLarge
from vseg.io.json_stream import JsonStream
from vseg.server.plugins.wire_images import file_of_text, suffix_of
from vseg.server.settings import Limits


def unpack_frames(body: Path, folder: Path, limits: Limits) -> None:
    """Write the images as files whose names are their numbers, from 0.

    Raises BadImage for a body or a frame that is none, and TooLarge.
    """
    count = 0
    try:
        with closing(JsonStream(body, limits.body_bytes)) as stream:
            for key in stream.members():
                if key != "frames":
                    stream.skip()
                    continue
                for number in stream.elements():
                    if number >= limits.frames:
                        raise TooLarge(f"a clip may have {limits.frames} frames")
                    _write(stream.value(), folder, number, limits.pixels)
                    count = number + 1
    except BadExchange as error:
        message = error.message.replace(str(body), "the request")
        raise BadImage(message, hint="is it whole?") from error
    if not count:
        raise BadImage("the request has no frames", hint="send them as a list of data URIs")


def _write(text: object, folder: Path, number: int, most_pixels: int) -> None:
    try:
        content = file_of_text(text if isinstance(text, str) else "")
        suffix = suffix_of(content, most_pixels)
    except (BadImage, TooLarge) as error:
        raise type(error)(f"frame {number}: {error.message}", hint=error.hint) from error
    (folder / f"{number:07d}{suffix}").write_bytes(content)
