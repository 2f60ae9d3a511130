"""`vseg track CLIP -o RUN --resume` knows what the run knows; contradictions are named."""

import shutil
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Workplace, call, files_of, track_words
from vseg.build import open_run
from vseg.cli.option_groups import read_config
from vseg.pipelines.job import ProgressCallbacks, TrackJob
from vseg.pipelines.track import track
from vseg.prompts.parse import parse_prompts

pytestmark = pytest.mark.integration

RANGE = ("--range", "3:27", "--encode-ahead", "2")
DETECTIONS = "".join(f"{frame},-1,{10 + frame},10,40,40,0.9\n" for frame in range(1, 30))


@pytest.fixture(scope="module")
def interrupted(workplace: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("interrupted") / "run"
    config = read_config(
        workplace.config, weights=workplace.weights, range="3:27", encode_ahead=2
    )
    prompts = parse_prompts(("1@3:60,36",), ("2@20:10,10,50,50",), (), ())
    job = TrackJob(str(workplace.clip), out, prompts, config, {2: "body"})
    calls = count()
    stop = ProgressCallbacks(stop=lambda: next(calls) == 12)
    assert track(job, callbacks=stop).status == "interrupted"
    return out


def test_nothing_need_be_repeated(
    workplace: Workplace, interrupted: Path, tmp_path: Path
) -> None:
    words = track_words(workplace, tmp_path / "whole", *RANGE)
    words = ["1@3:60,36" if word == "60,36" else word for word in words]
    assert call(*words).exit_code == 0
    run = Path(shutil.copytree(interrupted, tmp_path / "run"))
    answer = call("track", workplace.clip, "-o", run, "--resume")
    assert answer.exit_code == 0, answer.stderr
    assert files_of(run) == files_of(tmp_path / "whole")
    assert open_run(run).header.frame_range == (3, 27)
    assert open_run(run).labels == {2: "body"}
    again = call("track", workplace.clip, "-o", run, "--resume")
    assert (again.exit_code, "nothing to do" in again.stdout) == (0, True)


@pytest.mark.parametrize("prompts", [(), ("--point", "60,36")])
def test_where_nothing_was_written_there_is_nothing_to_resume(
    workplace: Workplace, prompts: Sequence[str], tmp_path: Path
) -> None:
    answer = call("track", workplace.clip, "-o", tmp_path, "--resume", *prompts)
    assert answer.exit_code == 3
    assert f"there is no run at {tmp_path} to resume" in answer.stderr
    assert "without --resume" in answer.stderr


@pytest.mark.parametrize(
    ("option", "was", "now"),
    [
        (("--range", "3:20"), "(3, 27)", "(3, 20)"),
        (("--label", "2=cat"), "body", "cat"),
        (("--short-side", "128"), "64", "128"),
        (("--encode-ahead", "3"), "2", "3"),
        (("--direction", "both"), "forward", "both"),
        (("--point", "1@3:9,9"), "2 prompts", "1"),
    ],
)
def test_a_contradiction_names_both_values(
    workplace: Workplace,
    interrupted: Path,
    option: Sequence[str],
    was: str,
    now: str,
) -> None:
    answer = call("track", workplace.clip, "-o", interrupted, "--resume", *option)
    assert answer.exit_code == 3
    assert was in answer.stderr and now in answer.stderr
    assert "hint: " in answer.stderr


def test_detections_are_those_of_the_run(workplace: Workplace, tmp_path: Path) -> None:
    file = tmp_path / "det.txt"
    file.write_text(DETECTIONS)
    config = read_config(workplace.config, weights=workplace.weights, range="0:24")
    jobs = [
        TrackJob(str(workplace.clip), tmp_path / name, (), config, detections=file)
        for name in ("whole", "run")
    ]
    track(jobs[0])
    calls = count()
    track(jobs[1], callbacks=ProgressCallbacks(stop=lambda: next(calls) == 12))
    answer = call("track", workplace.clip, "-o", jobs[1].out, "--resume")
    assert answer.exit_code == 0, answer.stderr
    assert files_of(jobs[1].out) == files_of(jobs[0].out)
