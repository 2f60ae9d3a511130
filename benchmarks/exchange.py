"""Do masks survive other programs?  Exported, loaded and written again by a third-party library,
imported: every difference is counted, and there should be none.

    python benchmarks/exchange.py --env supervision=/envs/sv/bin/python labelme=/envs/lm/bin/python

Each library runs in an environment of its own (`--env TOOL=PYTHON`); pycocotools and Pillow run
in this one.  The masks are those of a synthetic clip whose objects leave, return and overlap.
`same`: masks equal to the pixel or IoU of at least 0.999 with what the format holds; `rounded`:
outlines moved by at most 1.5 px; `changed`: all else; `matched`: masks that lost their ids on the
way and were found again.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.shared import Table, run
from vseg.build import open_run
from vseg.cli.export_runs import RunExport
from vseg.errors import VsegError
from vseg.pipelines.import_masks import compare_with_run
from vseg.pipelines.import_run import import_run
from vseg.results.run import Run
from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip, write_truth

TOOLS = Path(__file__).with_name("exchange_tools.py")
SCENE = SceneConfig(
    height=120, width=200, num_frames=130, num_objects=4, occluders=2, leave_and_return=True
)


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """tool: a function of exchange_tools.  images: whether it needs the images."""

    format_name: str
    tool: str
    images: bool = False


ROUND_TRIPS = (
    RoundTrip("coco", "pycocotools"),
    RoundTrip("davis", "pillow"),
    RoundTrip("mots-png", "pillow"),
    RoundTrip("png", "pillow"),
    RoundTrip("coco", "supervision", images=True),
    RoundTrip("labelme", "labelme", images=True),
    RoundTrip("cvat-images", "cvat_sdk"),
    RoundTrip("cvat-images", "datumaro_cvat"),
    RoundTrip("datumaro", "datumaro", images=True),
    RoundTrip("label-studio", "label_studio_sdk"),
    RoundTrip("label-studio-boxes", "label_studio_sdk"),
    RoundTrip("fiftyone", "eta"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    format: str
    library: str
    same: int
    rounded: int
    changed: int
    matched: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--env", nargs="*", default=[], metavar="TOOL=PYTHON")
    parser.add_argument("--json", type=Path, help="Write the rows here as well.")
    options = parser.parse_args()
    pythons = {"pycocotools": sys.executable, "pillow": sys.executable}
    pythons |= dict(pair.split("=", 1) for pair in options.env)
    table = Table(Row)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        exported_run(folder)
        for number, trip in enumerate(ROUND_TRIPS):
            python = pythons.get(trip.tool.removesuffix("_cvat"))
            if python is not None:
                table.add(_round_trip(trip, folder, folder / str(number), python))
    table.write(options.json)


def exported_run(folder: Path) -> Run:
    """A run of the true masks of the scene, in `folder`."""
    scene = SyntheticVideo(SCENE)
    write_clip(scene, folder / "clip.mp4")
    write_truth(scene, folder / "truth")
    return import_run(folder / "truth", str(folder / "clip.mp4"), folder / "run")


def _round_trip(trip: RoundTrip, folder: Path, place: Path, python: str) -> Row:
    original = open_run(folder / "run")
    place.mkdir()
    single = trip.format_name in ("coco", "cvat-images", "label-studio", "label-studio-boxes")
    ending = ".xml" if trip.format_name.startswith("cvat") else ".json"
    source = place / ("exported" + (ending if single and not trip.images else ""))
    settings = RunExport(trip.format_name, None, (), None, trip.images, None)
    settings.write([original], source, overwrite=False)
    target = place / ("rewritten" + (ending if single else ""))
    command = [python, str(TOOLS), trip.tool, str(source), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        return Row(trip.format_name, f"{trip.tool}: {''.join(last)[:70]}", 0, 0, -1, 0)
    if trip.tool == "datumaro_cvat":
        target = next(target.rglob("*.xml"))
    try:
        imported = compare_with_run(original, target, trip.format_name)
    except VsegError as error:
        return Row(trip.format_name, f"{trip.tool}: {error.message[:70]}", 0, 0, -1, 0)
    finally:
        shutil.rmtree(source, ignore_errors=True)
    with imported.masks:
        found = imported.comparison
        return Row(
            trip.format_name,
            done.stdout.strip().splitlines()[-1],
            found.same,
            found.rounded,
            len(found.changes) + len(found.labels),
            imported.matching.masks,
        )


if __name__ == "__main__":
    run(main)
