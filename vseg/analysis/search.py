"""Tracked objects by a phrase for their appearance: the objects of one or many runs, best
first.

Enters: runs and a phrase.  Leaves: Hits, and a sheet with their images if it is asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vseg.analysis.embeddings import embed_objects
from vseg.analysis.label import draw_objects
from vseg.build import open_run
from vseg.grounding.image_text import ImageText
from vseg.types import Text


@dataclass(frozen=True, slots=True)
class Hit:
    """One object.  similarity: the cosine of its embedding and the phrase's, in [-1, 1].

    first_frame, last_frame: of the frames it was visible on; best_frame: where its mask is
    large and its score high.
    """

    run: Path
    object_id: int
    label: str | None
    first_frame: int
    last_frame: int
    best_frame: int
    similarity: float


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What is searched for.  top: how many objects at most.  source: where the clip is, if it
    has moved.
    """

    phrase: str
    top: int = 10
    source: str | None = None

    def __post_init__(self) -> None:
        Text(self.phrase)  # raises BadPrompt for an empty or an endless one


def found_in(
    runs: Sequence[Path], image_text: ImageText, query: SearchQuery
) -> tuple[Hit, ...]:
    """The objects that fit the phrase most, best first; those never visible are left out.

    Raises BadPrompt for an empty or over-long phrase, BadRun for an unfinished run or another
    clip.
    """
    words = image_text.words([query.phrase])[0]
    hits = []
    for path in runs:
        run = open_run(path)
        embeddings = embed_objects(run, image_text, source=query.source)
        objects = {stored.id: stored for stored in run.objects}
        for object_id, vector, frame in zip(
            embeddings.object_ids,
            embeddings.vectors,
            embeddings.best_frames.tolist(),
            strict=True,
        ):
            known = objects[object_id]
            assert known.first_frame is not None and known.last_frame is not None, (
                "only visible objects are embedded"
            )
            life = known.first_frame, known.last_frame
            hits.append(Hit(path, object_id, known.label, *life, frame, float(vector @ words)))
    return tuple(sorted(hits, key=lambda hit: -hit.similarity)[: query.top])


def draw_hits(
    hits: Sequence[Hit], image_text: ImageText, path: Path, source: str | None
) -> None:
    """Write a PNG with a tile for every hit, run by run."""
    wanted = []
    for folder in dict.fromkeys(hit.run for hit in hits):
        run = open_run(folder)
        captions = {
            hit.object_id: f"{folder.name}: {hit.object_id}   {hit.similarity:.3f}"
            for hit in hits
            if hit.run == folder
        }
        wanted.append((run, embed_objects(run, image_text, source=source), captions))
    draw_objects(wanted, path, source)
