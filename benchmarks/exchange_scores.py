"""Do evaluators read what is exported?  The same masks as truth and as result score 1.

    python benchmarks/exchange_scores.py

TrackEval reads MOTS and MOTChallenge text, DAVIS folders and YouTube-VIS files that vseg wrote
of a synthetic clip whose objects leave, return and overlap (`exchange.py`).  Of the ground truth
of MOTChallenge the last three columns are set: considered, class 1, visible.
"""

import argparse
import json
import shutil
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.exchange import SCENE, exported_run
from benchmarks.shared import Table, run
from vseg.cli.export_runs import RunExport
from vseg.results.run import Run

SILENT = {"PRINT_CONFIG": False}
EVALUATOR = {
    "PRINT_RESULTS": False,
    "PRINT_CONFIG": False,
    "OUTPUT_SUMMARY": False,
    "OUTPUT_DETAILED": False,
    "PLOT_CURVES": False,
    "TIME_PROGRESS": False,
}
TRACK_MAP = {
    "USE_AREA_RANGES": True,
    "AREA_RANGES": [[0, 128**2], [128**2, 256**2], [256**2, 1e10]],
    "USE_TIME_RANGES": False,
    "IOU_THRESHOLDS": np.arange(0.5, 0.96, 0.05),
    "RECALL_THRESHOLDS": np.linspace(0, 1, 101),
    "MAX_DETECTIONS": 100,
}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    format: str
    library: str
    metric: str
    score: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="Write the rows here as well.")
    options = parser.parse_args()
    table = Table(Row)
    library = f"trackeval {version('trackeval')}"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        original = exported_run(folder)
        scores = [
            *_of_text(original, folder, "mots"),
            *_of_text(original, folder, "mot"),
            *_of_davis(original, folder),
            *_of_ytvis(original, folder),
        ]
    for name, metric, score in scores:
        table.add(Row(name, library, metric, score))
    table.write(options.json)


def _export(run_: Run, format_name: str, out: Path) -> None:
    RunExport(format_name, None, (), None, False, None).write([run_], out, overwrite=False)
    # Evaluators take every file in a folder for theirs.
    for path in (out, out.parent):
        for beside in path.glob("*.json") if path.is_dir() else ():
            if "vseg_export" in beside.name or "loss_report" in beside.name:
                beside.unlink()


def _evaluate(dataset: Any, metrics: list[Any]) -> dict[str, Any]:
    import trackeval

    config = {**trackeval.Evaluator.get_default_eval_config(), **EVALUATOR}
    results, _ = trackeval.Evaluator(config).evaluate([dataset], metrics)
    found: dict[str, Any] = results[dataset.get_name()]["vseg"]["COMBINED_SEQ"]
    return found


def _configured(kind: Any, **config: Any) -> Any:
    defaults = kind.get_default_dataset_config()
    return kind({**defaults, "TRACKER_SUB_FOLDER": "", **SILENT, **config})


def _of_text(original: Run, folder: Path, name: str) -> list[tuple[str, str, float]]:
    import trackeval

    truth = folder / name / "gt"
    tracks = folder / name / "trackers" / "vseg"
    for place in (truth, tracks):
        place.mkdir(parents=True)
        _export(original, name, place / "clip.txt")
    kinds = {
        "mots": trackeval.datasets.MOTSChallenge,
        "mot": trackeval.datasets.MotChallenge2DBox,
    }
    if name == "mot":
        rows = [line.split(",") for line in (truth / "clip.txt").read_text().split()]
        considered = [",".join([*row[:6], "1", "1", "1"]) for row in rows]
        (truth / "clip.txt").write_text("\n".join(considered) + "\n")
    dataset = _configured(
        kinds[name],
        GT_FOLDER=str(truth),
        TRACKERS_FOLDER=str(tracks.parent),
        SEQ_INFO={"clip": SCENE.num_frames},
        GT_LOC_FORMAT="{gt_folder}/{seq}.txt",
        SKIP_SPLIT_FOL=True,
    )
    kinds_of_metrics = trackeval.metrics
    metrics = [
        kind(SILENT)
        for kind in (kinds_of_metrics.HOTA, kinds_of_metrics.CLEAR, kinds_of_metrics.Identity)
    ]
    found = _evaluate(dataset, metrics)["pedestrian"]
    return [
        (name, "HOTA", float(np.mean(found["HOTA"]["HOTA"]))),
        (name, "MOTA", float(found["CLEAR"]["MOTA"])),
        (name, "IDF1", float(found["Identity"]["IDF1"])),
    ]


def _of_davis(original: Run, folder: Path) -> list[tuple[str, str, float]]:
    import trackeval

    truth = folder / "davis" / "gt"
    tracks = folder / "davis" / "trackers"
    for place in (truth / "clip", tracks / "vseg" / "clip"):
        place.parent.mkdir(parents=True)
        _export(original, "davis", place)
    names = folder / "davis" / "val.txt"
    names.write_text("clip\n")
    dataset = _configured(
        trackeval.datasets.DAVIS,
        GT_FOLDER=str(truth),
        TRACKERS_FOLDER=str(tracks),
        SEQMAP_FILE=str(names),
        MAX_DETECTIONS=0,
    )
    found = _evaluate(dataset, [trackeval.metrics.JAndF(SILENT)])["general"]
    return [("davis", "J&F", float(np.mean(found["JAndF"]["J&F"])))]


def _of_ytvis(original: Run, folder: Path) -> list[tuple[str, str, float]]:
    import trackeval

    truth = folder / "ytvis" / "gt" / "youtube_vis_own"
    tracks = folder / "ytvis" / "trackers" / "youtube_vis_own" / "vseg"
    for place in (truth, tracks):
        place.mkdir(parents=True)
    _export(original, "ytvis-gt", truth / "gt.json")
    _export(original, "ytvis", tracks / "whole.json")
    content = json.loads((tracks / "whole.json").read_text())
    shutil.rmtree(tracks)
    tracks.mkdir()
    keys = ("video_id", "category_id", "segmentations", "score")
    results = [{key: row[key] for key in keys} for row in content["annotations"]]
    (tracks / "results.json").write_text(json.dumps(results))
    dataset = _configured(
        trackeval.datasets.YouTubeVIS,
        GT_FOLDER=f"{truth.parent}/",
        TRACKERS_FOLDER=f"{tracks.parents[1]}/",
        SPLIT_TO_EVAL="own",
    )
    found = _evaluate(dataset, [trackeval.metrics.TrackMAP({**TRACK_MAP, **SILENT})])
    own = [each["TrackMAP"]["AP_all"] for name, each in found.items() if name == "object"]
    return [("ytvis", "AP", float(np.mean(own)))]


if __name__ == "__main__":
    run(main)
