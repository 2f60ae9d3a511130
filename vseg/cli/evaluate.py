"""`vseg eval`: runs against ground truth, and against each other: J&F by a protocol of the
field, with intervals; HOTA, IDF1 and MOTA per clip.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vseg.cli import options
from vseg.cli.answers import show_json
from vseg.cli.identity_table import identity_facts, parse_metrics, print_identities
from vseg.errors import UsageError

if TYPE_CHECKING:
    from vseg.metrics.identity_scores import IdentityRow
    from vseg.metrics.jf_scores import DatasetScore
    from vseg.metrics.protocols import Protocol

PredOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--pred",
        help="Runs, PNG folders, folders of these, or tracks.txt beside a gt.txt.",
    ),
]
ProtocolOption = Annotated[
    str,
    typer.Option("--protocol", help="davis16, davis17, sav, mose or vots: see Evaluation."),
]
CompareOption = Annotated[
    tuple[Path, Path] | None,
    typer.Option("--compare", metavar="RUN1 RUN2", help="Instead of --pred: two, paired."),
]
AttributesOption = Annotated[
    Path | None,
    typer.Option("--attributes", help='JSON: {"clip": ["OCC"]}; a table of them.'),
]


def evaluate(
    gt: Annotated[
        Path,
        typer.Option(
            "--gt",
            help="A clip's PNG masks, a folder of such folders, or a MOTChallenge gt.txt.",
        ),
    ],
    pred: PredOption = None,
    more: Annotated[
        list[Path] | None, typer.Argument(metavar="RUN", help="More of --pred.")
    ] = None,
    metrics: Annotated[
        str,
        typer.Option("--metrics", help="Some of jf, hota, idf1, mota, separated by commas."),
    ] = "jf",
    protocol: ProtocolOption = "davis17",
    all_frames: Annotated[
        bool,
        typer.Option("--all-frames", help="Count every annotated frame."),
    ] = False,
    by: Annotated[
        str | None, typer.Option("--by", help="More tables: size, attribute, or both.")
    ] = None,
    attributes: AttributesOption = None,
    per_frame: Annotated[
        Path | None,
        typer.Option("--per-frame", help="Also write J and F of every frame: .csv."),
    ] = None,
    compare: CompareOption = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Of --compare: a page (.html) or its plot (.svg)."),
    ] = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Score masks or boxes against ground truth, as DAVIS, SA-V, MOSE, VOTS and TrackEval
    do.
    """
    from vseg.cli.score_table import parse_groups
    from vseg.metrics.protocols import protocol_of

    chosen = parse_metrics(metrics)
    groups = parse_groups(by)
    rules = protocol_of(protocol)
    rules = rules.on_all_frames() if all_frames else rules
    paths = [*(pred or []), *(more or [])]
    if compare is not None:
        _refuse_beside_compare(paths, per_frame, chosen)
        _check_target(out, (".html", ".svg"), overwrite=overwrite)
        _compare(gt, compare, rules, out, as_json=as_json)
        return
    if not paths or out is not None:
        raise UsageError(
            "-o is of --compare" if paths else "nothing to score",
            hint="give --pred RUN, or --compare RUN1 RUN2",
        )
    _check_target(per_frame, (".csv",), overwrite=overwrite)
    document: dict[str, Any] = {}
    if "jf" in chosen:
        score = _scored(gt, paths, rules)
        document |= _facts(score, attributes, per_frame)
        if not as_json:
            _print(score, groups, attributes)
    if chosen != {"jf"}:
        document["identities"] = _identity_facts(gt, paths, chosen)
        if not as_json:
            print_identities(document["identities"])
    if as_json:
        show_json(document)


def _check_target(path: Path | None, endings: tuple[str, ...], *, overwrite: bool) -> None:
    from vseg.results.output_place import check_output

    if path is None:
        return
    if path.suffix.lower() not in endings:
        raise UsageError(
            f"{path.name} does not end in {' or '.join(endings)}",
            hint=f"name it {path.stem or 'out'}{endings[0]}",
        )
    check_output(path, overwrite=overwrite)


