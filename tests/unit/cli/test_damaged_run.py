"""Whatever is wrong with a run directory: a typed error in every command, or a run made whole;
never a traceback, nothing deleted, nothing written or read outside.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.unit.cli.conftest import Workplace, call
from tests.unit.cli.test_lost_parts import cut, shard
from vseg.build import open_run
from vseg.errors import VsegError

pytestmark = pytest.mark.integration

FRAMES = 12
HUGE = 10**30


@pytest.fixture(scope="module")
def whole(workplace: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "clip"
    config = out.parent / "small.toml"
    # What random weights draw stays the object's, whatever it looks like.
    lines = ("short_side = 64", "shard_frames = 4", "preview = false", "[identity]")
    config.write_text("\n".join((*lines, "departures = false")))
    words = ["track", workplace.clip, "-o", out, "--point", "60,36", "--range", f"0:{FRAMES}"]
    words += ["--weights", workplace.weights, "--config", config]
    assert call(*words).exit_code == 0
    return out


def put(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda run: (run / name).write_bytes(content)


def set_in(name: str, *keys: Any, value: Any) -> Callable[[Path], object]:
    """Replace one value of a JSON file."""

    def change(run: Path) -> None:
        path = run / name
        document = json.loads(
            path.read_text().splitlines()[0] if name[-1] == "l" else path.read_text()
        )
        place = document
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value
        path.write_text(json.dumps(document))

    return change


def link_out(name: str) -> Callable[[Path], object]:
    """What is there is moved outside of the run, and a link left in its place."""

    def change(run: Path) -> None:
        outside = run.parent / "outside"
        outside.mkdir(exist_ok=True)
        shutil.move(run / name, outside / Path(name).name)
        (run / name).symlink_to(outside / Path(name).name)

    return change


def be_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def swap_columns(run: Path) -> None:
    table = pq.ParquetFile(shard(run, 1)).read()
    x = table.schema.get_field_index("x")
    pq.write_table(table.set_column(x, table.schema.field(x), table["width"]), shard(run, 1))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "run.json cut": lambda run: cut(run / "run.json"),
    "run.json garbage": put("run.json", b"\xff\xfe\0garbage"),
    "run.json a list": put("run.json", b"[]"),
    "run.json nested deeply": put("run.json", b"[" * 100_000),
    "height huge": set_in("run.json", "video", "height", value=HUGE),
    "width zero": set_in("run.json", "video", "width", value=0),
    "rate absurd": set_in("run.json", "video", "fps", value="1000000000"),
    "rate no number": set_in("run.json", "video", "fps", value="1/0"),
    "frames negative": set_in("run.json", "video", "num_frames", value=-5),
    "range beyond the clip": set_in("run.json", "frame_range", value=[0, HUGE]),
    "shard size a word": set_in("run.json", "shard_frames", value="many"),
    "status unknown": set_in("run.json", "status", value="done"),
    "a whole run called running": set_in("run.json", "status", value="running"),
    "objects empty": put("objects.json", b"[]"),
    "objects no list": put("objects.json", b'{"id": 1}'),
    "object id huge": set_in("objects.json", 0, "id", value=HUGE),
    "object span backwards": set_in("objects.json", 0, "last_frame", value=-1),
    "objects deleted": lambda run: (run / "objects.json").unlink(),
    "masks deleted": lambda run: shutil.rmtree(run / "masks"),
    "a shard cut": lambda run: cut(shard(run, 1)),
    "a shard garbage": lambda run: shard(run, 1).write_bytes(b"PAR1" + bytes(99) + b"PAR1"),
    "a shard with columns swapped": swap_columns,
    "a shard a folder": lambda run: be_a_folder(shard(run, 1)),
    "frames.parquet cut": lambda run: cut(run / "frames.parquet"),
    "frames.parquet is masks": lambda run: shutil.copy(shard(run, 0), run / "frames.parquet"),
    "masks a link": link_out("masks"),
    "a shard a link": link_out("masks/shard-000001.parquet"),
    "run.json a link": link_out("run.json"),
    "events garbage": put("events.jsonl", b"{]\n"),
}
OF_PROMPTS: dict[str, Callable[[Path], object]] = {
    "prompts cut": lambda run: cut(run / "prompts.jsonl"),
    "prompts no text": put("prompts.jsonl", b"\xff\xff\n"),
    "prompt of a huge object": set_in("prompts.jsonl", "object", value=HUGE),
    "prompt on a huge frame": set_in("prompts.jsonl", "frame", value=HUGE),
    "prompt a number": put("prompts.jsonl", b"7\n"),
}


QUICK = {
    "run.json garbage",
    "height huge",
    "range beyond the clip",
    "objects empty",
    "a shard garbage",
    "frames.parquet is masks",
    "masks a link",
    "prompt a number",
}
EVERY = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
    for name in DAMAGES | OF_PROMPTS
]


def load(run: Path) -> int:
    """The exit code of what reads everything in Python."""
    try:
        opened = open_run(run)
        for masks in opened:
            for object_id in masks:
                masks.area(object_id)
        list(opened.track(1))
        read = (opened.objects, opened.events, opened.extent, len(opened), opened.prompts)
        assert len(read) == 5
    except VsegError as error:
        assert error.message
        return int(error.exit_code)
    return 0


def contents(*folders: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def damaged(whole: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    run = Path(shutil.copytree(whole, tmp_path / "place" / "clip"))
    (DAMAGES | OF_PROMPTS)[request.param](run)
    return run


@pytest.mark.parametrize("damaged", EVERY, indirect=True)
def test_what_reads_a_damaged_run(
    damaged: Path, workplace: Workplace, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    before = contents(damaged.parent)
    of_prompts = request.node.callspec.params["damaged"] in OF_PROMPTS
    assert load(damaged) in ((0, 3) if of_prompts else (3,))
    commands = {
        "render": ["render", damaged, "-o", tmp_path / "a.mp4"],
        "export": ["export", damaged, "--to", "coco", "-o", tmp_path / "a.json"],
        "eval": ["eval", "--gt", workplace.truth, "--pred", damaged],
        "associate": ["associate", damaged, "-o", tmp_path / "made", "--no-colours"],
    }
    for name, words in commands.items():
        answer = call(*words)
        assert contents(damaged.parent) == before, name
        assert answer.exit_code in (0, 2, 3), (name, answer.stderr)
        if answer.exit_code:
            assert answer.stderr.startswith("error: ") and "\n" in answer.stderr
            assert len(answer.stderr) < 1200
    made = ("a.", "made")
    left = {path.name for path in tmp_path.iterdir() if not path.name.startswith(made)}
    assert left == {"place"}


@pytest.mark.parametrize("damaged", EVERY, indirect=True)
def test_resuming_a_damaged_run(damaged: Path, whole: Path, workplace: Workplace) -> None:
    outside = damaged.parent / "outside"
    before = contents(outside) if outside.exists() else {}
    kept = contents(damaged)
    answer = call("track", workplace.clip, "-o", damaged, "--resume")
    assert (contents(outside) if outside.exists() else {}) == before
    if answer.exit_code == 0:
        assert load(damaged) == 0
        assert "computed again" in answer.stdout or "frames written" in answer.stdout
        expected = {path.name for path in (whole / "masks").iterdir()}
        assert {path.name for path in (damaged / "masks").iterdir()} == expected
        return
    assert answer.exit_code in (2, 3), answer.stderr
    assert answer.stderr.startswith("error: ")
    assert contents(damaged) == kept
