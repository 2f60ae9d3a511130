"""`vseg eval`: protocols, tables, the CSV of frames, and two runs compared."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.cli.conftest import Workplace, call

H, W, NUM_FRAMES = 48, 64, 6
CLIPS = ("one", "two", "three", "four", "five", "six")


def _clip(folder: Path, shift: int, lost_from: int = NUM_FRAMES) -> None:
    """Two squares that move; the prediction's are shifted, the second may be lost."""
    folder.mkdir(parents=True, exist_ok=True)
    for t in range(NUM_FRAMES):
        labels = np.zeros((H, W), np.uint8)
        labels[6:20, 4 + t + shift : 18 + t + shift] = 1
        if t < lost_from:
            labels[26:42, 30 - t + shift : 44 - t + shift] = 2
        image = Image.fromarray(labels)
        image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
        image.save(folder / f"{t:05d}.png")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DAVIS tree with images, and two folders of predictions, of which one is worse."""
    root = tmp_path_factory.mktemp("tree")
    rng = np.random.default_rng(0)
    for clip in CLIPS:
        _clip(root / "Annotations" / "480p" / clip, 0)
        _clip(root / "good" / clip, 1)
        _clip(root / "bad" / clip, 4, lost_from=3 if clip == "two" else NUM_FRAMES)
        images = root / "JPEGImages" / "480p" / clip
        images.mkdir(parents=True)
        for t in range(NUM_FRAMES):
            image = rng.integers(0, 255, (H, W, 3), dtype=np.uint8)
            Image.fromarray(image).save(images / f"{t:05d}.jpg")
    return root


@pytest.mark.parametrize("protocol", ["davis16", "davis17", "sav", "mose", "vots"])
def test_a_folder_of_predictions_by_every_protocol(tree: Path, protocol: str) -> None:
    words = ("eval", "--gt", tree, "--pred", tree / "good", "--protocol", protocol)
    told = json.loads(call(*words, "--json").stdout)
    assert told["protocol"] == protocol
    last = told["rows"][-1]
    assert (last["clip"], last["objects"]) == ("all", 6 if protocol == "davis16" else 12)
    low, high = told["intervals"]["j_and_f"]
    assert low <= last["j_and_f"] <= high
    lines = call(*words).stdout.splitlines()
    assert lines[-1].startswith("95 % intervals over clips: J&F ")
    assert ("adq" in lines[0], "reappear" in lines[0]) == (
        protocol == "vots",
        protocol == "mose",
    )


def test_tables_and_the_csv_of_frames(tree: Path, tmp_path: Path) -> None:
    attributes = tmp_path / "attributes.json"
    attributes.write_text('{"one": ["FM"]}')
    frames = tmp_path / "frames.csv"
    words = ["eval", "--gt", tree, "--pred", tree / "bad", "--per-frame", frames]
    answer = call(*words, "--by", "size,attribute", "--attributes", attributes)
    assert answer.exit_code == 0, answer.stderr
    assert "\nsmall " in answer.stdout and "\nFM " in answer.stdout
    with frames.open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == 6 * 2 * NUM_FRAMES
    counted = [
        float(row["j"]) for row in rows if row["counted"] == "1" and row["object"] == "2"
    ]
    assert len(counted) == 6 * (NUM_FRAMES - 2)
    again = call(*words)
    assert (again.exit_code, "frames.csv" in again.stderr) == (3, True)
    told = json.loads(call(*words, "--overwrite", "--json").stdout)
    of_two = [row["j_mean"] for row in told["rows"] if row["object"] == 2]
    assert float(np.mean(of_two)) == pytest.approx(100 * np.mean(counted), abs=0.01)


def test_two_runs_are_compared(tree: Path, tmp_path: Path) -> None:
    words = ("eval", "--gt", tree, "--compare", tree / "good", tree / "bad")
    page = tmp_path / "compare.html"
    answer = call(*words, "-o", page)
    assert answer.exit_code == 0, answer.stderr
    assert "excludes 0" in answer.stdout and answer.stdout.splitlines()[-1] == str(page)
    text = page.read_text()
    # The frames of the six largest losses, drawn for both.
    assert (text.count("<img"), text.count("<script")) == (12, 0)
    assert "default-src 'none'" in text and "two, object 2, frame 3" in text
    told = json.loads(call(*words, "--json").stdout)
    assert told["gain"]["j_and_f"] == pytest.approx(
        told["second"]["rows"][-1]["j_and_f"] - told["first"]["rows"][-1]["j_and_f"], abs=0.02
    )
    low, high = told["intervals"]["j_and_f"]
    assert low <= told["gain"]["j_and_f"] <= high < 0
    worst = told["lost"][0]
    assert (worst["clip"], worst["object"], worst["second"]) == ("two", 2, 0)
    plot = tmp_path / "compare.svg"
    assert call(*words, "-o", plot).exit_code == 0
    assert plot.read_text().startswith("<svg xmlns=")


def test_few_clips_exclude_no_chance(tree: Path, tmp_path: Path) -> None:
    for run in ("good", "bad"):
        (tmp_path / run).mkdir()
        for clip in CLIPS[:2]:
            (tmp_path / run / clip).symlink_to(tree / run / clip)
    words = ("eval", "--gt", tree, "--compare", tmp_path / "good")
    few = call(*words, tmp_path / "bad")
    assert "2 clips are too few to exclude chance" in few.stdout
    # Clips that only one of them has are left out.
    told = json.loads(call(*words, tree / "bad", "--json").stdout)
    assert told["left_out"] == sorted(CLIPS[2:])
    one = call("eval", "--gt", tree, "--compare", tree / "good" / "one", tree / "bad" / "one")
    assert "of one clip there is no interval" in one.stdout


def test_a_run_is_shown_on_the_frames_of_its_clip(
    workplace: Workplace, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(workplace.clip.read_bytes())
    words = ["track", clip, "-o", tmp_path / "run", "--range", "0:5", *workplace.settings]
    answer = call(*words, "--box", "1@0:40,20,70,50", "--box", "2@0:10,10,30,30")
    assert answer.exit_code == 0, answer.stderr
    truth = tmp_path / "clip"
    truth.mkdir()
    for index in range(5):
        name = f"{index:05d}.png"
        (truth / name).write_bytes((workplace.truth / "clip" / name).read_bytes())
    pages = []
    for page in (tmp_path / "there.html", tmp_path / "moved.html"):
        words = ["eval", "--gt", truth, "--compare", tmp_path / "run", truth, "-o", page]
        answer = call(*words)
        assert answer.exit_code == 0, answer.stderr
        pages.append(page.read_text())
        clip.unlink(missing_ok=True)
    # Without its clip the same masks are drawn on grey, which is a smaller page.
    assert pages[0].count("<img") == pages[1].count("<img") == 4
    assert len(pages[0]) > 1.2 * len(pages[1])


def test_the_same_run_twice_shows_no_difference(tree: Path) -> None:
    answer = call("eval", "--gt", tree, "--compare", tree / "good", tree / "good")
    assert "no difference is shown" in answer.stdout


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        (["--protocol", "coco", "--pred", "good"], 2, "unknown protocol 'coco'"),
        (["--pred", "good", "--by", "colour"], 2, "unknown group 'colour'"),
        (["--pred", "good", "--per-frame", "a.txt"], 2, "does not end in .csv"),
        (["--pred", "good", "-o", "a.html"], 2, "-o is of --compare"),
        ([], 2, "nothing to score"),
        (["--compare", "good", "bad", "-o", "a.png"], 2, "does not end in .html or .svg"),
        (["--compare", "good", "bad", "--pred", "good"], 2, "does not take --pred"),
        (["--compare", "good", "bad", "--metrics", "hota"], 2, "does not take --metrics"),
        (["--compare", "good/one", "bad/two"], 3, "have no clip in common"),
        (["--pred", "good", "--attributes", "none.json"], 3, "none.json: No such file"),
        (["--pred", "nowhere"], 3, "nowhere: no such folder"),
    ],
)
def test_what_does_not_fit_is_named(
    tree: Path, words: list[str], exit_code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree)
    answer = call("eval", "--gt", tree, *words)
    assert answer.exit_code == exit_code, answer.stderr
    assert said in answer.stderr and "hint: " in answer.stderr


def test_an_object_that_was_never_found_is_told(tree: Path, tmp_path: Path) -> None:
    _clip(tmp_path / "one", 1, lost_from=0)
    answer = call("eval", "--gt", tree, "--pred", tmp_path / "one")
    assert answer.exit_code == 0
    assert "one: object 2 is annotated but never predicted" in answer.stderr
