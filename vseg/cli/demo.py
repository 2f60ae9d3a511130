"""`vseg demo`: a synthetic scene or the user's own clip, tracked and drawn in one command."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vseg.cli import options
from vseg.cli.answers import show_json
from vseg.errors import UsageError
from vseg.io.files import check_free

if TYPE_CHECKING:
    from vseg.pipelines.job import JobOutcome
    from vseg.synthetic import SyntheticVideo

_WRITTEN = {"run", "scene.mp4", "overlay.mp4", "contact.png"}
"""What a demo leaves in its folder."""


def demo(
    clip: Annotated[
        str | None,
        typer.Argument(metavar="CLIP", help="A clip; by default a synthetic scene."),
    ] = None,
    point: options.Points = None,
    box: options.Boxes = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder to write.")] = Path(
        "demo"
    ),
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Track one object from one click and draw it: overlay.mp4 and contact.png."""
    if clip is None and (point or box):
        raise UsageError(
            "a prompt without a clip", hint="give the clip too: vseg demo clip.mp4 ..."
        )
    if clip is not None and not (point or box):
        raise UsageError(
            "point at an object: --point x,y or --box x1,y1,x2,y2 on the first frame",
            hint=f"find the coordinates with: vseg frame {clip} 0 -o first.png",
        )
    check_free(out, overwrite=overwrite, is_member=lambda path: path.name in _WRITTEN)
    scene = None
    if clip is None:
        scene = _synthetic_scene()
        clip, point = _written(scene, out / "scene.mp4")
    outcome = _track(clip, point or [], box or [], out)
    facts = outcome.facts()
    if scene is not None and outcome.status == "complete":
        facts["j_and_f"] = round(_score(outcome, scene), 1)
    if as_json:
        show_json(facts)
    else:
        _show(outcome, facts)
    if outcome.exit_code:
        raise typer.Exit(outcome.exit_code)


def _synthetic_scene() -> "SyntheticVideo":
    """Four seconds of objects that pass behind one another."""
    from vseg.synthetic import SceneConfig, SyntheticVideo

    return SyntheticVideo(SceneConfig(height=360, width=640, num_frames=100, seed=3))


def _written(scene: "SyntheticVideo", path: Path) -> tuple[str, list[str]]:
    """The scene's clip as a real file, and a click on its first object."""
    from vseg.synthetic import write_clip

    write_clip(scene, path)
    click = scene.first_point(1)
    return str(path), [f"1@{click.frame_index}:{click.x},{click.y}"]


def _track(clip: str, point: list[str], box: list[str], out: Path) -> "JobOutcome":
    """The run in out/run, its images beside it; an earlier demo there is replaced."""
    from vseg.cli.track import run_job
    from vseg.config import TrackConfig
    from vseg.pipelines.job import TrackJob
    from vseg.prompts.parse import parse_prompts

    return run_job(
        TrackJob(
            source=clip,
            out=out / "run",
            prompts=parse_prompts(point, box, (), ()),
            labels={},
            config=TrackConfig(),
            overwrite=True,
            images=out,
        )
    )


def _score(outcome: "JobOutcome", scene: "SyntheticVideo") -> float:
    """J&F in percent of object 1 against the scene's exact masks."""
    from vseg.build import open_run
    from vseg.metrics.mask_evaluation import evaluate_object

    predicted = (masks[1] for masks in open_run(outcome.out))
    true = (scene.truth(index) == 1 for index in range(len(scene)))
    return 100 * evaluate_object(predicted, true).jf_mean


def _show(outcome: "JobOutcome", facts: dict[str, object]) -> None:
    """The images written, and J&F where the truth is known."""
    from vseg.cli.track import summary

    print(summary(outcome))
    for path in outcome.images:
        print(f"  see {path}")
    if "j_and_f" in facts:
        print(f"  J&F against the scene's exact masks: {facts['j_and_f']} (100 is perfect)")
        print("your own clip: make demo VIDEO=clip.mp4 POINT=412,220")
