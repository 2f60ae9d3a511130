"""Linking a run's objects writes a new run; the first one stays as it is."""

import json
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.cli.conftest import call, files_of
from vseg.analysis.associate import associate
from vseg.build import open_run
from vseg.errors import OutputError
from vseg.frame_masks import FrameMasks, LogitCrops
from vseg.results import Prompt, RunHeader, RunWriter, SourceFingerprint, fingerprint
from vseg.results.layout import read_header, read_objects, write_header, write_objects
from vseg.types import Box, Timecode, VideoInfo

pytestmark = pytest.mark.integration

HEIGHT = 48
WIDTH = 96
FRAMES = 30
VIDEO = VideoInfo("clip.mp4", HEIGHT, WIDTH, Fraction(25), FRAMES)


def frames(lost: Sequence[int]) -> Iterator[FrameMasks]:
    """One square moves right under id 1, is out of sight on `lost`, and goes on as id 3; id 2
    stays.
    """
    for index in range(FRAMES):
        logits = np.full((3, HEIGHT, WIDTH), -1, dtype=np.float32)
        moving = 0 if index < lost[0] else 2
        visible = np.array([moving == 0, True, moving == 2])
        visible[[0, 2]] &= index not in lost
        logits[moving, 8:20, 2 + 2 * index : 14 + 2 * index] = 1
        logits[1, 30:44, 70:84] = 1
        scores = np.full(3, 0.9, dtype=np.float32)
        yield FrameMasks(
            frame_index=index,
            time_s=index / 25,
            height=HEIGHT,
            width=WIDTH,
            object_ids=(1, 2, 3),
            scores=scores,
            visible=visible,
            sources=("track",) * 3,
            crops=LogitCrops((1, 2, 3), logits, visible, (HEIGHT, WIDTH), {}),
            pts=index,
        )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    header = RunHeader(
        vseg_version="1",
        model="m",
        weights_sha256="w",
        device="cpu",
        dtype="float32",
        source=SourceFingerprint(path="clip.mp4", size=1, sha256="s"),
        video=VIDEO,
        shard_frames=8,
        labels={2: "post", 3: "late"},
    )
    prompts = [
        Prompt(1, Timecode(0), Box(2.0, 8.0, 14.0, 20.0)),
        Prompt(3, Timecode(15), Box(1, 1, 9, 9)),
    ]
    writer = RunWriter.create(tmp_path / "run", header, prompts)
    for masks in frames(lost=range(12, 15)):
        writer.write(masks)
    writer.finish()
    return tmp_path / "run"


def test_a_broken_track_becomes_one_in_a_new_run(run: Path) -> None:
    before = files_of(run)
    made = associate(run, colours=False)
    assert (made.out, made.before, made.after) == (run.with_name("run-r2"), 3, 2)
    assert files_of(run) == before
    linked = open_run(made.out)
    assert linked.header.status == "complete"
    assert [(each.id, each.label) for each in linked.objects] == [(1, "late"), (2, "post")]
    assert [each.object_id for each in linked.prompts] == [1, 1]
    assert len(linked) == FRAMES
    for index in (3, 13, 20):
        old = open_run(run)[index]
        new = linked[index]
        assert new.object_ids == (1, 2)
        assert new.visible.tolist() == [index != 13, True]
        assert np.array_equal(new[1], old[3 if index == 20 else 1])
    assert linked.events == sorted(made.changes, key=lambda change: change.frame)
    told = [(e.kind, e.frame, e.object_id, e.track_id, e.last_frame) for e in made.changes]
    assert told == [("merged", 15, 1, 3, None), ("filled", 12, 1, None, 14)]


def test_names_found_while_tracking_or_given_afterwards_reach_the_new_run(run: Path) -> None:
    named = {1: "dog", 2: "lamp post", 3: "a late dog"}
    stored = [o.model_copy(update={"label": named[o.id]}) for o in read_objects(run)]
    write_objects(run, stored)
    linked = open_run(associate(run, colours=False).out)
    assert [(each.id, each.label) for each in linked.objects] == [
        (1, "dog"),
        (2, "lamp post"),
    ]


def test_boxes_are_filled_where_no_mask_was(run: Path) -> None:
    rows = np.loadtxt(associate(run, colours=False).out / "tracks.txt", delimiter=",")
    gap = rows[(rows[:, 0] == 14) & (rows[:, 1] == 1)]
    np.testing.assert_allclose(gap[0, 2:6], [28, 8, 12, 12], atol=0.5)
    assert len(rows) == 2 * FRAMES


def test_every_new_run_has_a_folder_of_its_own(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run.parent)
    free = [str(associate(Path(run.name), colours=False).out) for _ in range(2)]
    assert free == ["run-r2", "run-r3"]
    answer = call("associate", run, "-o", run.with_name("run-r2"), "--no-colours")
    assert (answer.exit_code, "already holds a run" in answer.stderr) == (3, True)


def test_the_command_lists_the_changes(run: Path) -> None:
    told = json.loads(call("associate", run, "--no-colours", "--json").stdout)
    assert (told["objects_before"], told["objects"], told["changes"][0]["kind"]) == (
        3,
        2,
        "merged",
    )
    answer = call("associate", run, "--no-colours")
    assert "3 objects became 2, 2 changes" in answer.stdout
    assert "frame 15: object 3 is object 1 again" in answer.stdout
    assert "frames 12 to 14: object 1, filled" in answer.stdout


def clip_of(run: Path, folder: Path, later: tuple[int, int, int]) -> Path:
    """The clip of `frames`, as if the run was made from it: what goes on as object 3 has the
    colour `later`, object 1 is red.
    """
    folder.mkdir()
    for masks in frames(lost=range(12, 15)):
        image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        for object_id, colour in zip(
            masks, ((200, 20, 20), (20, 20, 200), later), strict=True
        ):
            image[masks[object_id]] = colour
        Image.fromarray(image).save(folder / f"{masks.frame_index:05d}.png")
    header = read_header(run)
    write_header(run, header.model_copy(update={"source": fingerprint(folder)}))
    return folder


def test_what_looks_different_is_not_joined(run: Path, tmp_path: Path) -> None:
    alike = clip_of(run, tmp_path / "alike", (200, 20, 20))
    assert associate(run, clip=str(alike)).after == 2
    different = clip_of(run, tmp_path / "different", (20, 200, 20))
    assert associate(run, clip=str(different)).after == 3
    different.rename(tmp_path / "moved")
    answer = call("associate", run)
    assert (answer.exit_code, "different" in answer.stderr) == (3, True)


def test_what_cannot_be_written_whole_leaves_nothing(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files_of(run.parent)

    def refused(*_: object) -> None:
        raise OutputError("No space left on device")

    monkeypatch.setattr(RunWriter, "note", refused)
    with pytest.raises(OutputError, match="No space left"):
        associate(run, colours=False)
    assert files_of(run.parent) == before
    assert [path.name for path in run.parent.iterdir()] == ["run"]


def test_an_unfinished_run_is_refused(tmp_path: Path, run: Path) -> None:
    header = open_run(run).header
    writer = RunWriter.create(tmp_path / "half", header)
    writer.write(next(frames(lost=range(12, 15))))
    writer.interrupt()
    answer = call("associate", tmp_path / "half")
    assert (answer.exit_code, "interrupted" in answer.stderr) == (3, True)
    assert not (tmp_path / "half-r2").exists()
