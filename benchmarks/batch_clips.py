"""The clips of a batch to which everything happens, and their list of jobs."""

import argparse
import json
import shutil
from pathlib import Path

from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip

NONE = "none.mp4"
POISON = "poison.mp4"
CHANGING = "changing.mp4"


def make_clips(folder: Path, options: argparse.Namespace) -> Path:
    """A folder of clips: made up, real ones, one that is none, and two to which more happens."""
    folder.mkdir()
    real = sorted(options.real.iterdir()) if options.real else []
    for number in range(options.clips - len(real) - 2):
        write_clip_of(folder / f"{number:03d}.mp4", number, 20 + 7 * (number % 9))
    for clip in real:
        shutil.copy(clip, folder / clip.name)
    write_clip_of(folder / POISON, 997, 40)
    write_clip_of(folder / CHANGING, 998, 12)
    (folder / NONE).write_bytes(b"nonsense")
    return folder


def write_clip_of(path: Path, seed: int, frames: int) -> None:
    """A small clip, another one for each seed."""
    write_clip(SyntheticVideo(SceneConfig(64, 96, frames, seed=seed, num_objects=2)), path)


def listed_jobs(clips: Path, folder: Path, bucket: str | None = None) -> list[str]:
    """The list of jobs, with clips where they are; they are uploaded to the bucket."""
    if bucket:
        upload(*sorted(clips.iterdir()))
    lines = [
        {"clip": f"{bucket or clips}/{clip.name}", "settings": {"range": _range(clip)}}
        for clip in sorted(clips.iterdir())
    ]
    jobs = folder / "jobs.jsonl"
    jobs.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return [str(jobs)]


def _range(clip: Path) -> str:
    return ":" if clip.stem.isdecimal() or clip.name in (NONE, POISON, CHANGING) else "0:24"


def upload(*clips: Path) -> None:
    """Put clips into the bucket, which is made with that of the results."""
    import fsspec

    store = fsspec.filesystem("s3")
    for bucket in ("clips-in", "runs-out"):
        if not store.exists(bucket):
            store.mkdir(bucket)
    for clip in clips:
        store.put_file(str(clip), f"clips-in/{clip.name}")
