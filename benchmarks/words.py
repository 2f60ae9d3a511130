"""Precision, recall and AP50 of nano's word head on images that it was not trained on.

    python benchmarks/words.py --data pack.zip --data words.zip
    python benchmarks/words.py --data pack.zip --data words.zip --threshold 0.4 --json rows.json

The images are wholly marked COCO samples; a hash of their names decides which of them are held
out (`vseg.training.text_head.named_images.part_of`).  Boxes are compared, at IoU 0.5.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

from benchmarks.shared import Table, run
from vseg.models.nano.load import load_nano
from vseg.models.nano.shipped import WORDS
from vseg.models.nano.text_head.head import load_words
from vseg.training.text_head.named_images import ANY, load_named, part_of
from vseg.training.text_head.scores import PrecisionRecall, pooled, precision_recall


@dataclass(frozen=True, slots=True)
class Row:
    """One word, in percent.  learned: objects in the training images; objects, detected: in
    the held-out ones.
    """

    word: str
    learned: int
    objects: int
    detected: int
    precision: float
    recall: float
    ap50: float


def main() -> None:
    """Print one row per word, and one for all but "object"."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, action="append", required=True, help="a dataset zip"
    )
    parser.add_argument("--head", type=Path, default=WORDS, help="another head's weights")
    parser.add_argument("--weights", type=Path, help="another weights file of nano")
    parser.add_argument("--threshold", type=float, help="the head's own if left out")
    parser.add_argument("--part", choices=("held", "tune"), default="held")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    options = parser.parse_args()
    nano = load_nano(options.weights)
    head = load_words(options.head, nano.device, nano.dtype)
    threshold = head.threshold if options.threshold is None else options.threshold
    images = load_named(options.data)
    chosen = [p for p in images if p.exhaustive and part_of(p.name) == options.part]
    learned = [
        word
        for p in images
        if part_of(p.name) == "train"
        for kind in p.words.values()
        for word in kind
    ]
    print(f"{len(chosen)} images, threshold {threshold:g}")
    table = Table(Row)
    curves = precision_recall(nano, head, chosen, head.words)
    for word, curve in curves.items():
        table.add(_row(word, learned.count(word), curve, threshold))
    named = [curve for word, curve in curves.items() if word != ANY]
    examples = sum(learned.count(word) for word in curves if word != ANY)
    table.add(_row("all words", examples, pooled(named), threshold))
    table.write(options.json)


def _row(word: str, learned: int, curve: PrecisionRecall, threshold: float) -> Row:
    precision, recall = curve.at(threshold)
    detected = int((curve.scores >= threshold).sum())
    ap50 = curve.average_precision
    return Row(word, learned, curve.total, detected, 100 * precision, 100 * recall, 100 * ap50)


if __name__ == "__main__":
    run(main)
