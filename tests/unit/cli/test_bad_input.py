"""Bad input: one clear line, a hint, the right exit code, and nothing half-written."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.clips import Recipe, write_audio, write_clip
from tests.unit.cli.conftest import CommandResult, Workplace, call, files_of
from vseg.errors import BadPrompt, VsegError

pytestmark = pytest.mark.integration

Make = Callable[[Path, Workplace], list[object]]


def wide_mask(folder: Path) -> Path:
    """A mask of the wrong size."""
    Image.fromarray(np.full((10, 20), 255, dtype=np.uint8)).save(folder / "wide.png")
    return folder / "wide.png"


def animated(folder: Path) -> Path:
    """A mask file of three images."""
    first, *others = [Image.new("L", (120, 72), 80 * k) for k in range(1, 4)]
    first.save(folder / "a.gif", save_all=True, append_images=others)
    return folder / "a.gif"


def made(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


CLIP_CASES: dict[str, tuple[Make, int, str]] = {
    "missing file": (lambda d, w: [d / "no.mp4", "--point", "5,5"], 3, "no.mp4"),
    "empty file": (lambda d, w: [made(d / "e.mp4", b""), "--point", "5,5"], 3, "e.mp4"),
    "not a video": (
        lambda d, w: [made(d / "t.mp4", b"text" * 99), "--point", "5,5"],
        3,
        "t.mp4",
    ),
    "sound only": (lambda d, w: [write_audio(d / "s.mp4"), "--point", "5,5"], 3, "s.mp4"),
    "live source": (lambda d, w: ["rtsp://127.0.0.1:1/x", "--point", "5,5"], 3, "127.0.0.1"),
}
PROMPT_CASES: dict[str, tuple[Make, int, str]] = {
    "no prompt": (lambda d, w: [], 3, "no prompt"),
    "point outside": (lambda d, w: ["--point", "500,5"], 3, "120x72"),
    "negative point alone": (lambda d, w: ["--point", "5,5-"], 3, "negative marks alone"),
    "clicks that contradict each other": (
        lambda d, w: ["--point", "5,5", "--box", "2:9,9,50,50", "--point", "5,5-"],
        3,
        "object 1 on frame 0 is there and that it is not",
    ),
    "negative points first": (
        lambda d, w: ["--point", "2:5,5-", "--box", "2@3:9,9,50,50"],
        3,
        "object 2 on frame 0 has negative marks alone",
    ),
    "negative last, going back": (
        lambda d, w: ["--box", "9,9,50,50", "--point", "@3:5,5-", "--direction", "backward"],
        3,
        "object 1 on frame 3 has negative",
    ),
    "swapped point": (lambda d, w: ["--point", "50,100"], 3, "swapped"),
    "option of detection": (
        lambda d, w: ["--point", "5,5", "--detect-every", 5],
        2,
        "--detect-every was given, and nothing is to be detected",
    ),
    "option of a detections file": (
        lambda d, w: ["--point", "5,5", "--keep-ids"],
        2,
        "--keep-ids was given without --detections",
    ),
    "option of a detections file that is 0": (
        lambda d, w: ["--point", "5,5", "--detection-score", 0],
        2,
        "--detection-score was given without --detections",
    ),
    "strict without a detections file": (
        lambda d, w: ["--point", "5,5", "--strict"],
        2,
        "--strict was given without --detections",
    ),
    "mask that is no image": (
        lambda d, w: ["--mask", made(d / "m.png", b"no image")],
        3,
        "is no image",
    ),
    "mask that is a folder": (lambda d, w: ["--mask", d], 3, "is a folder"),
    "object beyond 32 bits": (lambda d, w: ["--point", "3000000000:5,5"], 2, "2147483647"),
    "object of many digits": (lambda d, w: ["--point", "9" * 5000 + ":5,5"], 2, "2147483647"),
    "frame of many digits": (lambda d, w: ["--point", "@" + "9" * 5000 + ":5,5"], 2, "1.25s"),
    "animated mask": (lambda d, w: ["--mask", animated(d)], 3, "is animated"),
    "box outside": (lambda d, w: ["--box", "200,200,300,300"], 3, "120x72"),
    "empty box": (lambda d, w: ["--box", "50,50,20,60"], 3, "empty or inverted"),
    "polygon outside": (lambda d, w: ["--polygon", "200,9 300,9 300,99"], 3, "120x72"),
    "polygon crosses itself": (lambda d, w: ["--polygon", "9,9 60,60 60,9 9,60"], 3, "cross"),
    "mask of another size": (lambda d, w: ["--mask", wide_mask(d)], 3, "20x10"),
    "missing mask": (lambda d, w: ["--mask", d / "no.png"], 3, "no.png"),
    "frame past the end": (lambda d, w: ["--point", "1@64:5,5"], 3, "0 to 63"),
    "time past the end": (lambda d, w: ["--point", "@99s:5,5"], 3, "2.560"),
    "prompt outside the range": (
        lambda d, w: ["--point", "@50:5,5", "--range", "0:20"],
        3,
        "0:20",
    ),
    "time range past the end": (
        lambda d, w: ["--point", "5,5", "--range", "1s:2.6s"],
        3,
        "2.560",
    ),
    "range past the end": (lambda d, w: ["--point", "5,5", "--range", "0:400"], 3, "0 to 63"),
    "empty range": (lambda d, w: ["--point", "5,5", "--range", "20:20"], 3, "20:20"),
    "label of nothing": (lambda d, w: ["--point", "5,5", "--label", "4=cat"], 3, "object 4"),
    "malformed point": (lambda d, w: ["--point", "five"], 2, "five"),
    "background object": (lambda d, w: ["--point", "0:5,5"], 2, "background"),
    "unknown model": (lambda d, w: ["--point", "5,5", "--model", "huge"], 5, "huge"),
    "unknown device": (lambda d, w: ["--point", "5,5", "--device", "tpu"], 2, "tpu"),
    "missing device": (lambda d, w: ["--point", "5,5", "--device", "cuda:63"], 5, "CUDA"),
    "missing weights": (lambda d, w: ["--point", "5,5", "--weights", d / "no.st"], 5, "no.st"),
    "damaged weights": (
        lambda d, w: ["--point", "5,5", "--weights", made(d / "w.st", b"{}")],
        5,
        "w.st",
    ),
    "missing config": (
        lambda d, w: ["--point", "5,5", "--config", d / "no.toml"],
        2,
        "no.toml",
    ),
    "nothing to resume": (lambda d, w: ["--point", "5,5", "--resume"], 3, "no run"),
    "resume and overwrite": (lambda d, w: ["--resume", "--overwrite"], 2, "exclude"),
    "unsuitable short side": (lambda d, w: ["--point", "5,5", "--short-side", "100"], 2, "16"),
}


def check(answer: CommandResult, exit_code: int, said: str, out: Path) -> None:
    """The error is typed, names what it is about, and left nothing behind."""
    assert answer.exit_code == exit_code, answer.stderr
    first, *rest = answer.stderr.splitlines()
    assert first.startswith("error: ")
    assert said in answer.stderr
    assert all(line.startswith("hint: ") for line in rest[:1])
    assert not out.exists()


@pytest.mark.parametrize("case", CLIP_CASES)
def test_a_clip_that_cannot_be_read(tmp_path: Path, workplace: Workplace, case: str) -> None:
    make, exit_code, said = CLIP_CASES[case]
    out = tmp_path / "run"
    check(call("track", *make(tmp_path, workplace), "-o", out), exit_code, said, out)


@pytest.mark.parametrize("case", PROMPT_CASES)
def test_a_prompt_or_setting_that_cannot_be_used(
    tmp_path: Path, workplace: Workplace, case: str
) -> None:
    make, exit_code, said = PROMPT_CASES[case]
    out = tmp_path / "run"
    words = [*workplace.settings, *make(tmp_path, workplace)]
    check(call("track", workplace.clip, "-o", out, *words), exit_code, said, out)


def test_unrotated_coordinates_are_recognised(tmp_path: Path, workplace: Workplace) -> None:
    clip = write_clip(tmp_path / "turned.mp4", Recipe(num_frames=4, rotation=90))
    shown = json.loads(call("probe", clip, "--json").stdout)
    assert (shown["rotation"], shown["width"] > shown["height"]) == (90, True)
    # Inside the stored, upright image only.
    point = f"5,{shown['width'] - 2}"
    answer = call("track", clip, "-o", tmp_path / "run", "--point", point, *workplace.settings)
    assert answer.exit_code == 3
    assert "unrotated" in answer.stderr


def test_a_place_that_cannot_be_written(tmp_path: Path, workplace: Workplace) -> None:
    (tmp_path / "file").write_text("in the way")
    out = tmp_path / "file" / "run"
    words = ["track", workplace.clip, "-o", out, "--point", "5,5", *workplace.settings]
    answer = call(*words)
    assert answer.exit_code == 3
    assert "file" in answer.stderr


def test_what_fails_before_the_first_frame_leaves_a_run_as_it_is(
    tmp_path: Path, workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["track", workplace.clip, "-o", tmp_path / "run", "--point", "60,36"]
    words += [*workplace.settings, "--range", "0:3"]
    assert call(*words).exit_code == 0
    before = files_of(tmp_path / "run")

    def make_driver(*given: object) -> None:
        raise BadPrompt("no object is seen")

    monkeypatch.setattr("vseg.pipelines.frame_loop.make_driver", make_driver)
    assert call(*words, "--overwrite").exit_code == 3
    assert files_of(tmp_path / "run") == before != {}


def test_nothing_to_resume_without_prompts_says_what_to_type(
    tmp_path: Path, workplace: Workplace
) -> None:
    answer = call("track", workplace.clip, "-o", tmp_path / "run", "--resume")
    assert answer.exit_code == 3 and "[Errno" not in answer.stderr
    assert "hint: begin it" in answer.stderr


def test_errors_in_json(tmp_path: Path, workplace: Workplace) -> None:
    answer = call("track", workplace.clip, "-o", tmp_path / "run", "--json")
    told = json.loads(answer.stdout)
    assert (told["error"], told["exit_code"], answer.exit_code) == ("BadPrompt", 3, 3)
    assert told["hint"]
    assert answer.stderr == ""


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    for words in (["render"], ["export", "--to", "coco", "-o", tmp_path / "x"]):
        answer = call(*words, tmp_path)
        assert answer.exit_code == 3
        assert str(tmp_path) in answer.stderr


def test_every_error_has_an_exit_code_of_the_table() -> None:
    kinds = [VsegError]
    codes = set()
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        codes.add(kind.exit_code)
    assert codes <= {2, 3, 4, 5}
