"""Precision, recall and AP50 of nano's word head on the images that its training never saw.

    python benchmarks/words.py --data pack.zip --data words.zip
    python benchmarks/words.py --data pack.zip --data words.zip --threshold 0.4 --json rows.json

The images are COCO samples, every thing of which is marked; which of them are kept out is
decided by a hash of their names (`vseg.training.text_head.named_images.part_of`).  Boxes are compared,
at IoU 0.5.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

from benchmarks.shared import Table, run
from vseg.models.nano.load import load_nano
from vseg.models.nano.text_head.head import WORDS, load_words
from vseg.training.text_head.named_images import ANY, load_named, part_of
from vseg.training.text_head.scores import PrecisionRecall, pooled, precision_recall


@dataclass(frozen=True, slots=True)
class Row:
    """One word, in per cent.  learned: things to learn from; things, found: in the held-out
    images.
    """

    word: str
    learned: int
    things: int
    found: int
    precision: float
    recall: float
    ap50: float


def main() -> None:
    """Print one row for each word, and one for all but "object"."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, action="append", required=True, help="a training pack"
    )
    parser.add_argument("--head", type=Path, default=WORDS, help="another head's weights")
    parser.add_argument("--weights", type=Path, help="another weights file of nano")
    parser.add_argument("--threshold", type=float, help="the head's own if left out")
    parser.add_argument("--part", choices=("held", "tune"), default="held")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    options = parser.parse_args()
    nano = load_nano(options.weights)
    head = load_words(options.head, nano.device, nano.dtype)
    least = head.threshold if options.threshold is None else options.threshold
    images = load_named(options.data)
    asked = [p for p in images if p.exhaustive and part_of(p.name) == options.part]
    learned = [
        word
        for p in images
        if part_of(p.name) == "train"
        for kind in p.words.values()
        for word in kind
    ]
    print(f"{len(asked)} images, threshold {least:g}")
    table = Table(Row)
    found = precision_recall(nano, head, asked, head.words)
    for word, curve in found.items():
        table.add(_row(word, learned.count(word), curve, least))
    named = [curve for word, curve in found.items() if word != ANY]
    examples = sum(learned.count(word) for word in found if word != ANY)
    table.add(_row("all words", examples, pooled(named), least))
    table.write(options.json)


def _row(word: str, learned: int, curve: PrecisionRecall, least: float) -> Row:
    precision, recall = curve.at(least)
    taken = int((curve.scores >= least).sum())
    ap50 = curve.average_precision
    return Row(word, learned, curve.total, taken, 100 * precision, 100 * recall, 100 * ap50)


if __name__ == "__main__":
    run(main)
