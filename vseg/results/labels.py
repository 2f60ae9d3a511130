"""labels.json: what the objects of a run were named by a model of images and words.

Enters: a list of names with scores.  Leaves: the file, and the names in objects.json.
"""

from pathlib import Path

from pydantic import Field

from vseg.io.files import atomic_write_text
from vseg.results.layout import LABELS, read_objects, write_objects
from vseg.results.records import Record


class Named(Record):
    """A phrase and the chance in [0, 1] that it fits."""

    label: str
    score: float


class ObjectLabel(Record):
    """One object: the phrases that fit best, best first.  best_frame: where it is seen
    best.
    """

    id: int = Field(ge=1)
    label: str
    confidence: float
    top: tuple[Named, ...]
    best_frame: int


class RunLabels(Record):
    """All named objects, and what named them.  words: how many the vocabulary held."""

    image_text: str
    weights_sha256: str
    words: int
    labels: tuple[ObjectLabel, ...]


def write_labels(root: Path, labels: RunLabels, *, overwrite: bool) -> None:
    """Write labels.json, and name the objects in objects.json that have no name; all, to
    overwrite.
    """
    atomic_write_text(root / LABELS, labels.model_dump_json(indent=2) + "\n")
    names = {each.id: each.label for each in labels.labels}
    objects = [
        each.model_copy(update={"label": names[each.id]})
        if each.id in names and (overwrite or each.label is None)
        else each
        for each in read_objects(root)
    ]
    write_objects(root, objects)
