"""`vseg correct` and `vseg revisions` on the command line."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.unit.cli.conftest import Workplace, call, track_words
from tests.unit.results.test_run import HEIGHT, WIDTH, header
from vseg.build import open_run
from vseg.frame_masks import FrameMasks
from vseg.results import RunWriter
from vseg.results.spans import read_spans, write_spans
from vseg.types import Frame


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Object 1 on the left and object 2 on the right of 20 frames."""
    path = tmp_path / "run"
    writer = RunWriter.create(path, header())
    image = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    left = np.zeros((HEIGHT, WIDTH), dtype=bool)
    left[:9, :9] = True
    for index in range(20):
        masks = {1: left, 2: np.flip(left, axis=1)}
        writer.write(FrameMasks.of(Frame(index, index, index / 10, image), masks))
    writer.finish()
    return path


def test_a_correction_tells_how_it_is_drawn(run: Path) -> None:
    """The overlay of the run as tracked lies where one looks first."""
    plain = call("correct", run, "--rename", "1=car").stdout
    assert f"draw it with: vseg render {run}\n" in plain
    (run / "overlay.mp4").write_bytes(b"")
    drawn = call("correct", run, "--rename", "1=bus").stdout
    assert f"{run / 'overlay.mp4'} shows the run as tracked" in drawn
    spaced = run.rename(run.with_name("my run"))
    said = call("correct", spaced, "--rename", "1=van").stdout
    assert f"vseg render '{spaced}'" in said and f"revisions '{spaced}' --undo" in said


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
@pytest.mark.parametrize(
    ("span", "said"), [("1@x:y", "'x' is neither"), ("9@0:5", "no object 9"), ("1@0:99", "99")]
)
def test_what_is_accepted_is_checked_before_anything_is_tracked(
    run: Path, dry: tuple[str, ...], span: str, said: str
) -> None:
    """The clip is not there: tracking would end with another error."""
    done = call("correct", run, "--point", "1@5:3,3", "--accept", span, *dry)
    assert done.exit_code in (2, 3) and said in done.stderr


def test_the_end_of_a_run_may_be_a_time(run: Path) -> None:
    """20 frames, the last at 1.9 s, on display for 1 / 23.976 s."""
    done = call("correct", run, "--absent", "2@1.8s:1.942s", "--json")
    assert json.loads(done.stdout)["commands"] == ["--absent 2@18:20"]
    late = call("correct", run, "--split", "1@2s")
    assert late.exit_code == 3 and "2s is past the end" in late.stderr


@pytest.mark.parametrize("place", ["/", "."])
def test_a_rendering_needs_a_name(run: Path, place: str) -> None:
    assert call("render", run, "-o", place).exit_code == 3


def test_edits_list_compare_and_back(run: Path) -> None:
    done = call(
        "correct",
        run,
        "--absent",
        "2@1.05s:",
        "--rename",
        "1=the car",
        "--json",
        "--colour",
        "1=#FF8A00",
    )
    assert done.exit_code == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["commands"] == [
        "--absent 2@10:20",
        "--rename '1=the car'",
        "--colour '1=#ff8a00'",
    ]
    assert said["spans"] == {"2": [[10, 20]]}
    assert call("correct", run, "--delete", "1").exit_code == 0
    listed = call("revisions", run).stdout.splitlines()
    assert [line[:5] for line in listed] == ["    0", "    1", "*   2"]
    assert "object 2: 10:20" in listed[1] and "--delete 1" in listed[2]
    compared = json.loads(call("revisions", run, "--compare", 0, 1, "--json").stdout)
    assert [(s["object_id"], s["first"], s["end"]) for s in compared["spans"]] == [(2, 10, 20)]
    assert compared["spans"][0]["mean_iou"] == 0
    assert json.loads(call("revisions", run, "--undo", "--json").stdout)["revision"] == 1
    assert open_run(run).labels[1] == "the car"
    assert json.loads(call("revisions", run, "--redo", "--json").stdout)["revision"] == 2
    assert json.loads(call("revisions", run, "--to", 0, "--json").stdout)["revision"] == 0
    assert json.loads(call("revisions", run, "--prune", "--json").stdout)["pruned"] == [1, 2]
    assert not (run / "revisions").exists()


