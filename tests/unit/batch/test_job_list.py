"""Lists of jobs: files, folders, patterns, and what is wrong with them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from vseg.batch.job_list import JobLine, read_jobs
from vseg.errors import BadJobs


def read(place: Path | str, **defaults: Any) -> list[JobLine]:
    return [job for job in read_jobs(str(place), defaults) if isinstance(job, JobLine)]


def written(path: Path, *lines: object) -> Path:
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("\n".join(texts) + "\n")
    return path


def test_a_line_says_what_vseg_track_is_told(tmp_path: Path) -> None:
    line = {"clip": "a.mp4", "point": ["1@3:4,5", "9,9-"], "label": "1=car", "text": "2:dog"}
    (job,) = read(written(tmp_path / "jobs.jsonl", line, ""))
    asked = job.track_job(tmp_path / "run")
    assert [p.object_id for p in asked.prompts] == [1, 1, 2]
    assert asked.prompts[0].at.frame == 3
    assert (asked.source, dict(asked.labels)) == ("a.mp4", {1: "car"})


def test_what_a_line_says_wins_over_what_holds_for_all(tmp_path: Path) -> None:
    path = written(
        tmp_path / "jobs.jsonl",
        {"clip": "a.mp4"},
        {"clip": "b.mp4", "point": "1,1", "settings": {"memory": {"recent": 2}}},
    )
    settings = {"short_side": 96, "memory": {"stride": 9}}
    first, second = read(path, point=["7,7"], settings=settings)
    assert first.point == ("7,7",) and second.point == ("1,1",)
    config = second.track_job(tmp_path).config
    assert (config.short_side, config.memory.stride, config.memory.recent) == (96, 9, 2)


def test_a_csv_file_with_several_values_in_a_cell(tmp_path: Path) -> None:
    path = written(
        tmp_path / "jobs.csv",
        "clip,box,auto,settings",
        'a.mp4,"1:1,2,3,4|2:5,6,7,8",,"{""short_side"": 80}"',
        "b.mp4,,yes,",
    )
    first, second = read(path)
    assert first.box == ("1:1,2,3,4", "2:5,6,7,8") and not first.auto and second.auto
    assert first.track_job(tmp_path).config.short_side == 80


def test_a_folder_has_files_and_folders_of_images(tmp_path: Path) -> None:
    for name in ("b.mp4", "a.MKV", "notes.txt", ".hidden.mp4"):
        (tmp_path / name).touch()
    (tmp_path / "frames").mkdir()
    cv2.imwrite(str(tmp_path / "frames" / "0.png"), np.zeros((4, 4, 3), np.uint8))
    (tmp_path / "empty").mkdir()
    assert [Path(job.clip).name for job in read(tmp_path)] == ["a.MKV", "b.mp4", "frames"]


def test_a_pattern_reaches_further_down(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "c.mp4").touch()
    (job,) = read(tmp_path / "**" / "*.mp4", text=["person"])
    assert Path(job.clip).name == "c.mp4" and job.text == ("person",)


def test_what_the_batch_itself_made_is_no_clip(tmp_path: Path) -> None:
    for name in ("a.mp4", "out/jobs/0/overlay.mp4", "out2/b.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    jobs = read_jobs(str(tmp_path / "**" / "*.mp4"), {}, str(tmp_path / "out"))
    assert [Path(job.clip).name for job in jobs] == ["a.mp4", "b.mp4"]
    with pytest.raises(BadJobs, match="no clip but those"):
        list(read_jobs(str(tmp_path / "out" / "**" / "*.mp4"), {}, str(tmp_path / "out")))


BAD: dict[str, tuple[str, Callable[[Path], Path], str]] = {
    "no JSON": (
        "line 2",
        lambda p: written(p / "j.jsonl", {"clip": "a"}, "{clip"),
        "no JSON",
    ),
    "deep": ("line 1", lambda p: written(p / "j.jsonl", "[" * 100_000), "no JSON"),
    "a list": ("line 1", lambda p: written(p / "j.jsonl", "[1]"), "list is no job"),
    "an unknown key": ("line 1", lambda p: written(p / "j.jsonl", {"clp": "a"}), "'clp'"),
    "no clip": (
        "line 1",
        lambda p: written(p / "j.jsonl", {"text": "a"}),
        "'clip' is missing",
    ),
    "a wrong prompt": (
        "line 1",
        lambda p: written(p / "j.jsonl", {"clip": "a", "point": "1"}),
        "--point 1",
    ),
    "a wrong setting": (
        "line 1",
        lambda p: written(p / "j.jsonl", {"clip": "a", "settings": {"short_side": 3}}),
        "short_side",
    ),
    "a mask that is missing": (
        "line 1",
        lambda p: written(p / "j.jsonl", {"clip": "a", "mask": "no.png"}),
        "no.png",
    ),
    "a number of columns": (
        "line 2",
        lambda p: written(p / "j.csv", "clip,point", "a.mp4,1,2"),
        "another number of columns",
    ),
    "a column twice": (
        "two columns",
        lambda p: written(p / "j.csv", "clip,point,point", "a.mp4,1:1:2,1:3:4"),
        "'point'",
    ),
    "an unknown column": ("line 2", lambda p: written(p / "j.csv", "clip,x", "a,1"), "'x'"),
    "settings": (
        "line 2",
        lambda p: written(p / "j.csv", "clip,settings", "a,{"),
        "are no JSON",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_names_the_line(name: str, tmp_path: Path) -> None:
    where, make, reason = BAD[name]
    with pytest.raises(BadJobs) as caught:
        read(make(tmp_path))
    assert where in caught.value.message and reason in caught.value.message


def test_places_without_a_clip(tmp_path: Path) -> None:
    (tmp_path / "text.txt").touch()
    with pytest.raises(BadJobs, match="holds no clip"):
        read(tmp_path)
    with pytest.raises(BadJobs, match="nothing is at"):
        read(tmp_path / "*.mp4")
    for name in ("j.jsonl", "j.csv"):
        (tmp_path / name).write_text("clip\n" if name.endswith("csv") else "\n")
        with pytest.raises(BadJobs, match="has no job"):
            read(tmp_path / name)
    with pytest.raises(BadJobs, match="is empty"):
        read("")
    with pytest.raises(BadJobs, match="cannot read"):
        bad = tmp_path / "j.jsonl"
        bad.write_bytes(b"\xff\xfe{}")
        read(bad)
