"""Options that several commands share, each written once."""

import os
from pathlib import Path
from typing import Annotated

import typer

from vseg.weights.threads import MOST_THREADS, THREADS_VARIABLE


def _limit_threads(count: int | None) -> int | None:
    if count is not None:
        os.environ[THREADS_VARIABLE] = str(count)
    return count


Source = Annotated[
    str, typer.Argument(metavar="CLIP", help="A video file or a folder of images.")
]
RunFolder = Annotated[
    Path, typer.Argument(metavar="RUN", help="A folder that `vseg track` wrote.")
]
RevisionNumber = Annotated[
    int | None,
    typer.Option(
        "--revision",
        min=0,
        metavar="N",
        help="Of a corrected run; left out, the current one.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier output.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Model = Annotated[
    str | None, typer.Option("--model", help="A name of `vseg models`, or a folder.")
]
Weights = Annotated[
    Path | None, typer.Option("--weights", help="Other weights of that model (.safetensors).")
]
Device = Annotated[str | None, typer.Option("--device", help="cpu, cuda or cuda:1.")]
Dtype = Annotated[str | None, typer.Option("--dtype", help="auto, float32 or bfloat16.")]
RuntimeName = Annotated[
    str | None,
    typer.Option(
        "--runtime", help="nano on a CPU: torch, onnx, onnx-int8, or auto, the faster one."
    ),
]
ShortSide = Annotated[
    int | None, typer.Option("--short-side", help="The model sees frames of this short side.")
]
Flip = Annotated[
    bool | None,
    typer.Option(
        "--flip", help="nano: average with the mirrored frame; better, half as fast."
    ),
]
Compile = Annotated[
    bool | None,
    typer.Option(
        "--compile", help="SAM 2 family on a GPU: compile the stages first; takes minutes."
    ),
]
EncodeAhead = Annotated[
    int | None,
    typer.Option(
        "--encode-ahead",
        metavar="N",
        help="Frames encoded together; by default 4 on CUDA, else the fastest way.",
    ),
]
ReaderName = Annotated[
    str | None, typer.Option("--reader", help="auto, pyav, decord, images or bag.")
]
Numbering = Annotated[
    str | None,
    typer.Option(
        "--frames",
        metavar="by-order|by-number",
        help="A folder whose names leave gaps: number its images in order, or by their names.",
    ),
]
Topic = Annotated[
    str | None,
    typer.Option("--topic", help="Of a ROS 2 bag with images on several topics, the one."),
]
Direction = Annotated[
    str | None,
    typer.Option(
        "--direction",
        metavar="forward|backward|both",
        help="Which way from the prompts; backward begins at the last prompted frame.",
    ),
]
StopAtDamage = Annotated[
    bool | None,
    typer.Option("--stop-at-damage", help="End at a damaged frame instead of skipping it."),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="TOML file of these settings; options win over it."),
]
MemoryPolicy = Annotated[
    str | None,
    typer.Option(
        "--memory-policy", help="SAM 2 family: recent, or selective (confident frames only)."
    ),
]
MemoryApproximation = Annotated[
    str | None,
    typer.Option(
        "--memory-approximation",
        help="SAM 2 family: none; pooled or pruned old memories are faster.",
    ),
]
MemoryBudget = Annotated[
    float | None,
    typer.Option(
        "--memory-budget", metavar="MIB", help="SAM 2 family: limit for all objects together."
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        metavar="N",
        min=1,
        max=MOST_THREADS,
        envvar=THREADS_VARIABLE,
        callback=_limit_threads,
        help="Use at most N threads to track and to decode.",
    ),
]
Points = Annotated[
    list[str] | None,
    typer.Option(
        "--point",
        metavar="[[OBJ][@FRAME]:]x,y[+|-]",
        help="A click on the object; - on the background.",
    ),
]
Boxes = Annotated[
    list[str] | None,
    typer.Option("--box", metavar="[[OBJ][@FRAME]:]x1,y1,x2,y2", help="A bounding box."),
]
Scribbles = Annotated[
    list[str] | None,
    typer.Option(
        "--scribble",
        metavar="[[OBJ][@FRAME]:]x,y x,y ...[+|-]",
        help="A line on the object; - on the background.",
    ),
]
Masks = Annotated[
    list[str] | None,
    typer.Option(
        "--mask",
        metavar="[[OBJ][@FRAME]:]FILE",
        help="A mask; a label image is one object per value.",
    ),
]
Polygons = Annotated[
    list[str] | None,
    typer.Option(
        "--polygon",
        metavar="[[OBJ][@FRAME]:]x,y x,y x,y ...",
        help="An exact outline; a second ring of the same object is a hole.",
    ),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--label", metavar="OBJ=CLASS[:NAME]", help="What an object is, and its own name."
    ),
]
Texts = Annotated[
    list[str] | None,
    typer.Option(
        "--text",
        metavar="[[OBJ][@FRAME]:]PHRASE[=T]",
        help="Words: every instance of a phrase, or with OBJ that one object.",
    ),
]
Exemplars = Annotated[
    list[str] | None,
    typer.Option(
        "--exemplar",
        metavar="[[OBJ][@FRAME]:]IMAGE:REGION[=T]",
        help="What resembles a box (x1,y1,x2,y2) or a mask file of another image.",
    ),
]
Auto = Annotated[
    bool,
    typer.Option(
        "--auto", help="Every object that the model, or a --grounder of classes, proposes."
    ),
]
GrounderName = Annotated[
    str | None,
    typer.Option(
        "--grounder",
        help="What detects --text, or with --auto its classes: a name or a folder.",
    ),
]
ServiceGrounder = Annotated[
    str | None,
    typer.Option("--grounder", help="What detects words: a name or a folder; nano's own."),
]
TaggerName = Annotated[
    str | None,
    typer.Option(
        "--tagger", help="With --auto and --grounder: the image-text model that names objects."
    ),
]
Vocabulary = Annotated[
    Path | None,
    typer.Option(
        "--vocabulary", help="With --tagger: the words to choose from, one per line."
    ),
]
DetectEvery = Annotated[
    int | None,
    typer.Option("--detect-every", metavar="N", help="Detect concept prompts every N frames."),
]
Until = Annotated[
    str | None,
    typer.Option(
        "--until", metavar="TIME", help="Detect no new objects from here on: 300, 12s."
    ),
]
MaxObjects = Annotated[
    int | None,
    typer.Option(
        "--max-objects", metavar="N", help="Track at most N detected objects at once."
    ),
]
DetectionsFile = Annotated[
    Path | None,
    typer.Option(
        "--detections", help="Boxes or masks of a detector: det.txt, coco.json or .parquet."
    ),
]
DetectorEvery = Annotated[
    int | None,
    typer.Option(
        "--detector-every",
        metavar="N",
        help="With --detections: frames from one run to the next; else told by the file.",
    ),
]
DetectionScore = Annotated[
    float | None,
    typer.Option(
        "--detection-score",
        metavar="T",
        help="With --detections: weaker ones begin nothing and prompt nothing; 0.5.",
    ),
]
KeepIds = Annotated[
    bool | None,
    typer.Option(
        "--keep-ids", help="With --detections: the ids of the file are the objects'."
    ),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Refuse a detections file that has a wrong row."),
]
Range = Annotated[
    str | None,
    typer.Option("--range", metavar="A:B", help="Frames or times, B exclusive: 0:300, 2s:5s."),
]
