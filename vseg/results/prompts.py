"""prompts.jsonl: every prompt of a run in the order given, one JSON line each, replayable.

The lines are the records of `vseg.prompts.codec`.  The image of an exemplar lies beside the
file, named by its content (`vseg.results.exemplars`).
"""

import errno
import json
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from vseg.errors import BadPrompt, BadRun, OutputError, VsegError
from vseg.io.files import atomic_write_text
from vseg.prompts.codec import pack_prompt, unpack_prompt
from vseg.results.exemplars import read_exemplar_image, write_exemplar_image
from vseg.results.layout import PROMPTS
from vseg.types import Prompt


def prompt_line(prompt: Prompt) -> str:
    """The JSON line of a prompt; equal prompts give equal lines."""
    return json.dumps(pack_prompt(prompt, {}))


def write_prompts(root: Path, prompts: Sequence[Prompt]) -> None:
    """Replace prompts.jsonl, whole or not at all."""
    lines = _lines(root, prompts)
    atomic_write_text(root / PROMPTS, "".join(lines))


def _lines(root: Path, prompts: Sequence[Prompt]) -> list[str]:
    """The lines of these prompts, once the images they name are on the disk: a line never
    stands without its image.
    """
    images: dict[str, np.ndarray] = {}
    lines = [json.dumps(pack_prompt(prompt, images)) + "\n" for prompt in prompts]
    for name, image in images.items():
        write_exemplar_image(root, name, image)
    return lines


def append_prompt(root: Path, prompt: Prompt) -> None:
    """Add one prompt; when this returns it is on the disk.  Raises OutputError."""
    line = _lines(root, [prompt])[0].encode()
    try:
        with (root / PROMPTS).open("ab", buffering=0) as handle:
            end = handle.tell()
            # One write call for the line: a kill leaves all of it or nothing.  A disk that
            # fills up may take half a line.
            if handle.write(line) != len(line):
                handle.truncate(end)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(handle.fileno())
    except OSError as error:
        raise OutputError(
            f"cannot add a prompt to {root / PROMPTS}: {error.strerror}",
            hint="check the folder's permissions and free space (df -h)",
        ) from error


def read_prompts(root: Path) -> list[Prompt]:
    """The prompts of a run, in the order given.  Raises BadRun naming the line that is
    wrong.
    """
    path = root / PROMPTS
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise BadRun(
            f"cannot read the prompts of the run at {root}: {error.strerror}",
            hint="give the prompts again with --overwrite",
        ) from error
    prompts = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line.decode())
            if not isinstance(record, dict):
                raise BadPrompt("it is no prompt")
            prompts.append(unpack_prompt(record, partial(read_exemplar_image, root)))
        except (ValueError, RecursionError) as error:  # of bytes, of JSON, of long numbers
            raise _bad_line(path, number, f"Invalid JSON: {error}") from error
        except VsegError as error:
            raise _bad_line(path, number, error.message) from error
    return prompts


def _bad_line(path: Path, number: int, reason: str) -> BadRun:
    return BadRun(
        f"{path}, line {number}: {reason}",
        hint=f"delete or mend line {number}, or give the prompts again with --overwrite",
    )
