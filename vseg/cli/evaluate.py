"""`vseg eval`: runs against ground truth: J&F per object and mean; HOTA, IDF1 and MOTA per
clip.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vseg.cli import options
from vseg.cli.identity_table import identity_facts, parse_metrics, print_identities
from vseg.cli.report import show_json
from vseg.errors import BadDataset, UsageError

if TYPE_CHECKING:
    from vseg.metrics.davis_protocol import PredictedFrame, Prediction
    from vseg.metrics.identity_scores import IdentityRow
    from vseg.metrics.jf_scores import ScoreRow


def evaluate(
    gt: Annotated[
        Path,
        typer.Option(
            "--gt",
            help="A clip's PNG masks, a folder of such folders, or a MOTChallenge gt.txt.",
        ),
    ],
    pred: Annotated[
        list[Path],
        typer.Option("--pred", help="Runs, PNG folders, or tracks.txt beside a gt.txt."),
    ],
    more: Annotated[
        list[Path] | None, typer.Argument(metavar="[RUN]...", help="More of --pred.")
    ] = None,
    metrics: Annotated[
        str,
        typer.Option("--metrics", help="Some of jf, hota, idf1, mota, separated by commas."),
    ] = "jf",
    first_and_last: Annotated[
        bool,
        typer.Option(
            "--all-frames/--inner-frames",
            help="Count the first and last frame too; DAVIS leaves them out.",
        ),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Score masks or boxes against ground truth, as DAVIS (J, F) and TrackEval do."""
    from vseg.metrics.davis_protocol import evaluate_clips

    chosen = parse_metrics(metrics)
    paths = [*pred, *(more or [])]
    document: dict[str, Any] = {}
    if "jf" in chosen:
        predictions = {clip: _prediction(path) for clip, path in _clips(gt, paths).items()}
        score = evaluate_clips(gt, predictions, first_and_last=first_and_last)
        document["rows"] = [_facts(row) for row in score.rows()]
        if not as_json:
            _print_table(score.rows())
    if chosen != {"jf"}:
        rows = _identity_rows(gt, paths)
        document["identities"] = [identity_facts(row, chosen) for row in rows]
        if not as_json:
            print_identities(document["identities"])
    if as_json:
        show_json(document)


def _clips(gt: Path, paths: list[Path]) -> dict[str, Path]:
    """Predictions by the name of the annotated clip that they are of."""
    from vseg.metrics.annotations import clip_folders

    if gt.is_file():
        raise UsageError(
            f"{gt} holds boxes, which have no J&F", hint="add --metrics hota,idf1,mota"
        )
    clips = list(clip_folders(gt))
    predictions: dict[str, Path] = {}
    for path in paths:
        clip = _clip_of(path, clips, alone=len(paths) == 1)
        if clip in predictions:
            raise UsageError(f"two predictions for clip '{clip}': {path} is the second")
        predictions[clip] = path
    return predictions


def _identity_rows(gt: Path, paths: list[Path]) -> "list[IdentityRow]":
    """Rows of all predictions: boxes against a file, masks against folders."""
    from vseg.analysis.box_identities import box_clip_of
    from vseg.metrics.annotations import clip_folders
    from vseg.metrics.identity_scores import identity_rows
    from vseg.metrics.mask_identities import mask_clip

    if not gt.is_file():
        folders = clip_folders(gt)
        predictions = _clips(gt, paths).items()
        return identity_rows(
            {clip: mask_clip(folders[clip], _prediction(p)) for clip, p in predictions}
        )
    if len(paths) > 1:
        raise UsageError(f"{len(paths)} predictions for one {gt}", hint="give one --pred")
    return identity_rows({gt.stem: box_clip_of(gt, paths[0])})


def _prediction(path: Path) -> "Prediction":
    return _frames_of(path) if (path / "run.json").is_file() else path


def _clip_of(path: Path, clips: list[str], *, alone: bool) -> str:
    """The annotated clip a prediction is of: by its folder's name, or by the name of its
    source.
    """
    names = [path.resolve().name]
    if (path / "run.json").is_file():
        from vseg.build import open_run

        names.append(Path(open_run(path).header.source.path).stem)
    matches = [name for name in names if name in clips]
    if matches:
        return matches[0]
    if alone and len(clips) == 1:
        return clips[0]
    raise BadDataset(
        f"{path} is of none of the {len(clips)} annotated clips",
        hint=f"name its folder after one of them: {', '.join(clips[:8])}",
    )


def _frames_of(path: Path) -> "Iterator[PredictedFrame]":
    """(frame, masks by object) of a run, one frame in memory at a time."""
    from vseg.build import open_run

    for masks in open_run(path):
        yield masks.frame_index, dict(masks)


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
            f"{row.clip:<{width}}  {name:>6}  {row.num_frames:>6}  "
            f"{100 * measures.jf_mean:5.1f}"
            f"  {100 * measures.j_mean:5.1f}  {100 * measures.f_mean:5.1f}"
        )
