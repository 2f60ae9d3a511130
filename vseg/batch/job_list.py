"""The jobs of a batch: a JSON Lines file, a CSV file, a folder of clips, or a pattern.

Enters: a place, and what holds for all of its jobs.  Leaves: one JobLine for each clip, in
order.  Values are written as the options of `vseg track` are; `settings` are the keys of
configs/track.toml.  Paths are relative to the current directory.
"""

import csv
import glob
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TextIO

from pydantic import ConfigDict, Field, field_validator

from vseg.batch.place import JOBS
from vseg.batch.split_length import check_splittable, parse_length
from vseg.checked_settings import Settings, checked
from vseg.config import TrackConfig
from vseg.errors import BadJobs, BadVideo, VsegError
from vseg.io.files import is_utf8
from vseg.io.stores import Store, is_address
from vseg.pipelines.job import TrackJob
from vseg.prompts.parse import parse_concepts, parse_labels, parse_prompts
from vseg.video.container import VIDEO_SUFFIXES
from vseg.video.images import SUFFIXES

# A line of a list holds prompts, not masks: those are files.
_MOST_CHARACTERS = 2**20
_EXAMPLE = 'one job a line: {"clip": "a.mp4", "point": ["412,220"]}'


class JobLine(Settings):
    """One job of a list: a clip, and what is tracked in it.

    clip: a video file or a folder of images.  point to exemplar, label: the options of `vseg
    track` of that name, each any number of times.  split: how long the stretches are that
    several workers track, such as 10m.  settings: what differs from the defaults.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_min_length=1)

    clip: str
    point: tuple[str, ...] = ()
    box: tuple[str, ...] = ()
    scribble: tuple[str, ...] = ()
    mask: tuple[str, ...] = ()
    polygon: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    exemplar: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    auto: bool = False
    detections: str | None = None
    split: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)

    @field_validator(
        "point",
        "box",
        "scribble",
        "mask",
        "polygon",
        "text",
        "exemplar",
        "label",
        mode="before",
    )
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    def track_job(self, out: Path, *, resume: bool = False) -> TrackJob:
        """The job as `vseg track` does it.  Raises UsageError, BadPrompt."""
        return TrackJob(
            source=self.clip,
            out=out,
            prompts=(
                *parse_prompts(self.point, self.box, self.scribble, self.mask, self.polygon),
                *parse_concepts(self.text, self.exemplar),
            ),
            config=checked(TrackConfig, self.settings, where=f"the job of {self.clip}"),
            labels=parse_labels(self.label),
            resume=resume,
            detections=None if self.detections is None else Path(self.detections),
            everything=self.auto,
        )


@dataclass(frozen=True, slots=True)
class RefusedClip:
    """A clip that is found and can be no job, under a name that can be written."""

    clip: str
    error: BadVideo


def read_jobs(
    place: str, defaults: Mapping[str, Any], out: str = ""
) -> Iterator[JobLine | RefusedClip]:
    """The jobs at a place.  defaults: keys of a JobLine for all that do not say otherwise.
    out: where the batch lies; previews in it are no clips that a folder or a pattern means.

    Raises BadJobs, naming the file and the line.
    """
    path = Path(place)
    suffix = path.suffix.lower()
    if not place.strip():
        raise BadJobs("the place of the jobs is empty", hint=". is the current folder")
    if path.is_file() and suffix in (".jsonl", ".ndjson", ".csv"):
        rows = _csv_rows if suffix == ".csv" else _json_lines
        jobs = rows(path, defaults)
        first = next(jobs, None)
        if first is None:
            raise BadJobs(f"{place} has no job", hint=_EXAMPLE)
        yield first
        yield from jobs
    else:
        made = f"{out}/{JOBS}"
        clips = [clip for clip in _clips(place) if not (out and _lies_in(clip, made))]
        if not clips:
            raise BadJobs(
                f"{place} has no clip but those that lie in {made}",
                hint="give the folder of the clips, and another one with -o",
            )
        for clip in clips:
            yield _job(place, {"clip": clip}, defaults) if is_utf8(clip) else _refused(clip)


def _refused(clip: str) -> RefusedClip:
    written = os.fsencode(clip).decode(errors="backslashreplace")
    return RefusedClip(written, BadVideo("the name is not UTF-8", hint="rename the clip"))


def _lies_in(clip: str, folder: str) -> bool:
    if is_address(clip) or is_address(folder):
        return clip.startswith(f"{folder.rstrip('/')}/")
    return Path(clip).absolute().is_relative_to(Path(folder).absolute())


def _clips(place: str) -> list[str]:
    """The clips of a folder, a pattern, or one clip."""
    path = Path(place)
    if is_address(place):
        return _stored_clips(place)
    if path.is_dir():
        clips = [str(entry) for entry in sorted(path.iterdir()) if _is_clip(entry)]
        if not clips:
            raise BadJobs(
                f"{place} holds no clip",
                hint=f"a clip is a file with one of {' '.join(VIDEO_SUFFIXES)}, or a folder "
                "of images; a pattern finds those further down: 'clips/**/*.mp4'",
            )
        return clips
    if path.exists():
        return [place]
    clips = sorted(glob.glob(place, recursive=True))
    if not clips:
        raise BadJobs(
            f"nothing is at {place}",
            hint="give a .jsonl or .csv file, a folder of clips, or a pattern in quotes",
        )
    return clips


def _stored_clips(place: str) -> list[str]:
    """The clips of a folder or a pattern in a bucket, or one clip."""
    suffix = PurePosixPath(place).suffix.lower()
    pattern = any(mark in place for mark in "*?[")
    if suffix in VIDEO_SUFFIXES and not pattern:
        return [place]
    found = Store(place).find(place)
    clips = [clip for clip in found if PurePosixPath(clip).suffix.lower() in VIDEO_SUFFIXES]
    if not clips:
        raise BadJobs(
            f"nothing at {place} is a clip", hint=f"one of {' '.join(VIDEO_SUFFIXES)}"
        )
    return clips


def _is_clip(entry: Path) -> bool:
    if entry.name.startswith("."):
        return False
    if entry.is_dir():
        return any(file.suffix.lower() in SUFFIXES for file in entry.iterdir())
    return entry.suffix.lower() in VIDEO_SUFFIXES


def _json_lines(path: Path, defaults: Mapping[str, Any]) -> Iterator[JobLine]:
    with _opened(path) as lines:
        for number, line in enumerate(lines, start=1):
            where = f"{path}, line {number}"
            if len(line) > _MOST_CHARACTERS:
                raise BadJobs(
                    f"{where} is longer than {_MOST_CHARACTERS} characters",
                    hint='give masks as files: "mask": ["1:first.png"]',
                )
            if not line.strip():
                continue
            yield _job(where, _object(where, line), defaults)


def _object(where: str, line: str) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadJobs(f"{where}: no JSON ({error})", hint=_EXAMPLE) from error
    if not isinstance(values, dict):
        raise BadJobs(f"{where}: {type(values).__name__} is no job", hint=_EXAMPLE)
    return values


def _csv_rows(path: Path, defaults: Mapping[str, Any]) -> Iterator[JobLine]:
    """Rows of a CSV file with a header; several values of one cell have | between them."""
    with _opened(path) as lines:
        rows = csv.DictReader(lines, strict=True)
        try:
            names = rows.fieldnames or ()
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise BadJobs(
                    f"{path}: two columns are called {twice!r:.40}",
                    hint="several values of one cell have | between them",
                )
            for row in rows:
                where = f"{path}, line {rows.line_num}"
                if None in row or None in row.values():
                    raise BadJobs(
                        f"{where} has another number of columns than the header",
                        hint="a value with a comma stands in quotes",
                    )
                given = {key: cell.strip() for key, cell in row.items() if cell.strip()}
                values = {key: _cell(where, key, cell) for key, cell in given.items()}
                yield _job(where, values, defaults)
        except csv.Error as error:
            raise BadJobs(f"{path}, line {rows.line_num}: {error}") from error


def _cell(where: str, column: str, text: str) -> Any:
    if column in ("clip", "detections", "auto", "split"):
        return text
    if column != "settings":
        return [part.strip() for part in text.split("|")]
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadJobs(
            f"{where}: the settings are no JSON ({error})", hint='{"short_side": 320}'
        ) from error


def _job(where: str, values: Mapping[str, Any], defaults: Mapping[str, Any]) -> JobLine:
    """The job of one line, checked: what it says wins over what holds for all."""
    try:
        line = checked(JobLine, _merged(defaults, values), where=where)
        job = line.track_job(Path())
        if line.split is not None:
            parse_length(line.split)
            check_splittable(job)
    except VsegError as error:
        told = error.message.startswith(where)
        raise BadJobs(
            error.message if told else f"{where}: {error.message}", hint=error.hint
        ) from error
    return line


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two tables as one, tables in them key by key."""
    merged = dict(below)
    for key, value in above.items():
        known = merged.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            value = _merged(known, value)
        merged[key] = value
    return merged


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """The lines of a list.  Raises BadJobs where it cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            yield lines
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise BadJobs(f"cannot read {path}: {reason}", hint="check the file") from error
