"""The settings of tracking, as frozen, checked values.  A TOML file only fills them; no file
inherits from another.

A class further down asks for the numbers it uses, never for the whole config.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field

from vseg.checked_settings import Settings

ReaderName = Literal["auto", "pyav", "decord", "images", "bag"]
FrameNumbering = Literal["by-order", "by-number"]
DirectionName = Literal["forward", "backward", "both"]
DtypeName = Literal["auto", "float32", "bfloat16"]
RuntimeName = Literal["auto", "torch", "onnx", "onnx-int8"]
PolicyName = Literal["recent", "selective"]
ApproximationName = Literal["none", "pooled", "pruned"]

# Frames of one shard of a run: a few seconds of work, and a few megabytes for ten objects.
SHARD_FRAMES = 512


class MemorySettings(Settings):
    """How many frames of an object are remembered, and every how many frames one is written.

    prompted: prompted frames, the nearest ones.  recent, older: tracked frames, the newest
    ones and those spread over the past; stride: frames from one tracked memory to the next.
    These three are nano's; a model of the SAM 2 family takes them from how it was trained.
    policy, approximation, budget_mib are the SAM 2 family's: which tracked frames are kept,
    how the old ones are read, and the MiB that all objects may hold together (None: as many
    frames as the model was trained to read).
    """

    prompted: int = Field(default=4, ge=1)
    recent: int = Field(default=1, ge=1)
    older: int = Field(default=1, ge=0)
    stride: int = Field(default=5, ge=1)
    policy: PolicyName = "recent"
    approximation: ApproximationName = "none"
    budget_mib: float | None = Field(default=None, gt=0)


class DetectionSettings(Settings):
    """How detections lead the tracking.

    score: weaker ones begin nothing and prompt nothing.  confirm_hits: frames with a detection
    until an object is confirmed; of a detector that runs on every n-th frame, the n-th part,
    at least 2.  every: least frames between two prompts of an object.  reprompt_iou: of a
    detection's box and the mask's; below it the object is prompted again.  undetected_s: how
    long a visible object is kept without a detection; absent_s: how long one that is not
    visible is; missed_detections: and through how many runs of the detector at least.
    detector_every: frames from one run to the next, by default told from the file.  keep_ids:
    the ids of the file are those of the objects, and nothing is associated.
    """

    score: float = Field(default=0.5, ge=0, le=1)
    confirm_hits: int = Field(default=3, ge=1)
    every: int = Field(default=10, ge=1)
    reprompt_iou: float = Field(default=0.7, ge=0, le=1)
    undetected_s: float = Field(default=1.0, gt=0)
    absent_s: float = Field(default=10.0, gt=0)
    missed_detections: int = Field(default=3, ge=1)
    detector_every: int | None = Field(default=None, ge=1)
    keep_ids: bool = False


class RedetectionSettings(Settings):
    """How often new instances are detected, and what becomes of what is detected.

    grounder: detects what texts name, or all its classes; nano's own vocabulary if None.
    tagger: names what automatic masks are prompted by; vocabulary: the words it chooses from,
    everyday ones if None.  detect_every: frames between two detections.  until: a frame or a
    time from which on nothing new is detected.  max_objects: tracked at once.  reprompt_iou:
    of a detection and the mask; below it the object is prompted again.  max_missed_detections:
    detections in a row that may miss a visible object, more of one that is missed often;
    absent_s: how long one that is not visible is kept.
    """

    grounder: str | None = None
    tagger: str | None = None
    vocabulary: Path | None = None
    detect_every: int = Field(default=30, ge=1)
    until: str | None = Field(
        default=None,
        pattern=r"^(\d+|\d+(\.\d+)?s)$",
        description="a frame number or a time in seconds",
        examples=["300", "12.5s"],
    )
    max_objects: int = Field(default=30, ge=1, le=1000)
    reprompt_iou: float = Field(default=0.4, ge=0, le=1)
    max_missed_detections: int = Field(default=5, ge=1)
    absent_s: float = Field(default=30.0, gt=0)


class IdentitySettings(Settings):
    """What is done to keep identities; every rule can be switched off.

    coherent: parts that cannot be the object's are taken from its mask: those that are neither
    connected with it nor near where it was on the frame before (its largest part, where it was
    nowhere; nano only), and those that stay with what is around them while it moves on.
    non_overlapping: no two objects take the same pixel, except nested ones.  merges: where two
    similar objects overlap, their joint mask is divided by how the pixels of each move; where
    they are apart again, neither keeps a piece of the other.
    cuts: at a shot boundary, earlier positions are no evidence any more.  recognise: an object
    that was absent for `reid_after` frames, or before a cut, is accepted again only where its
    appearance has a cosine of at least `reid_threshold` to what it was.  departures: an
    object that left through the border is another one when something enters, unless its
    embedding and colours are the same and no other known object's.  distractors: up to four
    things that look like a prompted object, or that move on their own beside one, are tracked
    too, unseen, so that its mask does not take them.  merges, recognise, departures and
    distractors compare appearances: with models whose embeddings cannot be compared (the SAM 2
    family) they are off.
    """

    coherent: bool = True
    non_overlapping: bool = True
    merges: bool = True
    cuts: bool = True
    recognise: bool = True
    departures: bool = True
    distractors: bool = True
    reid_after: int = Field(default=5, ge=1)
    reid_threshold: float = Field(default=0.5, ge=-1, le=1)


class CropSettings(Settings):
    """Small objects, which are tracked in crops around them at a larger scale (nano).

    most: crops at once; of more small objects the largest are tracked in the whole frame; 0:
    no crops.  below: an object is small while its size is less than this, in pixels of the
    frame as the model sees it.  Its size is the longer side of its box; where thin arms make
    the box large, twice the side of a square of its area, but no less than two thirds of the
    longer side.
    """

    most: int = Field(default=64, ge=0, le=1000)
    below: int = Field(default=32, ge=1, le=200)


INDEPENDENT_OBJECTS = IdentitySettings(
    coherent=False,
    non_overlapping=False,
    merges=False,
    cuts=False,
    recognise=False,
    departures=False,
    distractors=False,
)
"""Every object as if there were no other: what the published SAM 2 predictor does."""


class TrackConfig(Settings):
    """How a clip is tracked: everything but the clip, the prompts and the output folder.

    runtime: what computes nano; with "auto" the faster one by a self-test, on a CPU.  frames:
    how the images of a folder are numbered where their names leave gaps.  topic: of a
    ROS 2 bag, the one with the images.
    stop_at_damage: end at the first damaged frame instead of passing over it.  direction:
    forward from the first prompts, backward from the last ones, or both ways from the first
    ones of every object.
    """

    model: str = "nano"
    weights: Path | None = None
    device: str = Field(
        default="cpu",
        pattern=r"^(cpu|cuda(:\d+)?)$",
        description="the processor or a CUDA device",
        examples=["cpu", "cuda", "cuda:1"],
    )
    dtype: DtypeName = "auto"
    runtime: RuntimeName = "auto"
    short_side: int = Field(default=384, ge=64, le=1536, multiple_of=16)
    flip: bool = False
    reader: ReaderName = "auto"
    range: str = Field(
        default=":",
        pattern=r"^(\d+|\d+(\.\d+)?s)?:(\d+|\d+(\.\d+)?s)?$",
        description="two frame numbers or times with a colon between them, either left out",
        examples=["0:300", "2s:5.5s", "100:"],
    )
    frames: FrameNumbering | None = None
    topic: str | None = None
    direction: DirectionName = "forward"
    stop_at_damage: bool = False
    compile: bool = False
    encode_ahead: int | None = Field(default=None, ge=1, le=64)
    shard_frames: int = Field(default=SHARD_FRAMES, ge=1, le=100_000)
    preview: bool = True
    memory: MemorySettings = MemorySettings()
    identity: IdentitySettings = IdentitySettings()
    crops: CropSettings = CropSettings()
    detections: DetectionSettings = DetectionSettings()
    redetection: RedetectionSettings = RedetectionSettings()
