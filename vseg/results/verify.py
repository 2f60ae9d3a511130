"""Whether a stored run was made from the same inputs as one that is to go on.

Enters: the folder, and the header and prompts of now.  Leaves: the stored header, or BadRun
naming the first difference.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vseg.errors import BadRun
from vseg.results.layout import RunState, read_header, run_state
from vseg.results.prompts import prompt_line, read_prompts
from vseg.results.records import RunHeader
from vseg.types import Prompt


def verify_run(path: Path, header: RunHeader, prompts: Sequence[Prompt] = ()) -> RunHeader:
    """The header of the run at `path`, which was made from these inputs.

    Raises BadRun if there is no run, or naming the first difference: the source's content, the
    weights, a setting, a prompt.
    """
    if run_state(path) is RunState.ABSENT:
        raise BadRun(f"there is no run at {path}", hint="leave --resume out to begin one")
    stored = read_header(path)
    for difference in _differences(stored, header):
        raise _other_inputs(path, difference)
    verify_asked(path, header.frame_range, prompts)
    return stored


def verify_asked(
    path: Path, frame_range: tuple[int, int] | None, prompts: Sequence[Prompt]
) -> None:
    """Raise BadRun if the run at `path` was asked for another range or other prompts; before
    its first commit its prompts do not count.
    """
    stored = read_header(path)
    for difference in _difference("frame_range", stored.frame_range, frame_range):
        raise _other_inputs(path, difference)
    if stored.progress is None and not stored.finished:
        return
    old = [prompt_line(prompt) for prompt in read_prompts(path)]
    new = [prompt_line(prompt) for prompt in prompts]
    if len(old) != len(new):
        raise _other_inputs(path, f"it had {len(old)} prompts, now there are {len(new)}")
    for number, (was, now) in enumerate(zip(old, new, strict=True), start=1):
        if was != now:
            raise _other_inputs(path, f"prompt {number} was {was}, now it is {now}")


def _other_inputs(path: Path, difference: str) -> BadRun:
    return BadRun(
        f"the run at {path} was made from other inputs: {difference}",
        hint="--overwrite replaces it, -o names another folder",
    )


def _differences(stored: RunHeader, now: RunHeader) -> Iterator[str]:
    """A sentence per input that differs; nothing if the two agree.

    The source's content counts, its path and the time of the run do not.
    """
    outcome = {"status", "damage", "progress", "warnings", "revisions", "revision"}
    unchecked = {*outcome, "created", "source", "video", "options", "settings"}
    unchecked.add("instruction_set")  # a run may go on on another machine
    for field in sorted(RunHeader.model_fields.keys() - unchecked):
        yield from _difference(field, getattr(stored, field), getattr(now, field))
    for key in sorted(stored.options.keys() | now.options.keys()):
        yield from _difference(
            f"option {key}", stored.options.get(key, "unset"), now.options.get(key, "unset")
        )
    if (stored.source.size, stored.source.sha256) != (now.source.size, now.source.sha256):
        yield f"{stored.source.path} and {now.source.path} differ in content"


def _difference(field: str, stored: Any, now: Any) -> Iterator[str]:
    if stored != now:
        yield f"{field} was {stored!r}, now it is {now!r}"
