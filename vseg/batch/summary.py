"""summary.parquet: a row for each object of each finished run of a batch.

Enters: runs.  Leaves: one table for pandas, DuckDB and the like, written run by run.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from vseg.analysis.risk import MaskRisk, risks
from vseg.batch.place import Place
from vseg.build import open_run
from vseg.io.files import atomic_path
from vseg.results.run import Run

SCHEMA = pa.schema(
    [
        ("job_id", pa.string()),
        ("clip", pa.string()),
        ("status", pa.string()),
        ("object_id", pa.int64()),
        ("label", pa.string()),
        ("name", pa.string()),
        ("first_frame", pa.int64()),
        ("last_frame", pa.int64()),
        ("first_s", pa.float64()),
        ("last_s", pa.float64()),
        ("frames_visible", pa.int64()),
        ("mean_area_px", pa.float64()),
        ("mean_score", pa.float64()),
        ("mean_risk", pa.float64()),
        ("max_risk", pa.float64()),
        ("riskiest_frame", pa.int64()),
        ("events", pa.int64()),
        ("warnings", pa.int64()),
    ]
)
"""Times are seconds, areas pixels of the displayed frame, risk is as in `vseg review`."""


@dataclass(slots=True)
class _Tally:
    """Sums over the frames of one object."""

    frames: int = 0
    visible: int = 0
    area: int = 0
    score: float = 0.0
    risk: float = 0.0
    max_risk: float = 0.0
    riskiest_frame: int | None = None
    first_s: float | None = None
    last_s: float | None = None

    def add(self, mask: MaskRisk, frame: int, time_s: float) -> None:
        """One more frame."""
        self.frames += 1
        self.risk += mask.risk
        if mask.risk > self.max_risk:
            self.max_risk = mask.risk
            self.riskiest_frame = frame
        if not mask.visible:
            return
        self.visible += 1
        self.area += mask.area
        self.score += mask.score
        self.last_s = time_s
        if self.first_s is None:
            self.first_s = time_s


def write_summary(place: Place, job_ids: Iterable[str], target: Path) -> int:
    """Write the table of these jobs; how many rows it has.  Raises BadRun, OutputError."""
    rows = 0
    with atomic_path(target) as path, pq.ParquetWriter(path, SCHEMA) as table:
        for job_id in job_ids:
            of_run = list(_rows(open_run(place.take(job_id))))
            place.release(job_id)
            table.write_table(pa.Table.from_pylist(of_run, SCHEMA))
            rows += len(of_run)
    return rows


def _rows(run: Run) -> Iterator[dict[str, Any]]:
    """A row for each object, by ascending id."""
    tallies: dict[int, _Tally] = defaultdict(_Tally)
    for frame in risks(run):
        for mask in frame.objects:
            tallies[mask.object_id].add(mask, frame.frame_index, frame.time_s)
    events = Counter(event.object_id for event in run.events)
    for stored in run.objects:
        tally = tallies[stored.id]
        yield {
            "job_id": run.path.name,
            "clip": run.header.source.path,
            "status": run.header.status,
            "object_id": stored.id,
            "label": stored.label,
            "name": stored.name,
            "first_frame": stored.first_frame,
            "last_frame": stored.last_frame,
            "first_s": tally.first_s,
            "last_s": tally.last_s,
            "frames_visible": tally.visible,
            "mean_area_px": tally.area / tally.visible if tally.visible else None,
            "mean_score": tally.score / tally.visible if tally.visible else None,
            "mean_risk": tally.risk / tally.frames if tally.frames else None,
            "max_risk": tally.max_risk,
            "riskiest_frame": tally.riskiest_frame,
            "events": events[stored.id],
            "warnings": sum(w.object_id == stored.id for w in run.warnings),
        }
