"""A run goes on with the runtime that began it, and with no other."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from vseg.build import open_run
from vseg.config import TrackConfig
from vseg.errors import BadRun
from vseg.pipelines.job import JobOutcome, ProgressCallbacks, TrackJob
from vseg.pipelines.track import track
from vseg.results.layout import read_header
from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip
from vseg.types import Box, Prompt, Timecode

pytestmark = pytest.mark.integration

JOBS = {"short_side": 64, "preview": False, "shard_frames": 2}
Begin = Callable[[str], TrackJob]


@pytest.fixture
def begun(tmp_path: Path) -> Begin:
    """Begins a run with a runtime, which is stopped; gives the job that goes on with it."""
    clip = tmp_path / "clip.mp4"
    write_clip(SyntheticVideo(SceneConfig(64, 96, 6, seed=1)), clip)
    prompts = (Prompt(1, Timecode(frame=0), Box(20, 20, 60, 50)),)

    def begin(runtime: str) -> TrackJob:
        config = TrackConfig.model_validate(JOBS | {"runtime": runtime, "dtype": "float32"})
        job = TrackJob(str(clip), tmp_path / "run", prompts, config)
        calls = iter(range(100))
        stopped = ProgressCallbacks(stop=lambda: next(calls) >= 3)
        assert track(job, callbacks=stopped).status == "interrupted"
        return replace(job, prompts=(), config=TrackConfig(), resume=True)

    return begin


def finished(job: TrackJob) -> JobOutcome:
    outcome = track(job)
    assert outcome.status == "complete" and len(open_run(job.out)) == 6
    return outcome


@pytest.mark.parametrize("runtime", ["onnx", "onnx-int8"])
def test_the_header_names_runtime_and_instruction_set(begun: Begin, runtime: str) -> None:
    header = read_header(begun(runtime).out)
    assert header.runtime == runtime and header.dtype == "float32"
    assert header.instruction_set


@pytest.mark.parametrize(
    ("runtime", "other"),
    [("onnx", "torch"), ("torch", "onnx"), ("onnx-int8", "onnx"), ("onnx", "onnx-int8")],
)
def test_a_run_goes_on_with_its_own_runtime_alone(
    begun: Begin, runtime: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = begun(runtime)
    with pytest.raises(BadRun, match=f"by the runtime {runtime}, not {other}") as refused:
        track(replace(job, config=TrackConfig.model_validate({"runtime": other})))
    assert f"--runtime {runtime}" in str(refused.value.hint)
    # What "auto" would choose now does not count.
    monkeypatch.setenv("VSEG_RUNTIME", other)
    finished(job)
    assert read_header(job.out).runtime == runtime
