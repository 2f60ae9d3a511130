"""Draw training sequences as one image, a sequence a row, the followed objects tinted and
outlined.

    python benchmarks/sequences_sheet.py pack-256.zip --out sheet.png --chance p_occlude=1

An empty mask has a red bar above its image for each hidden object.  Prints the time per
sequence.
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from vseg.io.files import atomic_path
from vseg.training.config import AugmentationConfig
from vseg.training.data.dataset_zip import load_dataset
from vseg.training.data.sequences import MaskedSequence, SequenceOptions, Sequences

COLOURS = ((255, 60, 60), (60, 200, 60), (80, 120, 255))
BAR_PX = 4


def main() -> None:
    options = _options()
    sequences = Sequences(load_dataset(options.data))
    augmentation = AugmentationConfig.model_validate(
        dict(chance.split("=") for chance in options.chance)
    )
    sequence_options = SequenceOptions(
        side=options.side,
        length=options.length,
        max_gap=options.gap,
        p_video=options.video,
        augmentation=augmentation,
    )
    started = time.thread_time()
    drawn = [
        sequences.draw(np.random.default_rng((options.seed, row)), sequence_options)
        for row in range(options.rows)
    ]
    spent = (time.thread_time() - started) / options.rows
    print(f"{1000 * spent:.1f} ms of CPU per sequence")
    save(np.concatenate([sheet_row(sequence) for sequence in drawn]), options.out)


def sheet_row(sequence: MaskedSequence) -> UInt8[np.ndarray, "H W 3"]:
    """The images side by side, below a bar that marks hidden objects."""
    panels = [
        np.concatenate([_bar(sequence.masks[:, t]), tinted(image, sequence.masks[:, t])])
        for t, image in enumerate(sequence.images)
    ]
    return np.concatenate(panels, axis=1)


def tinted(
    image: UInt8[np.ndarray, "S S 3"], masks: Bool[np.ndarray, "N S S"]
) -> UInt8[np.ndarray, "S S 3"]:
    """The image with a light tint on each mask and a line around it."""
    shown = image.copy()
    for mask, colour in zip(masks, COLOURS, strict=False):
        shown[mask] = 0.75 * shown[mask] + 0.25 * np.array(colour)
        lines, _ = cv2.findContours(
            mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE
        )
        cv2.drawContours(shown, lines, -1, colour, 1)
    return shown


def _bar(masks: Bool[np.ndarray, "N S S"]) -> UInt8[np.ndarray, "H S 3"]:
    bar = np.full((BAR_PX, masks.shape[2], 3), 255, np.uint8)
    part = masks.shape[2] // len(masks)
    for k, mask in enumerate(masks):
        if not mask.any():
            bar[:, k * part : (k + 1) * part] = COLOURS[0]
    return bar


def save(sheet: UInt8[np.ndarray, "H W 3"], path: Path) -> None:
    """Write the sheet as a PNG; the file is replaced whole."""
    with atomic_path(path) as part:
        part.write_bytes(
            cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))[1].tobytes()
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="a dataset zip")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=10)
    parser.add_argument("--length", type=int, default=6)
    parser.add_argument("--side", type=int, default=192)
    parser.add_argument("--gap", type=int, default=12)
    parser.add_argument("--video", type=float, default=0.5, help="share of real clips")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--chance",
        action="append",
        default=[],
        metavar="NAME=P",
        help="p_occlude=1, p_copy_paste=0, ...",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
