"""J&F as `vseg eval` prints it: tables, plain values for --json, a CSV of frames."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vseg.errors import UsageError

if TYPE_CHECKING:
    from vseg.metrics.bootstrap import Interval
    from vseg.metrics.breakdown import GroupRow
    from vseg.metrics.jf_scores import DatasetScore, ScoreRow

GROUPS = ("size", "attribute")


def parse_groups(text: str | None) -> tuple[str, ...]:
    """The groups named in a list with commas.  Raises UsageError for an unknown one."""
    names = tuple(name.strip().lower() for name in (text or "").split(",") if name.strip())
    for name in names:
        if name not in GROUPS:
            raise UsageError(f"unknown group '{name}'", hint=f"known: {', '.join(GROUPS)}")
    return names


def row_facts(row: "ScoreRow") -> dict[str, Any]:
    """One row of the table as plain values; measures in percent."""
    measures = row.measures
    facts = {
        "clip": row.clip,
        "object": row.object_id,
        "objects": row.num_objects,
        "frames": row.num_frames,
        "j_and_f": _percent(measures.jf_mean),
        "j_mean": _percent(measures.j_mean),
        "j_recall": _percent(measures.j_recall),
        "f_mean": _percent(measures.f_mean),
        "f_recall": _percent(measures.f_recall),
    }
    return facts | {
        name: None if value is None else _percent(value)
        for name, value in row.presence.items()
    }


def group_facts(row: "GroupRow") -> dict[str, Any]:
    """One size or attribute as plain values; measures in percent."""
    return {
        "name": row.name,
        "objects": row.num_objects,
        "frames": row.num_frames,
        "j_and_f": _percent(row.jf),
        "j_mean": _percent(row.j),
        "f_mean": _percent(row.f),
    }


def interval_facts(
    found: "Mapping[str, Interval] | None",
) -> dict[str, list[float]] | None:
    """The ends of every interval in percent; None of a single clip."""
    if found is None:
        return None
    return {name: [_percent(one.low), _percent(one.high)] for name, one in found.items()}


def print_rows(rows: "Sequence[ScoreRow]", found: "Mapping[str, Interval] | None") -> None:
    """Columns aligned, one line per object and one per mean, then the interval of the mean."""
    width = max(len(row.clip) for row in rows)
    names = list(rows[0].presence)
    heads = "".join(f"  {name:>10}" for name in names)
    print(f"{'clip':<{width}}  object  frames    J&F      J      F{heads}")
    for row in rows:
        measures = row.measures
        name = "mean" if row.object_id is None else str(row.object_id)
        values = "".join(f"  {_shown(row.presence[name]):>10}" for name in names)
        print(
            f"{row.clip:<{width}}  {name:>6}  {row.num_frames:>6}  "
            f"{100 * measures.jf_mean:5.1f}"
            f"  {100 * measures.j_mean:5.1f}  {100 * measures.f_mean:5.1f}{values}"
        )
    if found is not None:
        ends = [f"{name} {_ends(found[key])}" for key, name in _NAMES.items()]
        print(f"95 % intervals over clips: {', '.join(ends)}")


def print_groups(title: str, rows: "Sequence[GroupRow]") -> None:
    """Columns aligned, one line for each size or attribute."""
    width = max([len(title), *(len(row.name) for row in rows)])
    print(f"\n{title:<{width}}  objects  frames    J&F      J      F")
    for row in rows:
        print(
            f"{row.name:<{width}}  {row.num_objects:>7}  {row.num_frames:>6}  "
            f"{100 * row.jf:5.1f}  {100 * row.j:5.1f}  {100 * row.f:5.1f}"
        )


def write_frames(score: "DatasetScore", path: Path) -> None:
    """A CSV with a line for every object on every annotated frame; J and F as fractions, in
    full.
    """
    from vseg.io.files import atomic_write_text

    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["clip", "object", "frame", "counted", "true_area", "pred_area", "j", "f"])
    for clip in score.sequences:
        for one in clip.objects:
            curve = one.curve
            columns = (
                curve.frames.tolist(),
                curve.counted.astype(int).tolist(),
                curve.true_area.tolist(),
                curve.pred_area.tolist(),
                curve.j.tolist(),
                curve.f.tolist(),
            )
            for values in zip(*columns, strict=True):
                table.writerow([clip.clip, one.object_id, *values])
    atomic_write_text(path, text.getvalue())


_NAMES = {"j_and_f": "J&F", "j_mean": "J", "f_mean": "F"}


def _percent(share: float) -> float:
    return round(100 * share, 2)


def _shown(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _ends(one: "Interval") -> str:
    return f"{100 * one.low:.1f} to {100 * one.high:.1f}"
