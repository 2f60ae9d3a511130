"""Ray's actors: a clip that kills them is set aside, and the others are done.  Only where Ray
is installed: `pip install 'vseg[ray]'`.
"""

import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.nano_weights import save_random
from vseg.batch.job_list import JobLine
from vseg.batch.manifest import Manifest, read_manifest
from vseg.batch.place import FolderPlace
from vseg.batch.planning import make_plan
from vseg.batch.remaining import unfinished
from vseg.batch.schedule import Attempt, Schedule
from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip

pytest.importorskip("ray", reason="Ray is not installed")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="kills by signals"),
]


class _Killer:
    """A watcher that kills every actor that has begun one clip."""

    def __init__(self, out: Path, clip: str) -> None:
        self.out = out
        self.clip = clip
        self.killed = 0
        self.told: list[int] = []

    def begins(self, worker: str, attempt: Attempt) -> None:
        pass

    def advances(self, worker: str, done: int, total: int) -> None:
        self.told.append(done)
        for claim in self.out.glob("jobs/*/.writer.json"):
            header = claim.with_name("run.json")
            if header.exists() and self.clip in header.read_text("utf-8"):
                with suppress(ProcessLookupError):  # its claim stays behind
                    os.kill(json.loads(claim.read_text("utf-8"))["pid"], signal.SIGKILL)
                    self.killed += 1

    def ends(self, worker: str, attempt: Attempt, ended: Manifest | None) -> None:
        pass


def test_a_clip_that_kills_its_actors_is_set_aside_and_the_others_are_done(
    tmp_path: Path,
) -> None:
    from vseg.batch.ray_engine import RayEngine

    save_random(tmp_path / "random.safetensors", 0)
    settings = {"weights": str(tmp_path / "random.safetensors"), "short_side": 64}
    lines = []
    for number, frames in enumerate((400, 20, 20)):
        clip = tmp_path / f"clip{number}.mp4"
        write_clip(SyntheticVideo(SceneConfig(64, 96, frames, seed=number)), clip)
        line = {"clip": str(clip), "point": "40,30", "settings": settings | {"preview": False}}
        lines.append(JobLine.model_validate(line))
    place = FolderPlace(tmp_path / "out")
    plan = make_plan(lines, place)
    killer = _Killer(tmp_path / "out", "clip0.mp4")
    RayEngine(place, 1, killer, lambda: False).run(Schedule(unfinished(place, plan)))
    found = {}
    for planned in plan:
        manifest = read_manifest(place, planned.job.job_id) if planned.job else None
        found[Path(planned.clip).name] = manifest and manifest.status.value
    assert found == {"clip0.mp4": "poison", "clip1.mp4": "complete", "clip2.mp4": "complete"}
    assert killer.killed == 2 and killer.told
