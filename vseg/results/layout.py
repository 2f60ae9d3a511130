"""Where things are in a run directory, and in which state a directory is.

| file | what it holds |
|---|---|
| run.json | what decided the masks, status, progress (RunHeader) |
| prompts.jsonl | every prompt, in order, replayable |
| exemplars/SHA256.png | the images of exemplar prompts |
| objects.json | id, label, name, colour, first and last frame of every object |
| events.jsonl | what happened to objects: created, lost, recovered, a cut ... |
| masks/shard-000000.parquet ... | the masks of one shard: `shard_frames` frame indices |
| frames.parquet | every frame; damaged ones with the reason |
| frames/shard-000000.parquet ... | the same, while the run is unfinished |
| state-000001.safetensors | of an unfinished run: the session at the last commit |
| labels.json | how `vseg label` named the objects, with scores |
| embeddings.safetensors | what an image-text model sees in every object |
| tracks.txt | boxes of a run by `vseg associate`, gaps filled (MOTChallenge) |
| overlay.mp4, contact.png, labels.png | images of it, if they were asked for |
| zones.toml | zones and lines, as drawn in the annotator; `vseg events` reads them |
| annotation/ ... | the annotator's journal, and what it derived from the run |
| .writer.json | which process writes the run, while one does |
| revisions/000001/ ... | a corrected state of the run: the same files, unchanged ones linked |
| spans.json | of a revision: what was corrected, accepted or absent, and the anchors |
| agreement.parquet | of a revision: IoU of forward and backward tracks where both exist |

The files at the top are revision 0, the run as tracked; `content_root` is the folder of any.
"""

import os
import stat
from enum import StrEnum
from itertools import chain
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from vseg.errors import BadRun
from vseg.io.files import atomic_write_text, is_utf8, real_path
from vseg.io.unfinished import is_unfinished
from vseg.results.records import FORMAT_VERSION, RunHeader, StoredObject

HEADER = "run.json"
PROMPTS = "prompts.jsonl"
OBJECTS = "objects.json"
FRAMES = "frames.parquet"
LOCK = ".writer.json"
EVENTS = "events.jsonl"
TRACKS = "tracks.txt"
OVERLAY = "overlay.mp4"
CONTACT_SHEET = "contact.png"
LABELS = "labels.json"
EMBEDDINGS = "embeddings.safetensors"
LABEL_SHEET = "labels.png"
MASK_SHARDS = "masks"
FRAME_SHARDS = "frames"
EXEMPLARS = "exemplars"
REVISIONS = "revisions"
ANNOTATION = "annotation"
MADE_FILES = "files"
"""In the annotator's folder: exports and reports, for the page to offer."""
ZONES = "zones.toml"
SPANS = "spans.json"
AGREEMENT = "agreement.parquet"
RERUN = (
    "`vseg track ... --resume` computes again what is lost of a run as it was tracked; of a "
    "corrected one, `vseg revisions RUN --to N` goes to a revision that is whole"
)
DERIVED = (OVERLAY, CONTACT_SHEET, LABELS, EMBEDDINGS, LABEL_SHEET)
_OBJECT_LIST = TypeAdapter(list[StoredObject])


class _Version(BaseModel):
    """The one key that a header of every format has."""

    format_version: int


class RunState(StrEnum):
    """ABSENT: nothing there.  RESUMABLE: not finished.  FINISHED: complete or partial.
    UNREADABLE: a run of another format, or a damaged one, among no other files: it can be
    replaced.
    """

    ABSENT = "absent"
    RESUMABLE = "resumable"
    FINISHED = "finished"
    UNREADABLE = "unreadable"


def is_run(path: Path) -> bool:
    """Whether the folder is a run directory, in whatever state."""
    return (path / HEADER).is_file()


def run_state(path: Path) -> RunState:
    """The state of the run at `path`.  Raises BadRun if something else is in the way, or the
    name cannot be one of a run.
    """
    if not is_utf8(path):
        raise BadRun(f"{path}: the name is not UTF-8", hint="take another name for the run")
    # os.path.exists and not Path.exists: what a name of too many bytes is, writing it says.
    if not os.path.exists(path):
        return RunState.ABSENT
    held = sorted(p for p in path.iterdir() if not _is_transient(p)) if path.is_dir() else []
    if path.is_dir() and not held:
        return RunState.ABSENT
    if path.is_dir() and not (path / HEADER).exists():
        raise BadRun(
            f"{path} is not a run directory: it holds {held[0].name} and no {HEADER}",
            hint="give a new or an empty folder with -o, or the run that is meant",
        )
    try:
        finished = read_header(path).finished
    except BadRun:
        foreign = any(one.is_symlink() or not is_of_run(one) for one in held)
        if foreign or not held:
            raise
        return RunState.UNREADABLE
    return RunState.FINISHED if finished else RunState.RESUMABLE


def content_root(root: Path, header: RunHeader, revision: int | None = None) -> Path:
    """The folder that holds the files of a revision; None is the current one.

    Raises BadRun for a revision that the run has not, or that has lost one of its files.
    """
    wanted = header.revision if revision is None else revision
    if wanted == 0:
        return root
    known = {each.number: each for each in header.revisions}
    if not isinstance(wanted, int) or wanted not in known:
        numbers = ", ".join(map(str, known))
        raise BadRun(
            f"{root} has no revision {wanted!r}",
            hint=f"0 is the run as tracked; corrected ones: {numbers or 'none'} "
            f"(`vseg revisions {root}`)",
        )
    content = revision_folder(root, wanted)
    lost = [name for name in (OBJECTS, FRAMES, SPANS) if not (content / name).is_file()]
    if lost:
        raise BadRun(
            f"{content / lost[0]} is missing",
            hint=f"`vseg revisions {root} --to {known[wanted].parent}` goes back",
        )
    return content


