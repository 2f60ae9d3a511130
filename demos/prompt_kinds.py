"""One object, prompted in every way.

    python demos/prompt_kinds.py [FOLDER] [CLIP x1,y1,x2,y2 PHRASE]

Click, box, scribble, mask, text, text with a click, an exemplar from another frame, and
automatic masks: every kind becomes a run, and FOLDER/KIND.png (default: prompt_kinds) shows
the prompt on the first frame and the masks it led to.  Without a clip a synthetic scene is
used; with one, give the object's box on the first frame and a phrase for it.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

import vseg
from vseg.build import open_run
from vseg.config import TrackConfig
from vseg.errors import VsegError
from vseg.ops.counted import counted
from vseg.pipelines.job import TrackJob
from vseg.pipelines.track import track
from vseg.prompts.simulate import innermost_click, middle_scribble
from vseg.results.overlay import draw_overlay
from vseg.synthetic import SceneConfig, SyntheticVideo, write_clip
from vseg.types import (
    Box,
    Exemplar,
    Mask,
    Points,
    Polygon,
    Prompt,
    PromptValue,
    Scribble,
    Text,
    Timecode,
)

FRAMES = 48
"""How many frames of a clip are tracked at most."""
INK = (255, 255, 255)
TILE = 360


@dataclass(frozen=True)
class Kind:
    """One way to prompt: for object 1, or, with None, for every instance it detects."""

    name: str
    values: tuple[PromptValue, ...] = ()
    object_id: int | None = 1


def main(folder: Path, clip: str, box: Box, phrase: str) -> None:
    """Run every kind and draw it; a kind that detects nothing is reported and left out."""
    first, later = ends_of(clip)
    with vseg.Session(vseg.load_model("nano")) as session:
        mask = session.prompt(1, first, [box])[1]
        exemplar = Exemplar(later.image, last_mask(session, clip), Path(clip).name)
    for kind in kinds(box, mask, phrase, exemplar):
        prompts = [Prompt(kind.object_id, Timecode(frame=0), value) for value in kind.values]
        job = TrackJob(
            clip,
            folder / kind.name,
            tuple(prompts),
            TrackConfig(preview=False, range=f":{later.index + 1}"),
            overwrite=True,
            everything=not prompts,
        )
        try:
            track(job)
        except VsegError as error:
            print(f"{kind.name}: {error}")
            continue
        cv2.imwrite(str(folder / f"{kind.name}.png"), strip(job, kind)[..., ::-1])
        print(f"{kind.name}: {counted(len(open_run(job.out).objects), 'object')}")


def kinds(box: Box, mask: np.ndarray, phrase: str, exemplar: Exemplar) -> list[Kind]:
    """All kinds of prompts, for one object."""
    click = innermost_click(mask)
    return [
        Kind("click", (click,)),
        Kind("box", (box,)),
        Kind("scribble", (middle_scribble(mask),)),
        Kind("mask", (Mask(mask),)),
        Kind("text", (Text(phrase),), None),
        Kind("text-and-click", (Text(phrase), click)),
        Kind("exemplar", (exemplar,), None),
        Kind("auto"),
    ]


def ends_of(clip: str) -> tuple[vseg.Frame, vseg.Frame]:
    """The first frame and the last one tracked."""
    with vseg.open_video(clip) as video:
        return video.read(0), video.read(min(FRAMES, len(video)) - 1)


def last_mask(session: vseg.Session, clip: str) -> np.ndarray:
    """The object's mask on the last frame tracked."""
    with vseg.open_video(clip) as video:
        *_, masks = session.propagate(0, frames=video.frames(0, min(FRAMES, len(video))))
    return masks[1]


def strip(job: TrackJob, kind: Kind) -> np.ndarray:
    """The prompt, and the masks on the first, the middle and the last frame tracked."""
    run = open_run(job.out)
    tiles = []
    last = len(run) - 1
    with vseg.open_video(job.source) as video:
        plain = video.read(0).image.copy()
        tiles.append(draw_prompts(plain, kind))
        for index in (0, (last + 1) // 2, last):
            tiles.append(draw_overlay(video.read(index).image, run[index], run.labels))
    height = round(TILE * plain.shape[0] / plain.shape[1])
    return np.hstack(
        [cv2.resize(t, (TILE, height), interpolation=cv2.INTER_AREA) for t in tiles]
    )


def draw_prompts(image: np.ndarray, kind: Kind) -> np.ndarray:
    """The image with the prompts drawn or written on it, in place."""
    size = max(2, image.shape[1] // 200)
    if not kind.values:
        write(image, "automatic masks", size)
    for value in kind.values:
        if isinstance(value, Text):
            write(image, f'"{value.phrase}"', size)
        elif isinstance(value, Exemplar):
            image[:] = 40
            image[value.region] = value.image[value.region]
        else:
            mark(image, value, size)
    return image


def mark(
    image: np.ndarray, prompt: Points | Box | Scribble | Mask | Polygon, size: int
) -> None:
    """Draw a visual prompt."""
    match prompt:
        case Points():
            for x, y in prompt.xy.astype(int).tolist():
                cv2.circle(image, (x, y), 3 * size, INK, -1, cv2.LINE_AA)
                cv2.circle(image, (x, y), 2 * size, (40, 160, 60), -1, cv2.LINE_AA)
        case Box():
            low = (round(prompt.x1), round(prompt.y1))
            high = (round(prompt.x2), round(prompt.y2))
            cv2.rectangle(image, low, high, INK, size, cv2.LINE_AA)
        case Scribble():
            cv2.polylines(image, [prompt.xy.astype(np.int32)], False, INK, size, cv2.LINE_AA)
        case Mask():
            image[prompt.mask] = image[prompt.mask] // 3 + 170
        case Polygon():
            rings = [np.rint(ring).astype(np.int32) for ring in prompt.rings]
            cv2.polylines(image, rings, True, INK, size, cv2.LINE_AA)


def write(image: np.ndarray, words: str, size: int) -> None:
    """Write words at the top of the image."""
    image[: 26 * size] //= 3
    place = (6 * size, 18 * size)
    cv2.putText(image, words, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5 * size, INK, size)


def synthetic_clip(folder: Path) -> tuple[str, Box, str]:
    """A scene of three objects: its file, the box of object 1, and a phrase for it."""
    scene = SyntheticVideo(SceneConfig(num_frames=FRAMES, seed=3, num_objects=3, occluders=0))
    write_clip(scene, folder / "scene.mp4")
    rows, columns = np.nonzero(scene.truth(0) == 1)
    box = Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
    return str(folder / "scene.mp4"), box, "moving objects"


def asked(words: list[str]) -> tuple[Path, str, Box, str]:
    """Folder, clip, box and phrase of the command line; without a clip, those of a scene."""
    folder = Path(words[0]) if words else Path("prompt_kinds")
    folder.mkdir(parents=True, exist_ok=True)
    if len(words) > 3:
        sides = [float(side) for side in words[2].split(",")]
        return folder, words[1], Box(*sides), words[3]
    return folder, *synthetic_clip(folder)


if __name__ == "__main__":
    main(*asked(sys.argv[1:]))
