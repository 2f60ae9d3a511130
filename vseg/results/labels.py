"""labels.json: the names that an image-text model gave to the objects of a run.

Enters: a list of names with scores.  Leaves: the file, and the names in objects.json.
"""

from pathlib import Path

from pydantic import Field

from vseg.io.files import atomic_write_text
from vseg.results.layout import LABELS, read_objects, write_objects
from vseg.results.records import Record


class Named(Record):
    """A phrase and the probability in [0, 1] that it describes the object."""

    label: str
    score: float


class ObjectLabel(Record):
    """One object: its best phrases, best first.  best_frame: where it is clearest."""

    id: int = Field(ge=1)
    label: str
    confidence: float
    top: tuple[Named, ...]
    best_frame: int


class RunLabels(Record):
    """All named objects, and the model that named them.  words: size of the vocabulary."""

    image_text: str
    weights_sha256: str
    words: int
    labels: tuple[ObjectLabel, ...]


def write_labels(root: Path, labels: RunLabels, *, overwrite: bool) -> None:
    """Write labels.json, and the names into objects.json.

    Objects that have a name already keep it unless `overwrite` is given.
    """
    atomic_write_text(root / LABELS, labels.model_dump_json(indent=2) + "\n")
    names = {named.id: named.label for named in labels.labels}
    objects = list(read_objects(root))
    for index, stored in enumerate(objects):
        if stored.id in names and (overwrite or stored.label is None):
            objects[index] = stored.model_copy(update={"label": names[stored.id]})
    write_objects(root, objects)
