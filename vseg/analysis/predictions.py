"""Which prediction is of which annotated clip.

Enters: ground truth, and paths of runs, of PNG folders, or of folders that hold one of these
for every clip.  Leaves: predictions by the name of the clip.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from shlex import quote

from vseg.build import open_run
from vseg.errors import BadDataset, UsageError
from vseg.io.files import real_path
from vseg.metrics.annotations import clip_folders
from vseg.metrics.mask_evaluation import PredictedFrame, Prediction
from vseg.results.layout import is_run
from vseg.video.images import SUFFIXES as IMAGE_SUFFIXES


def predictions_of(gt: Path, paths: Sequence[Path]) -> dict[str, Path]:
    """Runs and PNG folders by the annotated clip that they are of.

    Raises UsageError for two of one clip, for boxes, an image or a run as ground truth,
    BadDataset for one of no clip.
    """
    _check_truth(gt)
    if gt.suffix.lower() in IMAGE_SUFFIXES:
        raise UsageError(
            f"{gt} is one image", hint="give the folder of a clip's PNGs, one a frame"
        )
    if gt.is_file():
        raise UsageError(
            f"{gt} holds boxes, which have no J&F", hint="add --metrics hota,idf1,mota"
        )
    clips = list(clip_folders(gt))
    for path in paths:
        if not path.exists():
            raise BadDataset(f"{path}: no such folder", hint="give a run or a folder of PNGs")
    several = [single for path in paths for single in _singles(path, clips)]
    predictions: dict[str, Path] = {}
    for path in several:
        clip = _clip_of(path, clips, alone=len(several) == 1)
        if clip in predictions:
            raise UsageError(f"two predictions for clip '{clip}': {path} is the second")
        predictions[clip] = path
    return predictions


def _check_truth(gt: Path) -> None:
    """Raise UsageError for a run, or a folder of runs, whose PNGs are previews."""
    run = next((path for path in (gt, *sorted(gt.glob("*"))) if is_run(path)), None)
    if run is None:
        return
    raise UsageError(
        f"{run} is a run, not ground truth",
        hint=f"vseg export {quote(str(run))} --to davis -o truth, then --gt truth; two "
        "revisions of one run: vseg revisions RUN --compare 0 1",
    )


def opened(predictions: Mapping[str, Path]) -> dict[str, Prediction]:
    """The predictions as they are scored: runs frame by frame, folders as they are."""
    return {clip: masks_of(path) for clip, path in predictions.items()}


def masks_of(path: Path) -> Prediction:
    """The masks of a run, one frame in memory at a time, or the folder itself."""
    return _frames_of(path) if is_run(path) else path


def _singles(path: Path, clips: list[str]) -> list[Path]:
    """The path itself, or the runs and PNG folders in it, where it holds nothing else.

    A folder that is named after a clip is of that clip: its folders are objects, as SA-V's.
    """
    if is_run(path) or not path.is_dir() or real_path(path).name in clips:
        return [path]
    runs = sorted(sub for sub in path.iterdir() if is_run(sub))
    if runs:
        return runs
    try:
        return list(clip_folders(path).values())
    except BadDataset:
        return [path]


def _clip_of(path: Path, clips: list[str], *, alone: bool) -> str:
    """The annotated clip a prediction is of: by its folder's name, or by the name of its
    source.
    """
    names = [real_path(path).name]
    if is_run(path):
        names.append(Path(open_run(path).header.source.path).stem)
    matches = [name for name in names if name in clips]
    if matches:
        return matches[0]
    if alone and len(clips) == 1:
        return clips[0]
    raise BadDataset(
        f"{path} is of none of the {len(clips)} annotated clips",
        hint=f"name its folder after one of them: {', '.join(clips[:8])}",
    )


def _frames_of(path: Path) -> Iterator[PredictedFrame]:
    for masks in open_run(path):
        yield masks.frame_index, dict(masks)