def revision_folder(root: Path, number: int) -> Path:
    """The folder of a corrected revision, 1 or higher."""
    return root / REVISIONS / f"{number:06d}"


def shard_path(root: Path, folder: str, shard: int) -> Path:
    """The file of one shard in `masks` or `frames`."""
    return root / folder / f"shard-{shard:06d}.parquet"


def state_path(root: Path, commit: int) -> Path:
    """The file for the state of the session at the given commit."""
    return root / f"state-{commit:06d}.safetensors"


def shards_in(root: Path, folder: str) -> list[int]:
    """The shards that have a file, ascending."""
    files = (root / folder).glob("shard-*.parquet")
    return sorted(int(file.stem.removeprefix("shard-")) for file in files)


def read_header(root: Path) -> RunHeader:
    """The header of a run.  Raises BadRun if there is none or it is not one of this format."""
    path = root / HEADER
    if not is_utf8(root) or "\0" in str(root):
        raise BadRun(f"{root}: no name in UTF-8", hint="rename the folder of the run")
    try:
        _check_files(root)
        payload = path.read_bytes()
    except NotADirectoryError as error:
        raise BadRun(
            f"{root} is a file, not the folder of a run",
            hint="`vseg track CLIP -o RUN` makes one; --detections FILE takes boxes",
        ) from error
    except OSError as error:
        raise BadRun(
            f"{root} is not a run directory: cannot read {HEADER} ({error.strerror})",
            hint="give the folder that `vseg track -o` wrote",
        ) from error
    try:
        version = _Version.model_validate_json(payload).format_version
        if version != FORMAT_VERSION:
            raise BadRun(
                f"{root} is a run of format {version}; this vseg reads format "
                f"{FORMAT_VERSION} only",
                hint="track the clip again into another folder (-o)",
            )
        return RunHeader.model_validate_json(payload)
    except (ValidationError, ZeroDivisionError, OverflowError) as error:
        if not isinstance(error, ValidationError):  # of a fraction, such as 1/0
            raise BadRun(f"{path}: {error}", hint="the file is damaged") from error
        first = error.errors()[0]
        key = ".".join(str(step) for step in first["loc"]) or "the file"
        raise BadRun(f"{path}: {key}: {first['msg']}", hint="the file is damaged") from error


def write_header(root: Path, header: RunHeader) -> None:
    """Replace run.json, whole or not at all."""
    atomic_write_text(root / HEADER, header.model_dump_json(indent=2) + "\n")


def read_objects(root: Path) -> tuple[StoredObject, ...]:
    """The objects of a run by ascending id.  Raises BadRun if objects.json cannot be read."""
    path = root / OBJECTS
    try:
        return tuple(_OBJECT_LIST.validate_json(path.read_bytes()))
    except OSError as error:
        raise BadRun(f"cannot read {path}: {error.strerror}", hint=RERUN) from error
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise BadRun(f"{path} is not a list of objects: {reason}", hint=RERUN) from error


def write_objects(root: Path, objects: list[StoredObject]) -> None:
    """Replace objects.json, whole or not at all."""
    atomic_write_text(
        root / OBJECTS, _OBJECT_LIST.dump_json(objects, indent=2).decode() + "\n"
    )


def read_state(path: Path) -> bytes:
    """The state of the session as it was stored.  Raises BadRun."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadRun(
            f"cannot read the saved state {path}: {error.strerror}",
            hint="begin again with --overwrite",
        ) from error


def _check_files(root: Path) -> None:
    """Raise BadRun for what is in the run and is a link to outside of it, or neither a file
    nor a folder: a run may come from anywhere, neither reads nor writes lead elsewhere, and a
    pipe would be waited for without end.
    """
    inside = real_path(root)
    folders = (MASK_SHARDS, FRAME_SHARDS, EXEMPLARS, REVISIONS)
    below = (path for name in folders for path in (root / name).rglob("*"))
    for path in chain(root.iterdir(), below):
        _check_file(path, inside)


def _check_file(path: Path, inside: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return  # a part of what another process writes, which has its name by now
    if stat.S_ISLNK(mode):
        if not real_path(path).is_relative_to(inside):
            raise BadRun(
                f"{path} is a link that leads out of the run",
                hint="copy what it stands for into the run, or track again",
            )
    elif not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise BadRun(
            f"{path} is a pipe, a socket or a device", hint="delete it, or track again"
        )


def is_of_run(path: Path) -> bool:
    """Whether a file or folder at the top of a run directory has one of a run's names."""
    if path.is_dir():
        own_folders = (MASK_SHARDS, FRAME_SHARDS, EXEMPLARS, REVISIONS, ANNOTATION)
        return path.name in own_folders
    own = (
        HEADER,
        PROMPTS,
        OBJECTS,
        FRAMES,
        EVENTS,
        TRACKS,
        SPANS,
        AGREEMENT,
        ZONES,
        *DERIVED,
    )
    return path.name in own or path.match("state-*.safetensors")


def _is_transient(path: Path) -> bool:
    """Whether a file is of a write under way: a part of a file, or who writes the run."""
    return path.name == LOCK or is_unfinished(path)