def test_a_revision_is_exported_by_its_number(run: Path, tmp_path: Path) -> None:
    assert call("correct", run, "--delete", "2").exit_code == 0
    for words, objects in (([], {1}), (["--revision", "0"], {1, 2})):
        out = tmp_path / f"{len(objects)}.txt"
        assert call("export", run, "--to", "mot", "-o", out, *words).exit_code == 0
        assert {int(line.split(",")[1]) for line in out.read_text().splitlines()} == objects


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        ([], 2, "nothing to correct"),
        (["--absent", "2"], 2, "names no frames"),
        (["--absent", "2@9"], 2, "is not a range"),
        (["--absent", "x@1:2"], 2, "'x' is no object"),
        (["--absent", "2@5:50"], 3, "no frame 50"),
        (["--rename", "1"], 2, "has no name"),
        (["--merge", "1,2"], 3, "both visible at different places"),
        (["--delete", "7"], 3, "no object 7"),
        (["--point", "1@5:3,3", "--direction", "up"], 2, "one of forward, backward, both"),
        (["--point", "1@5:3,3", "--range", "7:7"], 2, "--range 7:7 holds no frame"),
        (["--point", "1@5:3,3", "--range", "0:50"], 3, "no frame 50"),
        (["--rename", "1=car", "--range", "0:5"], 2, "and there are none"),
    ],
)
def test_wrong_words(run: Path, words: list[str], code: int, text: str) -> None:
    done = call("correct", run, *words)
    assert done.exit_code == code
    assert text in done.stderr
    assert not (run / "revisions").exists()


@pytest.mark.parametrize(
    ("words", "spans"),
    [
        ([], [[0, 5], [6, 20]]),
        (["--direction", "forward"], [[6, 20]]),
        (["--direction", "backward", "--range", "2:"], [[2, 5]]),
        (["--range", "0.3s:9"], [[3, 5], [6, 9]]),
    ],
)
def test_a_plan_keeps_to_direction_and_range(
    run: Path, words: list[str], spans: list[list[int]]
) -> None:
    done = call("correct", run, "--point", "1@5:3,3", "--dry-run", "--json", *words)
    assert done.exit_code == 0, done.stderr
    said = json.loads(done.stdout)["spans"]
    assert [[span["first"], span["end"]] for span in said] == spans


def test_hints_speak_of_what_was_typed(run: Path) -> None:
    done = call("correct", run, "--delete", "7")
    assert "its objects: 1, 2" in done.stderr and "--add" not in done.stderr
    done = call("correct", run, "--point", "7@5:3,3")
    assert "--add 3 adds one" in done.stderr
    done = call("correct", run, "--point", "1@5:9999,3")
    assert "vseg frame CLIP 5 -o" in done.stderr
    for wrong in ("foo", "x@1:2"):
        done = call("accept", run, wrong)
        assert done.exit_code == 2
        assert f"vseg accept {run} {wrong}" in done.stderr and "--accept" not in done.stderr
        assert f"vseg accept {run} 1@0:80" in done.stderr


def anchor(run: Path, object_id: int, *frames: int) -> None:
    """Make frames anchors of an object of the run's first revision, which this makes."""
    content = run / "revisions" / "000001"
    if not content.exists():
        assert call("correct", run, "--rename", f"{object_id}=named").exit_code == 0
    known = read_spans(content)
    assert known is not None
    write_spans(
        content,
        [each.anchored(*frames) if each.object_id == object_id else each for each in known],
    )


