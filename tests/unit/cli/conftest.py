"""A small clip and untrained weights: everything but quality can be tested with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.nano_weights import save_random
from tests.scenes import drawn_scene
from vseg.cli.command_line import app
from vseg.synthetic import SceneConfig, write_clip, write_truth

SCENE = SceneConfig(height=72, width=120, num_frames=64, seed=3, num_objects=2)


@dataclass(frozen=True)
class CommandResult:
    """What a command did."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Workplace:
    """Inputs made once for all tests of the command line."""

    clip: Path
    truth: Path
    weights: Path
    config: Path

    @property
    def settings(self) -> list[str]:
        """Options that make a run cheap and cut it into many parts."""
        return ["--weights", str(self.weights), "--config", str(self.config)]


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    folder = tmp_path_factory.mktemp("workplace")
    scene = drawn_scene(SCENE)
    write_clip(scene, folder / "clip.mp4")
    write_truth(scene, folder / "truth" / "clip")
    save_random(folder / "random.safetensors", 0)
    # What random weights draw stays the object's, whatever it looks like.
    lines = ("short_side = 64", "shard_frames = 8", "preview = false")
    (folder / "small.toml").write_text("\n".join((*lines, "[identity]", "departures = false")))
    return Workplace(
        folder / "clip.mp4",
        folder / "truth",
        folder / "random.safetensors",
        folder / "small.toml",
    )


def call(*words: object) -> CommandResult:
    """Run `vseg` with these words in this process; anything but an orderly exit is an
    error.
    """
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return CommandResult(done.exit_code, done.stdout, done.stderr)


def files_of(run: Path) -> dict[str, bytes]:
    """Everything in a run directory that must not depend on how often it was interrupted."""
    return {
        str(path.relative_to(run)): path.read_bytes()
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name != "run.json"
    }


def track_words(workplace: Workplace, out: Path, *more: object) -> Sequence[object]:
    """A command that tracks two objects, the second from frame 20 on."""
    prompts = ["--point", "60,36", "--box", "2@20:10,10,50,50", "--label", "2=body"]
    return ["track", workplace.clip, "-o", out, *prompts, *workplace.settings, *more]
