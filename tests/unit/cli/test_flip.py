"""`vseg track --flip`: recorded in the run, resumed to the same bits, never mixed with a plain
run.
"""

import shlex
from itertools import count
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Workplace, call, files_of
from vseg.build import open_run
from vseg.cli.option_groups import read_config
from vseg.cli.track import resume_command
from vseg.pipelines.job import ProgressCallbacks, TrackJob
from vseg.pipelines.track import track
from vseg.prompts.parse import parse_prompts

pytestmark = pytest.mark.integration


@pytest.mark.slow
def test_an_interrupted_flipped_run_resumes_to_the_same_bits(
    workplace: Workplace, tmp_path: Path
) -> None:
    point = ("60,36",)
    words = [
        "track",
        workplace.clip,
        "--point",
        *point,
        "--range",
        "0:30",
        *workplace.settings,
    ]
    assert call(*words, "-o", tmp_path / "whole", "--flip").exit_code == 0
    header = open_run(tmp_path / "whole").header
    assert header.options["flip"] is True
    assert header.weights_sha256.endswith("+flip")

    config = read_config(workplace.config, weights=workplace.weights, range="0:30", flip=True)
    job = TrackJob(
        str(workplace.clip), tmp_path / "run", parse_prompts(point, (), (), ()), config
    )
    calls = count()
    assert (
        track(job, callbacks=ProgressCallbacks(stop=lambda: next(calls) == 12)).status
        == "interrupted"
    )
    again = shlex.split(resume_command(job))
    assert call(*again[1:]).exit_code == 0
    assert files_of(tmp_path / "run") == files_of(tmp_path / "whole")


def test_only_nano_flips(workplace: Workplace, tmp_path: Path) -> None:
    words = ["track", workplace.clip, "-o", tmp_path / "run", "--point", "60,36", "--flip"]
    answer = call(*words, "--model", tmp_path)
    assert answer.exit_code == 2
    assert "--model nano" in answer.stderr
