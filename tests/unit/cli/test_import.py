"""Masks come back from other programs: nothing is taken for a change that is none."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.cli.conftest import Workplace, call, files_of
from vseg.build import open_run


@pytest.fixture(scope="module")
def run(workplace: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the true masks."""
    out = tmp_path_factory.mktemp("import") / "run"
    answer = call("import", workplace.truth / "clip", "--video", workplace.clip, "-o", out)
    assert answer.exit_code == 0, answer.stderr
    # What is tracked again is tracked as small as the clip is.
    header = json.loads((out / "run.json").read_text())
    header["options"]["short_side"] = 64
    (out / "run.json").write_text(json.dumps(header))
    return out


def test_a_fresh_run_has_the_masks_of_the_file(workplace: Workplace, run: Path) -> None:
    opened = open_run(run)
    assert opened.header.status == "complete" and len(opened) == 64
    for masks in opened:
        file = workplace.truth / "clip" / f"{masks.frame_index:05d}.png"
        labels = np.asarray(Image.open(file))
        for obj, mask in masks.items():
            np.testing.assert_array_equal(mask, labels == obj)
    again = call("import", workplace.truth / "clip", "--video", workplace.clip, "-o", run)
    assert again.exit_code == 3 and "already holds a run" in again.stderr


def test_masks_without_ids_are_no_run(run: Path, workplace: Workplace, tmp_path: Path) -> None:
    assert call("export", run, "--to", "yolo-seg", "-o", tmp_path / "labels").exit_code == 0
    words = ("import", tmp_path / "labels", "--format", "yolo-seg", "--video", workplace.clip)
    refused = call(*words, "-o", tmp_path / "run")
    assert refused.exit_code == 3 and "masks have no id" in refused.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("format_name", ["coco", "davis", "cvat", "mot", "yolo-seg"])
def test_what_was_not_edited_is_not_changed(
    run: Path, tmp_path: Path, format_name: str
) -> None:
    out = tmp_path / format_name
    assert call("export", run, "--to", format_name, "-o", out).exit_code == 0
    before = files_of(run)
    answer = call("import", out, "--into", run)
    assert answer.exit_code == 0, answer.stderr
    assert "nothing was changed" in answer.stdout
    told = json.loads(call("import", out, "--into", run, "--json").stdout)
    assert told["changes"] == [] and told["same"] > 60 and told["format"] == format_name
    assert files_of(run) == before


def edited_coco(run: Path, out: Path) -> Path:
    """An export with a mask deleted, a label given, and one mask replaced by a square."""
    assert call("export", run, "--to", "coco", "-o", out).exit_code == 0
    content = json.loads(out.read_text())
    rows = content["annotations"]
    content["categories"][0]["name"] = "dog"
    frame_of = {image["id"]: image["frame_id"] for image in content["images"]}
    on_frame = {(frame_of[row["image_id"]], row["track_id"]): row for row in rows}
    rows.remove(on_frame[7, 1])
    on_frame[20, 2]["segmentation"] = [[10, 10, 30, 10, 30, 30, 10, 30]]
    out.write_text(json.dumps(content))
    return out


def test_a_dry_run_shows_what_was_changed(run: Path, tmp_path: Path) -> None:
    out = edited_coco(run, tmp_path / "a.json")
    before = files_of(run)
    told = json.loads(call("import", out, "--into", run, "--dry-run", "--json").stdout)
    changes = [(row["frame"], row["object"], row["kind"]) for row in told["changes"]]
    assert changes == [(7, 1, "deleted"), (20, 2, "moved")]
    assert told["deleted"] == told["moved"] == 1 and told["added"] == 0
    assert set(told["relabelled"].values()) == {"dog"}
    table = call("import", out, "--into", run, "--dry-run").stdout
    assert "deleted" in table and "moved" in table and "relabelled" in table
    assert files_of(run) == before