@pytest.mark.parametrize(
    ("anchors", "words", "then"),
    [
        ((0,), ["--absent", "2@0:3"], ["--absent", "2@1:3"]),
        ((2,), ["--absent", "2@0:3"], ["--absent", "2@0:2"]),
        (
            (2, 5),
            ["--absent", "2@1:9"],
            ["--absent", "2@1:2", "--absent", "2@3:5", "--absent", "2@6:9"],
        ),
        ((3,), ["--absent", "2@3:4"], ["--delete", "2"]),
        ((0,), ["--merge", "1,2"], ["--absent", "1@0:20"]),
        ((), ["--merge", "1,2"], ["--absent", "2@0:20"]),
    ],
)
def test_a_hint_can_be_typed(
    run: Path, anchors: tuple[int, ...], words: list[str], then: list[str]
) -> None:
    anchor(run, 2, *anchors)
    refused = call("correct", run, *words)
    assert refused.exit_code == 3
    assert " ".join(then) in refused.stderr and ":0 " not in refused.stderr
    done = call("correct", run, *then)
    assert done.exit_code == 0, done.stderr


@pytest.mark.parametrize("name", ["spans.json", "objects.json", "frames.parquet"])
def test_a_revision_that_lost_a_file_is_named_with_the_way_back(run: Path, name: str) -> None:
    assert call("correct", run, "--accept", "1@0:5").exit_code == 0
    assert call("correct", run, "--rename", "1=car").exit_code == 0
    lost = run / "revisions" / "000002" / name
    lost.unlink()
    for words in (["correct", run, "--rename", "2=dog"], ["review", run]):
        refused = call(*words)
        assert refused.exit_code == 3
        assert f"{name} is missing" in refused.stderr and "--to 1" in refused.stderr
    assert call("revisions", run, "--to", 1).exit_code == 0
    assert call("revisions", run, "--to", 2).exit_code == 3
    assert call("correct", run, "--rename", "2=dog").exit_code == 0


def test_a_plan_of_edits_tracks_nothing(run: Path) -> None:
    planned = call("correct", run, "--rename", "1=car", "--dry-run")
    assert planned.exit_code == 0 and "nothing to track" in planned.stdout
    assert not (run / "revisions").exists()


def test_objects_that_cannot_be_absent_or_split_can_be_deleted(run: Path) -> None:
    anchor(run, 1, 0)
    anchor(run, 2, 0)
    assert "--delete 2 first" in call("correct", run, "--merge", "1,2").stderr


@pytest.mark.integration
def test_prompts_are_planned_and_tracked(workplace: Workplace, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert call(*track_words(workplace, run)).exit_code == 0
    words = ["correct", run, "--point", "1@30:60,36", "--box", "2@30:20,20,50,60"]
    planned = json.loads(call(*words, "--dry-run", "--json").stdout)
    spans = [(s["object"], s["first"], s["end"], s["anchor"]) for s in planned["spans"]]
    assert spans == [(1, 1, 30, 0), (1, 31, 64, None), (2, 21, 30, 20), (2, 31, 64, None)]
    assert (planned["frames"], planned["seconds"]) == (104, None)
    assert not (run / "revisions").exists()
    wrong = call(*words)
    assert wrong.exit_code == 5 and "other weights" in wrong.stderr
    done = call(*words, "--weights", workplace.weights, "--json")
    assert done.exit_code == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["commands"] == ["--point 1@30:60,36+", "--box 2@30:20,20,50,60"]
    assert 2 < said["frames"] <= 110 and said["seconds"] > 0
    # What the last correction took tells what the next one may take.
    assert json.loads(call(*words, "--dry-run", "--json").stdout)["seconds"] > 0
    assert call("correct", run, "--point", "9@30:60,36").exit_code == 3
    assert call("correct", run, "--point", "1@99:60,36").exit_code == 3
    assert call("correct", run, "--text", "a dog").exit_code == 2


def test_choices_exclude_each_other(run: Path) -> None:
    assert call("revisions", run, "--undo", "--redo").exit_code == 2
    assert "nothing to undo" in call("revisions", run, "--undo").stderr
    assert "nothing to redo" in call("revisions", run, "--redo").stderr
    assert "no revision 4" in call("revisions", run, "--compare", 0, 4).stderr
