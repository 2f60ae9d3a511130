"""A run that lost parts is computed again where it lost them, and says so."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Workplace, call, files_of
from vseg.build import open_run
from vseg.cli.option_groups import read_config
from vseg.pipelines.job import ProgressCallbacks, TrackJob
from vseg.pipelines.track import track
from vseg.types import Box, Points, Prompt, Timecode

pytestmark = pytest.mark.integration

PROMPTS = (
    Prompt(1, Timecode(0), Points(((60.0, 36.0),), (True,))),
    Prompt(2, Timecode(10), Box(10.0, 10.0, 50.0, 50.0)),
)
LAST = 14
RANGE = "0:20"


@pytest.fixture(scope="module")
def workplace(workplace: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """Shards of four frames: five of them are a short run."""
    config = tmp_path_factory.mktemp("lost") / "small.toml"
    config.write_text(
        workplace.config.read_text().replace("shard_frames = 8", "shard_frames = 4")
    )
    return replace(workplace, config=config)


def words(workplace: Workplace, out: Path, *more: object) -> Sequence[object]:
    """What tracks PROMPTS."""
    prompts = ("--point", "60,36", "--box", "2@10:10,10,50,50", "--label", "2=body")
    tracked = ("track", workplace.clip, "-o", out, *prompts, "--range", RANGE)
    return [*tracked, *workplace.settings, *more]


@pytest.fixture(scope="module")
def finished(workplace: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "run"
    assert call(*words(workplace, out)).exit_code == 0
    return out


@pytest.fixture(scope="module")
def corrected(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished run with a revision in which object 1 is another one from frame 5 on."""
    run = tmp_path_factory.mktemp("corrected") / "run"
    shutil.copytree(finished, run)
    assert call("correct", run, "--split", "1@5").exit_code == 0
    return run


@pytest.fixture(scope="module")
def interrupted(workplace: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stopped in the middle of a shard, on frame LAST."""
    out = tmp_path_factory.mktemp("interrupted") / "run"
    config = read_config(workplace.config, weights=workplace.weights, range=RANGE)
    done: list[int] = []
    callbacks = ProgressCallbacks(
        on_frame=lambda count, _: done.append(count), stop=lambda: len(done) == LAST
    )
    job = TrackJob(str(workplace.clip), out, PROMPTS, config, {2: "body"})
    assert track(job, callbacks=callbacks).status == "interrupted"
    return out


def lose(*paths: Path) -> None:
    for path in paths:
        path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def swap(first: Path, second: Path) -> None:
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(bytes(content))


def shard(run: Path, number: int, folder: str = "masks") -> Path:
    return run / folder / f"shard-{number:06d}.parquet"


Loss = Callable[[Path], object]
OF_BOTH: dict[str, Loss] = {
    "masks deleted": lambda run: lose(shard(run, 1)),
    "masks cut": lambda run: cut(shard(run, 2)),
    "masks swapped": lambda run: swap(shard(run, 0), shard(run, 3)),
    "masks changed": lambda run: flip_a_bit(shard(run, 3)),
    "all masks deleted": lambda run: shutil.rmtree(run / "masks"),
    "objects cut": lambda run: cut(run / "objects.json"),
}
OF_UNFINISHED: dict[str, Loss] = {
    "frames deleted": lambda run: lose(shard(run, 1, "frames")),
    "frames cut": lambda run: cut(shard(run, 3, "frames")),
    "frames and masks deleted": lambda run: lose(shard(run, 3, "frames"), shard(run, 3)),
    "an older shard": lambda run: [
        shutil.copy(shard(run, 0, folder), shard(run, 2, folder))
        for folder in ("frames", "masks")
    ],
    "state cut": lambda run: cut(next(run.glob("state-*"))),
    "state and masks deleted": lambda run: lose(next(run.glob("state-*")), shard(run, 0)),
}


QUICK = ("masks cut", "frames and masks deleted", "state and masks deleted")
"""The others take the same paths."""


@pytest.mark.parametrize(
    "loss",
    [
        pytest.param(loss, marks=() if loss in QUICK else pytest.mark.slow)
        for loss in OF_BOTH | OF_UNFINISHED
    ],
)
def test_an_unfinished_run_becomes_what_it_would_have_been(
    workplace: Workplace, interrupted: Path, finished: Path, tmp_path: Path, loss: str
) -> None:
    run = Path(shutil.copytree(interrupted, tmp_path / "run"))
    (OF_BOTH | OF_UNFINISHED)[loss](run)
    answer = call(*words(workplace, run, "--resume", "--json"))
    assert answer.exit_code == 0, answer.stderr
    assert any("computed again" in note for note in json.loads(answer.stdout)["notes"])
    assert files_of(run) == files_of(finished)


OF_FINISHED: dict[str, Loss] = {
    **OF_BOTH,
    "frames.parquet cut": lambda run: cut(run / "frames.parquet"),
}


@pytest.mark.parametrize("loss", OF_FINISHED)
def test_a_finished_run_is_not_called_complete_and_is_made_whole(
    workplace: Workplace, finished: Path, tmp_path: Path, loss: str
) -> None:
    run = Path(shutil.copytree(finished, tmp_path / "run"))
    OF_FINISHED[loss](run)
    refused = call(*words(workplace, run))
    assert refused.exit_code == 3
    assert "--resume" in refused.stderr
    answer = call(*words(workplace, run, "--resume"))
    assert answer.exit_code == 0, answer.stderr
    assert "computed again" in answer.stdout
    assert files_of(run) == files_of(finished)


def test_the_frames_that_were_lost_are_named_and_whole_shards_left_alone(
    workplace: Workplace, finished: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(finished, tmp_path / "run"))
    cut(shard(run, 1))
    before = {n: shard(run, n).stat().st_mtime_ns for n in (0, 2, 4)}
    answer = call(*words(workplace, run, "--resume"))
    assert "frames 4 to 7 were computed again" in answer.stdout
    assert "8 frames written" in answer.stdout
    assert before == {n: shard(run, n).stat().st_mtime_ns for n in (0, 2, 4)}
    assert len(list(open_run(run))) == 20


LOST_OF_A_REVISION: dict[str, Callable[[Path], None]] = {
    "masks": lambda content: cut(content / "masks/shard-000001.parquet"),
    "no masks": lambda content: lose(content / "masks/shard-000001.parquet"),
    "frames": lambda content: cut(content / "frames.parquet"),
    "objects": lambda content: cut(content / "objects.json"),
    "spans": lambda content: lose(content / "spans.json"),
}


@pytest.mark.parametrize("lost", LOST_OF_A_REVISION)
def test_a_run_whose_revision_lost_a_part_is_not_called_complete(
    corrected: Path, workplace: Workplace, tmp_path: Path, lost: str
) -> None:
    run = tmp_path / "run"
    shutil.copytree(corrected, run)
    LOST_OF_A_REVISION[lost](run / "revisions" / "000001")
    answer = call(*words(workplace, run, "--resume"))
    assert answer.exit_code == 3
    assert f"vseg revisions {run} --to 0" in answer.stderr


def test_a_whole_revision_is_complete(
    corrected: Path, workplace: Workplace, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(corrected, run)
    answer = call(*words(workplace, run))
    assert (answer.exit_code, "complete already" in answer.stdout) == (0, True)


def test_revisions_that_lost_masks_cannot_be_compared(corrected: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(corrected, run)
    lose(run / "revisions" / "000001" / "masks" / "shard-000001.parquet")
    answer = call("revisions", run, "--compare", "0", "1")
    assert (answer.exit_code, "is missing" in answer.stderr) == (3, True)
