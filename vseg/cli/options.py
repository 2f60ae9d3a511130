"""Options that several commands share, each written once."""

from pathlib import Path
from typing import Annotated

import typer

Source = Annotated[
    str, typer.Argument(metavar="CLIP", help="A video file or a folder of images.")
]
RunFolder = Annotated[
    Path, typer.Argument(metavar="RUN", help="The folder `vseg track` wrote.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Model = Annotated[str | None, typer.Option("--model", help="Model name: see `vseg models`.")]
Weights = Annotated[
    Path | None, typer.Option("--weights", help="Other weights of that model (.safetensors).")
]
Device = Annotated[str | None, typer.Option("--device", help="cpu, cuda or cuda:1.")]
Dtype = Annotated[str | None, typer.Option("--dtype", help="auto, float32 or bfloat16.")]
ShortSide = Annotated[
    int | None, typer.Option("--short-side", help="The model sees frames of this short side.")
]
Flip = Annotated[
    bool | None,
    typer.Option("--flip", help="nano looks at mirrored frames too: better, half as fast."),
]
Compile = Annotated[
    bool | None,
    typer.Option(
        "--compile", help="SAM 2 family on a GPU: compile first, minutes once, then faster."
    ),
]
EncodeAhead = Annotated[
    int | None,
    typer.Option(
        "--encode-ahead", metavar="N", help="Frames encoded together; 4 on CUDA, else 1."
    ),
]
ReaderName = Annotated[
    str | None, typer.Option("--reader", help="auto, pyav, decord or images.")
]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="TOML file of these settings; options win over it."),
]
MemoryPolicy = Annotated[
    str | None,
    typer.Option(
        "--memory-policy", help="SAM 2 family: recent, or selective (sure frames only)."
    ),
]
MemoryApproximation = Annotated[
    str | None,
    typer.Option(
        "--memory-approximation",
        help="SAM 2 family: none; pooled or pruned old memories: faster.",
    ),
]
MemoryBudget = Annotated[
    float | None,
    typer.Option("--memory-budget", metavar="MIB", help="SAM 2 family: limit of all memory."),
]
Points = Annotated[
    list[str] | None,
    typer.Option(
        "--point", metavar="[OBJ][@FRAME]:x,y[+|-]", help="A click, + on it or - beside."
    ),
]
Boxes = Annotated[
    list[str] | None,
    typer.Option("--box", metavar="[OBJ][@FRAME]:x1,y1,x2,y2", help="A bounding box."),
]
Scribbles = Annotated[
    list[str] | None,
    typer.Option("--scribble", metavar="[OBJ][@FRAME]:x,y x,y ...[+|-]", help="A drawn line."),
]
Masks = Annotated[
    list[str] | None,
    typer.Option(
        "--mask",
        metavar="[[OBJ][@FRAME]:]FILE",
        help="A mask; a label image gives all objects.",
    ),
]
Labels = Annotated[
    list[str] | None, typer.Option("--label", metavar="OBJ=NAME", help="An object's name.")
]
Texts = Annotated[
    list[str] | None,
    typer.Option(
        "--text",
        metavar="[OBJ][@FRAME:]PHRASE. ...",
        help="Words: track every instance; with OBJ: choose that one object.",
    ),
]
Exemplars = Annotated[
    list[str] | None,
    typer.Option(
        "--exemplar",
        metavar="[OBJ][@FRAME:]IMAGE:REGION",
        help="What looks like a box (x1,y1,x2,y2) or a mask.png of another image.",
    ),
]
Auto = Annotated[bool, typer.Option("--auto", help="Track everything there is.")]
GrounderName = Annotated[
    str | None,
    typer.Option("--grounder", help="Finds words: a name of `vseg models` or a folder."),
]
TaggerName = Annotated[
    str | None,
    typer.Option(
        "--tagger", help="With --auto and --grounder: an image-text model names things."
    ),
]
Vocabulary = Annotated[
    Path | None,
    typer.Option("--vocabulary", help="With --tagger: the words to choose from, one a line."),
]
DetectEvery = Annotated[
    int | None,
    typer.Option(
        "--detect-every", metavar="N", help="Look for what is described every N frames."
    ),
]
Until = Annotated[
    str | None,
    typer.Option(
        "--until", metavar="MOMENT", help="Look for nothing new from here on: 300, 12s."
    ),
]
MaxObjects = Annotated[
    int | None,
    typer.Option("--max-objects", metavar="N", help="Find at most N objects at once."),
]
DetectionsFile = Annotated[
    Path | None,
    typer.Option(
        "--detections", help="Boxes or masks to follow: det.txt, coco.json or .parquet."
    ),
]
Range = Annotated[
    str | None,
    typer.Option("--range", metavar="A:B", help="Frames or times, B exclusive: 0:300."),
]
