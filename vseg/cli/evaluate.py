"""`vseg eval`: runs against ground truth, J&F per object and mean."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vseg.cli import options
from vseg.cli.report import show_json
from vseg.errors import BadDataset, UsageError

if TYPE_CHECKING:
    from vseg.metrics.davis import PredictedFrame, Prediction
    from vseg.metrics.scores import ScoreRow


def evaluate(
    gt: Annotated[
        Path, typer.Option("--gt", help="A clip's PNG masks, or a folder of such folders.")
    ],
    pred: Annotated[list[Path], typer.Option("--pred", help="Run directories or PNG folders.")],
    more: Annotated[
        list[Path] | None, typer.Argument(metavar="[RUN]...", help="More of them.")
    ] = None,
    first_and_last: Annotated[
        bool,
        typer.Option(
            "--all-frames/--inner-frames",
            help="Score the first and last frame too (DAVIS does not: the first was given).",
        ),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Score masks against ground truth with J (region), F (boundary) and J&F, as DAVIS does."""
    from vseg.metrics.annotations import clip_folders
    from vseg.metrics.davis import evaluate_clips

    clips = list(clip_folders(gt))
    predictions: dict[str, Prediction] = {}
    for path in [*pred, *(more or [])]:
        clip = _clip_of(path, clips, alone=len(pred) + len(more or []) == 1)
        if clip in predictions:
            raise UsageError(f"two predictions for clip '{clip}': {path} is the second")
        predictions[clip] = _frames_of(path) if (path / "run.json").is_file() else path
    score = evaluate_clips(gt, predictions, first_and_last=first_and_last)
    if as_json:
        show_json({"rows": [_facts(row) for row in score.rows()]})
    else:
        _print_table(score.rows())


def _clip_of(path: Path, clips: list[str], *, alone: bool) -> str:
    """The annotated clip a prediction is of: by its folder's name, or by the name of its source."""
    names = [path.resolve().name]
    if (path / "run.json").is_file():
        from vseg.results import open_run

        names.append(Path(open_run(path).header.source.path).stem)
    found = [name for name in names if name in clips]
    if found:
        return found[0]
    if alone and len(clips) == 1:
        return clips[0]
    raise BadDataset(
        f"{path} is of none of the {len(clips)} annotated clips",
        hint=f"name its folder after one of them: {', '.join(clips[:8])}",
    )


def _frames_of(path: Path) -> "Iterator[PredictedFrame]":
    """(frame, masks by object) of a run, one frame in memory at a time."""
    from vseg.results import open_run

    for stored in open_run(path):
        yield (
            stored.frame_index,
            {object_id: stored.mask(row) for row, object_id in enumerate(stored.object_ids)},
        )


def _facts(row: "ScoreRow") -> dict[str, Any]:
    """One row of the table as plain values; measures in percent."""
    measures = row.measures
    return {
        "clip": row.clip,
        "object": row.object_id,
        "objects": row.num_objects,
        "frames": row.num_frames,
        "j_and_f": round(100 * measures.jf_mean, 2),
        "j_mean": round(100 * measures.j_mean, 2),
        "j_recall": round(100 * measures.j_recall, 2),
        "f_mean": round(100 * measures.f_mean, 2),
        "f_recall": round(100 * measures.f_recall, 2),
    }


def _print_table(rows: "list[ScoreRow]") -> None:
    """Columns aligned, one line per object and one per mean."""
    width = max(len(row.clip) for row in rows)
    print(f"{'clip':<{width}}  object  frames    J&F      J      F")
    for row in rows:
        measures = row.measures
        name = "mean" if row.object_id is None else str(row.object_id)
        print(
            f"{row.clip:<{width}}  {name:>6}  {row.num_frames:>6}  {100 * measures.jf_mean:5.1f}"
            f"  {100 * measures.j_mean:5.1f}  {100 * measures.f_mean:5.1f}"
        )
