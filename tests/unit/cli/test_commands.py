"""The other commands: each does its job on a small clip and says it in JSON too."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.clips import Recipe, cut, write_clip
from tests.scenes import drawn_scene
from tests.unit.cli.conftest import SCENE, Workplace, call
from vseg.build import open_run

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def run(workplace: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run whose first frame was given by its true masks."""
    out = tmp_path_factory.mktemp("commands") / "clip"
    mask = workplace.truth / "clip" / "00000.png"
    words = ["track", workplace.clip, "-o", out, "--mask", mask, *workplace.settings]
    answer = call(*words, "--range", "0:24")
    assert answer.exit_code == 0, answer.stderr
    return out


def test_probe_tells_the_facts(workplace: Workplace, tmp_path: Path) -> None:
    answer = call("probe", workplace.clip, "--json")
    told = json.loads(answer.stdout)
    assert answer.exit_code == 0
    assert (told["frames"], told["width"], told["height"]) == (64, 120, 72)
    assert "codec" in call("probe", workplace.clip).stdout
    broken = call("probe", cut(workplace.clip, tmp_path / "cut.mp4", 0.6), "--json")
    assert broken.exit_code == 4
    assert json.loads(broken.stdout)["damaged_frame"] > 0


def test_a_folder_of_images_is_a_clip(workplace: Workplace, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for index, frame in enumerate(drawn_scene(SCENE).frames(0, 4)):
        Image.fromarray(frame.image).save(folder / f"{index:05d}.png")
    told = json.loads(call("probe", folder, "--json").stdout)
    assert (told["frames"], told["width"]) == (4, 120)
    words = ["track", folder, "-o", tmp_path / "run", "--point", "60,36", *workplace.settings]
    assert call(*words).exit_code == 0
    assert len(open_run(tmp_path / "run")) == 4


def test_frame_writes_the_exact_image(workplace: Workplace, tmp_path: Path) -> None:
    answer = call("frame", workplace.clip, "1s", "-o", tmp_path / "a.png", "--json")
    assert json.loads(answer.stdout)["frame"] == 25
    true = drawn_scene(SCENE).read(25).image.astype(float)
    assert np.abs(np.asarray(Image.open(tmp_path / "a.png")) - true).mean() < 12
    assert call("frame", workplace.clip, "25", "-o", tmp_path / "b.png").exit_code == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_render_draws_a_run(run: Path, tmp_path: Path) -> None:
    answer = call("render", run, "-o", tmp_path / "o.mp4", "--json")
    assert answer.exit_code == 0
    written = json.loads(answer.stdout)["written"]
    assert written == [str(tmp_path / "o.mp4"), str(tmp_path / "o.png")]
    assert call("render", run, "--no-sheet", "-o", tmp_path / "p.mp4").exit_code == 0
    assert not (tmp_path / "p.png").exists()


def test_render_logs_a_run_for_rerun(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("rerun", reason="needs the extra vseg[rerun]")
    path = tmp_path / "a.rrd"
    answer = call("render", run, "--rerun", path, "--range", "0:3", "--json")
    assert (answer.exit_code, json.loads(answer.stdout)["written"]) == (0, [str(path)])
    assert path.read_bytes()[:4] == b"RRF2"
    assert call("render", run, "--rerun", path).exit_code == 3
    assert call("render", run, "--rerun", path, "-o", tmp_path / "o.mp4").exit_code == 2


@pytest.mark.parametrize("format", ["davis", "coco"])
def test_export_converts_a_run(run: Path, tmp_path: Path, format: str) -> None:
    answer = call("export", run, "--to", format, "-o", tmp_path / "out", "--json")
    assert answer.exit_code == 0
    written = json.loads(answer.stdout)["written"]
    assert written[0] == str(tmp_path / "out")
    assert all(Path(path).exists() for path in written)
    assert call("export", run, "--to", format, "-o", tmp_path / "out").exit_code == 3
    assert call("export", run, "--to", "vhs", "-o", tmp_path / "x").exit_code == 2


def test_an_output_is_replaced_only_if_asked(
    run: Path, workplace: Workplace, tmp_path: Path
) -> None:
    commands: list[tuple[object, ...]] = [
        ("frame", workplace.clip, "1s", "-o", tmp_path / "a.png"),
        ("render", run, "--no-sheet", "-o", tmp_path / "o.mp4"),
        ("export", run, "--to", "davis", "-o", tmp_path / "davis"),
        ("export", run, "--to", "mot", "-o", tmp_path / "a.txt"),
        ("associate", run, "--no-colours", "-o", tmp_path / "linked"),
    ]
    for command in commands:
        assert call(*command).exit_code == 0
        refused = call(*command)
        assert (refused.exit_code, "--overwrite" in refused.stderr) == (3, True)
        assert call(*command, "--overwrite").exit_code == 0
    refused = call("associate", run, "-o", run, "--overwrite")
    assert (refused.exit_code, "cannot replace" in refused.stderr) == (3, True)


def test_eval_scores_a_run_and_an_export_alike(
    workplace: Workplace, run: Path, tmp_path: Path
) -> None:
    truth = tmp_path / "truth" / "clip"
    truth.mkdir(parents=True)
    for index in range(24):
        name = f"{index:05d}.png"
        (truth / name).write_bytes((workplace.truth / "clip" / name).read_bytes())
    assert call("export", run, "--to", "davis", "-o", tmp_path / "clip").exit_code == 0
    of_run = call("eval", "--gt", truth.parent, "--pred", run, "--json")
    assert of_run.exit_code == 0, of_run.stderr
    rows = json.loads(of_run.stdout)["rows"]
    assert [row["object"] for row in rows] == [1, 2, None, None]
    (folder,) = {path.parent for path in (tmp_path / "clip").rglob("00000.png")}
    of_folder = call("eval", "--gt", truth, "--pred", folder, "--json")
    assert json.loads(of_folder.stdout)["rows"][2]["j_mean"] == pytest.approx(
        rows[2]["j_mean"], abs=2
    )
    assert "J&F" in call("eval", "--gt", truth.parent, "--pred", run).stdout
    for taken in (run, run.parent):
        # Its PNGs are previews.
        for more in ((), ("--metrics", "hota")):
            refused = call("eval", "--gt", taken, "--pred", run, *more)
            assert refused.exit_code == 2
            assert f"vseg export {run} --to davis" in refused.stderr
    assert call("eval", "--gt", tmp_path / "none", "--pred", run).exit_code == 3
    assert call("eval", "--gt", truth.parent, "--pred", run, run).exit_code == 2


def test_bench_prints_every_stage(workplace: Workplace) -> None:
    words = ["bench", workplace.clip, "--frames", "6", "--objects", "2", *workplace.settings]
    answer = call(*words, "--json")
    assert answer.exit_code == 0, answer.stderr
    told = json.loads(answer.stdout)
    stages = ("decode", "encode", "memory", "decode mask", "write")
    assert all(told[f"{stage} ms"] > 0 for stage in stages)
    assert told["state bytes"] > 0
    assert (told["objects"], told["frames"]) == (2, 6)


def test_bench_makes_its_own_scene(workplace: Workplace) -> None:
    answer = call("bench", "--frames", "2", "--objects", "1", *workplace.settings)
    assert answer.exit_code == 0, answer.stderr
    assert "frames/s" in answer.stdout


def test_models_and_doctor(tmp_path: Path) -> None:
    cards = json.loads(call("models", "--json").stdout)
    assert len(cards["nano"]["sha256"]) == 64
    assert "## Data" in Path(cards["nano"]["card"]).read_text("utf-8")
    assert "nano" in call("models").stdout
    answer = call("doctor", "--json")
    told = json.loads(answer.stdout)
    assert (answer.exit_code == 0) == (told["problems"] == "none")
    assert cards["nano"]["sha256"] in told["nano"]
    assert "torch" in told["packages"]
    assert "libx264 yes" in told["codecs"]


def test_demo_on_ones_own_clip(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", Recipe(num_frames=5))
    answer = call("demo", clip, "--point", "60,36", "-o", tmp_path / "demo")
    assert answer.exit_code == 0, answer.stderr
    assert (tmp_path / "demo" / "overlay.mp4").exists()
    assert (tmp_path / "demo" / "contact.png").exists()
    assert "J&F" not in answer.stdout
    again = call("demo", clip, "--point", "60,36", "-o", tmp_path / "demo")
    assert again.exit_code == 3 and "--overwrite" in again.stderr
    assert call("demo", clip, "-o", tmp_path / "demo").exit_code == 2
    assert call("demo", "--point", "60,36", "-o", tmp_path / "demo").exit_code == 2


def test_train_refuses_what_it_cannot_use(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text("distil = 3\n")
    files = [
        "--data",
        tmp_path / "none.zip",
        "--teacher",
        tmp_path / "none.ts",
        "-o",
        tmp_path,
    ]
    answer = call("train", "nano", *files, "--config", tmp_path / "plan.toml")
    assert answer.exit_code == 2
    assert "unknown key 'distil'" in answer.stderr
    plan = """
        [distill.optimisation]
        steps = 1
        rate = 1e-3
        [[propagate]]
        name = "whole"
        shapes = [{ batch = 1, side = 64, length = 2 }]
        optimisation = { steps = 1, rate = 1e-3 }
        [clicks]
        shapes = [{ batch = 1, side = 64, length = 2 }]
        optimisation = { steps = 1, rate = 1e-3 }
    """
    (tmp_path / "plan.toml").write_text(plan)
    answer = call("train", "nano", *files, "--config", tmp_path / "plan.toml")
    assert answer.exit_code == 3
    assert "none.zip" in answer.stderr


def test_version() -> None:
    assert call("--version").stdout.startswith("vseg ")
