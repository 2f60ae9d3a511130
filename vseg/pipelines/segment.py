"""One image and prompts in, masks out: `vseg.segment`.

Enters: an RGB image and prompts in plain numbers, of one object or of several.  Leaves:
FrameMasks.  To prompt one image more than once, keep an ImagePredictor and its encoded image.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from vseg.build import load_model
from vseg.errors import BadPrompt
from vseg.frame_masks import FrameMasks
from vseg.interfaces.promptable_model import PromptableModel
from vseg.prompts.check import collect_prompts
from vseg.session.image_predictor import ImagePredictor
from vseg.types import Frame

_DEPTHS = {"points": 2, "labels": 1, "box": 1, "scribble": 2, "mask": 2, "polygon": 3}
"""How deep the numbers of one object are nested; those of several objects once more.  Of a
polygon these are a list of rings; a ring by itself is one object's."""


def segment(  # noqa: PLR0913 - one parameter for each kind of prompt
    image: Frame | np.ndarray,
    *,
    points: Any = None,
    labels: Any = None,
    box: Any = None,
    scribble: Any = None,
    mask: Any = None,
    polygon: Any = None,
    model: str | PromptableModel = "nano",
) -> FrameMasks:
    """The masks of the prompted objects, as objects 1, 2 ...

    image: RGB, (H, W, 3) uint8.  points: (N, 2) pixels x, y, with labels 1 for "this object"
    and 0 for "not this object", all 1 if left out.  box: x1, y1, x2, y2.  scribble: (N, 2)
    pixels of a line on the object.  mask: (H, W); beside other prompts it is a prior.
    polygon: (N, 2) corners, or a list of such rings.  Lists and arrays are accepted; for
    several objects, give each kind with one axis more: boxes (O, 4), points (O, N, 2).
    model: a loaded one, or its name; by name its weights are read again with every call.
    Raises BadPrompt and BadFrame, and what `load_model` raises.
    """
    given = {
        "points": points,
        "labels": labels,
        "box": box,
        "scribble": scribble,
        "mask": mask,
        "polygon": polygon,
    }
    objects = _by_object({kind: value for kind, value in given.items() if value is not None})
    prompts = [collect_prompts(**numbers) for numbers in objects]
    predictor = ImagePredictor(load_model(model) if isinstance(model, str) else model)
    return predictor.predict_objects(predictor.encode(image), prompts)


def _by_object(given: dict[str, Any]) -> list[Any]:
    """The prompts of one object after the other."""
    depths = {kind: _depth(value) - _DEPTHS[kind] for kind, value in given.items()}
    if all(depth <= 0 for depth in depths.values()):
        return [given]
    counts = {kind: len(value) for kind, value in given.items()}
    if any(depth != 1 for depth in depths.values()) or len(set(counts.values())) > 1:
        shapes = ", ".join(f"{kind} of shape {_shape(value)}" for kind, value in given.items())
        raise BadPrompt(
            f"it is not clear which prompts are of which object: {shapes}",
            hint="for O objects give boxes (O, 4), points (O, N, 2), labels (O, N), masks "
            "(O, H, W), polygons as lists of lists of rings",
        )
    (count,) = set(counts.values())
    return [{kind: value[k] for kind, value in given.items()} for k in range(count)]


def _depth(value: Any) -> int:
    """How deep numbers are nested, by the first ones; arrays by their axes."""
    if isinstance(value, np.ndarray):
        return value.ndim
    if isinstance(value, Sequence) and not isinstance(value, str):
        return 1 + (_depth(value[0]) if len(value) else 0)
    return 0


def _shape(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return str(value.shape)
    return f"({len(value)}, ...)" if isinstance(value, Sequence) else "()"
