"""A plan holds every job once, and says what cannot be one."""

import os
import sys
from pathlib import Path

import pytest

from vseg.batch.job_list import JobLine
from vseg.batch.overview import listed_jobs
from vseg.batch.place import FolderPlace
from vseg.batch.planning import PLAN, make_plan, read_plan
from vseg.errors import BadRun


def lines(*clips: Path) -> list[JobLine]:
    return [JobLine(clip=str(clip), auto=True) for clip in clips]


@pytest.mark.skipif(sys.platform == "win32", reason="has no such files")
def test_what_is_no_file_is_said_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"a")
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    (tmp_path / "gone.mp4").symlink_to("nowhere.mp4")
    names = ["a.mp4", "pipe.mp4", "loop.mp4", "gone.mp4"]
    plan = make_plan(
        lines(*(tmp_path / name for name in names)), FolderPlace(tmp_path / "out")
    )
    told = {Path(p.clip).name: p.error and p.error.type for p in plan}
    assert told == {"a.mp4": None, **dict.fromkeys(names[1:], "BadVideo")}


def test_a_clip_that_is_there_twice_is_one_job(tmp_path: Path) -> None:
    for name in ("a.mp4", "b b.mp4", "ü.mp4"):
        (tmp_path / name).write_bytes(b"same" if name != "ü.mp4" else b"other")
    place = FolderPlace(tmp_path / "out")
    plan = make_plan(lines(*sorted(tmp_path.glob("*.mp4"))), place)
    assert [Path(planned.clip).name for planned in plan] == ["ü.mp4", "a.mp4"]
    assert list(read_plan(place)) == list(plan)
    listed = [(Path(job.clip).name, job.job_id) for job in listed_jobs(place)]
    assert [name for name, _ in listed] == ["ü.mp4", "a.mp4", "b b.mp4"]
    assert listed[1][1] == listed[2][1]


def test_a_damaged_plan_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"a")
    place = FolderPlace(tmp_path / "out")
    make_plan(lines(tmp_path / "a.mp4"), place)
    with (tmp_path / "out" / PLAN).open("ab") as plan:
        plan.write(b"{\n")
    with pytest.raises(BadRun, match="line 2"):
        list(read_plan(place))