def _scored(gt: Path, paths: list[Path], rules: "Protocol") -> "DatasetScore":
    from vseg.analysis.predictions import opened, predictions_of
    from vseg.metrics.mask_evaluation import evaluate_clips

    score = evaluate_clips(gt, opened(predictions_of(gt, paths)), rules)
    for clip in score.sequences:
        for object_id in clip.missing_ids:
            print(
                f"note: {clip.clip}: object {object_id} is annotated but never predicted: "
                "scored as absent",
                file=sys.stderr,
            )
    return score


def _facts(
    score: "DatasetScore", attributes: Path | None, per_frame: Path | None
) -> dict[str, Any]:
    """The document of --json; the CSV of frames is written on the way."""
    from vseg.cli.score_table import group_facts, interval_facts, row_facts, write_frames
    from vseg.metrics.bootstrap import intervals
    from vseg.metrics.breakdown import attribute_rows, read_attributes, size_rows

    given = {} if attributes is None else read_attributes(attributes)
    if per_frame is not None:
        write_frames(score, per_frame)
    return {
        "protocol": score.protocol.name,
        "rows": [row_facts(row) for row in score.rows()],
        "intervals": interval_facts(intervals(score)),
        "sizes": [group_facts(row) for row in size_rows(score)],
        "attributes": [group_facts(row) for row in attribute_rows(score, given)],
        "per_frame": per_frame,
    }


def _print(score: "DatasetScore", groups: tuple[str, ...], attributes: Path | None) -> None:
    from vseg.cli.score_table import print_groups, print_rows
    from vseg.metrics.bootstrap import intervals
    from vseg.metrics.breakdown import attribute_rows, read_attributes, size_rows

    print_rows(score.rows(), intervals(score))
    if "size" in groups:
        print_groups("size", size_rows(score))
    if "attribute" in groups or attributes is not None:
        given = {} if attributes is None else read_attributes(attributes)
        print_groups("attribute", attribute_rows(score, given))


def _refuse_beside_compare(
    paths: list[Path], per_frame: Path | None, chosen: set[str]
) -> None:
    given = {"--pred": bool(paths), "--per-frame": per_frame is not None}
    given["--metrics"] = chosen != {"jf"}
    for option, there in given.items():
        if there:
            raise UsageError(
                f"--compare does not take {option}", hint="score the runs one by one for that"
            )


def _compare(
    gt: Path,
    compare: tuple[Path, Path],
    rules: "Protocol",
    out: Path | None,
    *,
    as_json: bool,
) -> None:
    from vseg.analysis.comparison_page import ComparedFolders, verdict, write_comparison
    from vseg.analysis.predictions import predictions_of
    from vseg.analysis.run_comparison import compare_runs
    from vseg.cli.comparison_table import comparison_facts, print_comparison
    from vseg.metrics.annotations import clip_folders

    first, second = (predictions_of(gt, [path]) for path in compare)
    names = str(compare[0]), str(compare[1])
    compared = compare_runs(gt, first, second, names, rules)
    if out is not None:
        write_comparison(compared, ComparedFolders(clip_folders(gt), first, second), out)
    if as_json:
        show_json({**comparison_facts(compared), "written": out})
        return
    print_comparison(compared, verdict(compared))
    if out is not None:
        print(out)


def _identity_facts(gt: Path, paths: list[Path], chosen: set[str]) -> list[Any]:
    return [identity_facts(row, chosen) for row in _identity_rows(gt, paths)]


def _identity_rows(gt: Path, paths: list[Path]) -> "list[IdentityRow]":
    """Rows of all predictions: boxes against a file, masks against folders."""
    from vseg.analysis.box_identities import box_clip_of
    from vseg.analysis.predictions import opened, predictions_of
    from vseg.metrics.annotations import clip_folders
    from vseg.metrics.identity_scores import identity_rows
    from vseg.metrics.mask_identities import mask_clip

    if not gt.is_file():
        predictions = opened(predictions_of(gt, paths)).items()
        folders = clip_folders(gt)
        return identity_rows({clip: mask_clip(folders[clip], p) for clip, p in predictions})
    if len(paths) > 1:
        raise UsageError(f"{len(paths)} predictions for one {gt}", hint="give one --pred")
    return identity_rows({gt.stem: box_clip_of(gt, paths[0])})