@pytest.mark.parametrize("more", [(), ("--dry-run",), ("--dry-run", "--json")])
def test_an_unfinished_run_is_not_compared(
    run: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    out = edited_coco(run, tmp_path / "a.json")
    copied = tmp_path / "run"
    shutil.copytree(run, copied)
    header = json.loads((copied / "run.json").read_text())
    (copied / "run.json").write_text(json.dumps({**header, "status": "interrupted"}))
    answer = call("import", out, "--into", copied, *more)
    told = answer.stdout + answer.stderr
    assert answer.exit_code == 3 and "changes" not in told
    assert "only a finished run can be corrected" in told and "--resume" in told


def test_the_file_of_another_clip_or_run_is_refused(
    workplace: Workplace, run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a.json"
    assert call("export", run, "--to", "coco", "-o", out).exit_code == 0
    sidecar = tmp_path / "a.json.vseg_export.json"
    content = json.loads(sidecar.read_text())
    content["origin"]["fingerprint"] = "f" * 64
    sidecar.write_text(json.dumps(content))
    answer = call("import", out, "--into", run)
    assert answer.exit_code == 3 and "exported from another clip" in answer.stderr
    other = tmp_path / "other"
    words = ["import", workplace.truth / "clip", "--video", workplace.clip, "-o", other]
    assert call(*words).exit_code == 0
    exported = tmp_path / "b.json"
    assert call("export", run, "--to", "coco", "-o", exported).exit_code == 0
    answer = call("import", exported, "--into", other)
    assert answer.exit_code == 3 and "another run of the same clip" in answer.stderr
    sidecar.write_text("{}")
    answer = call("import", out, "--into", run)
    assert answer.exit_code == 3 and "a.json.vseg_export.json" in answer.stderr


def test_a_malformed_command_is_told(workplace: Workplace, run: Path, tmp_path: Path) -> None:
    file = workplace.truth / "clip"
    assert call("import", file).exit_code == 2
    assert call("import", file, "--into", run, "-o", tmp_path / "x").exit_code == 2
    assert call("import", file, "-o", tmp_path / "x").exit_code == 2
    answer = call("import", tmp_path / "missing", "--into", run)
    assert answer.exit_code == 3 and "does not exist" in answer.stderr
    unknown = tmp_path / "notes.md"
    unknown.write_text("x")
    answer = call("import", unknown, "--into", run)
    assert answer.exit_code == 2 and "--format coco|" in answer.stderr


READERS = {
    "coco": {"pycocotools"},
    "ytvis": {"pycocotools"},
    "ytvis-gt": {"pycocotools"},
    "sav": {"pycocotools"},
    "mots": {"pycocotools", "trackeval"},
    "mot": {"trackeval"},
    "davis": {"pillow", "trackeval"},
    "mots-png": {"pillow"},
    "png": {"pillow"},
    "labelme": set(),
}
INSTALLED = {name for name in ("pycocotools", "trackeval") if find_spec(name)} | {"pillow"}


@pytest.mark.parametrize("format_name", READERS)
def test_an_export_is_valid(run: Path, tmp_path: Path, format_name: str) -> None:
    out = tmp_path / format_name
    assert call("export", run, "--to", format_name, "-o", out).exit_code == 0
    told = json.loads(call("validate", out, "--json").stdout)
    assert told["frames"] == 64 and told["masks"] > 60 and told["unnamed"] == 0
    assert sorted(told["objects"]) == ["1", "2"] and told["format"] == format_name
    packages = {name.split()[0] for name in told["checked_by"]}
    assert packages == READERS[format_name] & INSTALLED
    text = call("validate", out, "--format", format_name).stdout
    assert f"read by {', '.join(['vseg', *told['checked_by']])}" in text


def test_what_is_wrong_with_a_file_is_told(
    workplace: Workplace, run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a.json"
    assert call("export", run, "--to", "coco", "-o", out).exit_code == 0
    content = json.loads(out.read_text())
    content["annotations"][5]["segmentation"]["counts"] = "00"
    out.write_text(json.dumps(content))
    answer = call("validate", out)
    assert answer.exit_code == 3 and "annotation 5: the runs of an RLE" in answer.stderr
    (tmp_path / "a.json.vseg_export.json").unlink()
    assert call("validate", out).exit_code == 2
    assert call("validate", out, "--size", "huge").exit_code == 2
    words = ("validate", workplace.truth / "clip")
    assert call(*words, "--size", "120x72").exit_code == 0
    assert call(*words, "--video", workplace.clip).exit_code == 0
    assert call(*words, "--size", "121x72").exit_code == 3


def test_several_runs_are_one_data_set(
    workplace: Workplace, run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "set"
    words = ("export", run, run, "--to", "coco", "-o", out, "--every", "16", "--val", "0.5")
    answer = call(*words, "--images", "--class", "object=thing")
    assert answer.exit_code == 0, answer.stderr
    images = sorted(path.name for path in out.glob("images/*/*/*.jpg"))
    assert images == sorted(2 * [f"{frame:05d}.jpg" for frame in (0, 16, 32, 48)])
    content = json.loads((out / "annotations" / "val.json").read_text())
    assert len(content["images"]) == 4 and len(content["videos"]) == 1
    for wrong in (["--every", "0"], ["--val", "2"], ["--class", "x"], ["--revision", "0"]):
        again = call("export", run, run, "--to", "coco", "-o", tmp_path / "x", *wrong)
        assert again.exit_code == 2, wrong
    assert call("export", run, "x", "--to", "onnx", "-o", tmp_path / "x").exit_code == 2


def rows_of(run: Path, revision: int) -> dict[tuple[int, int], bytes]:
    """Every mask's pixels by frame and object."""
    opened = open_run(run, revision)
    return {
        (masks.frame_index, obj): masks[obj].tobytes() for masks in opened for obj in masks
    }


@pytest.mark.integration
def test_changes_become_anchors_and_only_what_is_around_them_is_tracked(
    workplace: Workplace, run: Path, tmp_path: Path
) -> None:
    copied = tmp_path / "run"
    shutil.copytree(run, copied)
    out = edited_coco(copied, tmp_path / "a.json")
    weights = ("--weights", workplace.weights)
    answer = call("import", out, "--into", copied, "--json", "--model", "nano", *weights)
    assert answer.exit_code == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert told["revision"]["number"] == 1
    commands = told["revision"]["commands"]
    assert "--absent 1@7:8" in commands and any("mask 2@20:" in said for said in commands)
    before = rows_of(copied, 0)
    after = rows_of(copied, 1)
    square = np.zeros((72, 120), dtype=bool)
    square[10:30, 10:30] = True
    assert after[20, 2] == square.tobytes(), "the mask of the file, to the pixel"
    assert not any(after[7, 1])
    changed = {key for key in before if before[key] != after.get(key)}
    assert {frame for frame, obj in changed if obj == 1} == {7}
    spans = told["revision"]["spans"]["2"]
    assert all(any(a <= frame < b for a, b in spans) for frame, obj in changed if obj == 2)
    assert set(open_run(copied).labels.values()) == {"dog"}


@pytest.mark.integration
def test_objects_come_and_go_with_the_file(
    workplace: Workplace, run: Path, tmp_path: Path
) -> None:
    copied = tmp_path / "run"
    shutil.copytree(run, copied)
    out = tmp_path / "a.json"
    assert call("export", copied, "--to", "coco", "-o", out).exit_code == 0
    content = json.loads(out.read_text())
    rows = [row for row in content["annotations"] if row["track_id"] != 1]
    drawn = [row for row in content["annotations"] if row["track_id"] == 1][5]
    corner = [[100, 0, 118, 0, 118, 9, 100, 9]]
    content["annotations"] = [*rows, drawn | {"track_id": 9, "segmentation": corner}]
    out.write_text(json.dumps(content))
    words = (
        "import",
        out,
        "--into",
        copied,
        "--model",
        "nano",
        "--weights",
        workplace.weights,
    )
    answer = call(*words)
    assert answer.exit_code == 0, answer.stderr
    assert "added" in answer.stdout and "revision 1" in answer.stdout
    assert open_run(copied).object_ids == (2, 9)
    before = rows_of(copied, 0)
    after = rows_of(copied, 1)
    assert all(after[key] == before[key] for key in before if key[1] == 2)
    assert call("import", out, "--into", copied, "--revision", "0").exit_code == 2


def test_a_change_of_what_is_not_there_any_more_leaves_the_run_as_it_is(
    run: Path, tmp_path: Path
) -> None:
    copied = tmp_path / "run"
    shutil.copytree(run, copied)
    out = edited_coco(copied, tmp_path / "a.json")
    assert call("correct", copied, "--delete", "2").exit_code == 0
    before = files_of(copied)
    answer = call("import", out, "--into", copied)
    assert answer.exit_code == 3 and "object 2" in answer.stderr
    assert files_of(copied) == before


def renamed_rows(run: Path, out: Path, obj: int, to: int, first: int) -> Path:
    """An export in which the masks of an object are another's from a frame on."""
    assert call("export", run, "--to", "coco", "-o", out).exit_code == 0
    content = json.loads(out.read_text())
    frame_of = {image["id"]: image["frame_id"] for image in content["images"]}
    for row in content["annotations"]:
        if row["track_id"] == obj and frame_of[row["image_id"]] >= first:
            row["track_id"] = to
    out.write_text(json.dumps(content))
    return out


def test_a_split_elsewhere_is_a_split(run: Path, tmp_path: Path) -> None:
    copied = tmp_path / "run"
    shutil.copytree(run, copied)
    last = open_run(copied).objects[1].last_frame
    out = renamed_rows(copied, tmp_path / "a.json", 2, 9, 30)
    told = json.loads(call("import", out, "--into", copied, "--json").stdout)
    assert told["changes"] == [] and told["revision"]["commands"] == ["--split 2@30"]
    (handed,) = told["handed_over"]
    assert (handed["from"], handed["to"], handed["first"]) == (2, 9, 30)
    before = rows_of(copied, 0)
    after = rows_of(copied, 1)
    assert last is not None and after[last, 3] == before[last, 2]
    assert after[29, 2] == before[29, 2] and not any(after.get((30, 2), b""))


def test_a_merge_elsewhere_is_a_merge(run: Path, tmp_path: Path) -> None:
    copied = tmp_path / "run"
    shutil.copytree(run, copied)
    assert call("correct", copied, "--split", "2@30").exit_code == 0
    out = renamed_rows(copied, tmp_path / "a.json", 3, 2, 0)
    answer = call("import", out, "--into", copied)
    assert answer.exit_code == 0, answer.stderr
    assert "now object 2" in answer.stdout
    assert open_run(copied).object_ids == (1, 2)
    assert rows_of(copied, 2) == rows_of(copied, 0)
