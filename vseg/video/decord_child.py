"""The process in which decord decodes: a path and frame numbers in, images on stdout.

decord can crash or hang with the interpreter locked, so it never runs in the caller's process.
Answers are framed by a kind and a length; the first one, unasked, describes the clip (JSON).
Run by `decord_reader` as `python -m vseg.video.decord_child PATH`.
"""

import json
import struct
import sys
from typing import BinaryIO

ANSWER = struct.Struct("<cQ")
DESCRIPTION = b"D"
IMAGE = b"I"
FAILURE = b"F"


def serve(path: str, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer frame numbers, one a line, until the input ends."""
    try:
        import decord

        clip = decord.VideoReader(path, num_threads=1)
        count = len(clip)
        places = sorted({0, count // 2, count - 1})
        stamps = [[place, float(clip.get_frame_timestamp(place)[0])] for place in places]
        shape = list(clip[0].shape)
    except Exception as error:  # decord raises its own and RuntimeError; the caller types them
        _answer(answers, FAILURE, str(error).encode())
        return
    described = {"num_frames": count, "shape": shape, "stamps": stamps}
    _answer(answers, DESCRIPTION, json.dumps(described).encode())
    for line in requests:
        try:
            _answer(answers, IMAGE, clip[int(line)].asnumpy().tobytes())
        except Exception as error:
            _answer(answers, FAILURE, str(error).encode())


def _answer(answers: BinaryIO, kind: bytes, content: bytes) -> None:
    answers.write(ANSWER.pack(kind, len(content)))
    answers.write(content)
    answers.flush()


if __name__ == "__main__":
    serve(sys.argv[1], sys.stdin.buffer, sys.stdout.buffer)
