"""`vseg track --compile` and `--encode-ahead`: who may, what is compiled for, and what the run
records.
"""

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Workplace, call
from vseg.build import open_run, open_video
from vseg.cli.option_groups import read_config
from vseg.cli.progress import ProgressReport
from vseg.models.nano.load import load_nano
from vseg.pipelines.job import TrackJob
from vseg.pipelines.prepare import prepare
from vseg.pipelines.warm_up import object_counts
from vseg.prompts.parse import parse_prompts

pytestmark = pytest.mark.integration


def test_nano_is_not_compiled(workplace: Workplace, tmp_path: Path) -> None:
    words = ["track", workplace.clip, "-o", tmp_path / "run", "--point", "60,36", "--compile"]
    answer = call(*words)
    assert answer.exit_code == 2
    assert "drop --compile" in answer.stderr


def test_a_run_records_how_many_frames_were_encoded_together(
    workplace: Workplace, tmp_path: Path
) -> None:
    words = ["track", workplace.clip, "-o", tmp_path / "run", "--point", "60,36"]
    answer = call(*words, "--range", "0:10", "--encode-ahead", "4", *workplace.settings)
    assert answer.exit_code == 0
    run = open_run(tmp_path / "run")
    assert (run.header.options["encode_ahead"], run.header.options["compile"]) == (4, False)
    assert len(run) == 10


def test_it_is_compiled_for_every_number_of_objects_to_come(
    workplace: Workplace, tmp_path: Path
) -> None:
    points = ("1@0:60,36", "2@0:20,20", "3@5:30,30", "3@9:31,30", "4@9:90,50")
    config = read_config(workplace.config)
    job = TrackJob(str(workplace.clip), tmp_path, parse_prompts(points, (), (), ()), config)
    with open_video(workplace.clip) as video:
        task = prepare(job, video, load_nano(workplace.weights, short_side=64))
    assert object_counts(task) == [1, 2, 3, 4]


def test_what_takes_long_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressReport("tracking") as report:
        report.note("compiling edgetam")
    assert capsys.readouterr().err == "tracking: compiling edgetam\n"
