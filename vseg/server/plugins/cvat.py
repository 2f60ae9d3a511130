"""Native functions for CVAT's agent: shapes tracked, clicks made masks, words detected.

cvat-cli function create-native vseg --function-module vseg.server.plugins.cvat
cvat-cli function run-agent ID --function-module vseg.server.plugins.cvat

`-p NAME=TYPE:VALUE` gives `create` its parameters, the same to both commands.  Each function
is one of CVAT's protocols on the engine of everything else.  The packages of CVAT are needed
only once a function is made (`pip install 'vseg[cvat]'`).
"""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import PIL.Image

from vseg.build import load_model, open_grounder, open_nano_text
from vseg.errors import ExtraMissing, UsageError
from vseg.interfaces.grounder import Grounder
from vseg.interfaces.model import Model
from vseg.server.plugins.named_objects import named_masks
from vseg.server.plugins.shape_points import SHAPE_TYPES, points_of_mask
from vseg.server.plugins.shape_track import ShapeTrack
from vseg.session.encoded_image import EncodedImage
from vseg.session.image_predictor import ImagePredictor
from vseg.types import Text


class TrackingFunction:
    """Tracks rectangles, polygons and masks from frame to frame."""

    def __init__(self, model: Model) -> None:
        from cvat_sdk.auto_annotation import TrackingFunctionSpec

        self.spec = TrackingFunctionSpec(supported_shape_types=set(SHAPE_TYPES))
        self._model = model
        self._predictor = ImagePredictor(model)

    def preprocess_image(self, _context: Any, image: PIL.Image.Image) -> EncodedImage:
        """The image encoded, once for all shapes.  cvat-cli 2.80 tracks with no function that
        lacks this method.
        """
        return self._predictor.encode(_pixels(image))

    def init_tracking_state(
        self, _context: Any, pp_image: EncodedImage, shape: Any
    ) -> ShapeTrack:
        """What is remembered of a shape.  Raises BadPrompt."""
        return ShapeTrack(self._model, pp_image, shape.type, shape.points)

    def track(self, _context: Any, pp_image: EncodedImage, state: ShapeTrack) -> Any:
        """The shape on this image; None where its object is not visible."""
        from cvat_sdk.auto_annotation import TrackableShape

        points = state.next(pp_image)
        return None if points is None else TrackableShape(type=state.kind, points=points)


class InteractionFunction:
    """Points on and beside an object, perhaps a box around it -> its mask."""

    def __init__(self, model: Model) -> None:
        from cvat_sdk.auto_annotation import InteractionFunctionSpec

        self.spec = InteractionFunctionSpec(
            min_pos_points=1, min_neg_points=0, min_bounding_boxes=0
        )
        self._predictor = ImagePredictor(model)

    def preprocess_image(self, _context: Any, image: PIL.Image.Image) -> EncodedImage:
        """The image encoded, once for all clicks on it."""
        return self._predictor.encode(_pixels(image))

    def detect(self, _context: Any, pp_image: EncodedImage, prompts: Any) -> list[Any]:
        """The mask as a shape with its predicted quality; nothing where it is empty.  Raises
        BadPrompt.
        """
        from cvat_sdk.auto_annotation import InteractionResultAttributes as Attributes
        from cvat_sdk.auto_annotation import InteractionResultShape
        from cvat_sdk.models import AttributeValRequest

        marks = [*prompts.pos_points, *prompts.neg_points]
        labels = [1] * len(prompts.pos_points) + [0] * len(prompts.neg_points)
        given: dict[str, Any] = {"points": marks, "labels": labels} if marks else {}
        if prompts.bounding_box is not None:
            (x1, y1), (x2, y2) = prompts.bounding_box
            given["box"] = (x1, y1, x2, y2)
        masks = self._predictor.predict(pp_image, **given)
        points = points_of_mask("mask", masks.crop(1))
        if points is None:
            return []
        quality = f"{float(masks.scores[0]):.4f}"
        score = AttributeValRequest(spec_id=int(Attributes.CONFIDENCE), value=quality)
        return [InteractionResultShape(type="mask", points=points, attributes=[score])]


class DetectionFunction:
    """Finds everything that some words name, as masks or polygons with the words as labels."""

    def __init__(self, model: Model, grounder: Grounder, words: Sequence[str]) -> None:
        """Raises BadPrompt for words that the grounder does not know."""
        from cvat_sdk.auto_annotation import DetectionFunctionSpec, label_spec

        grounder.check([Text(word) for word in words])
        labels = [label_spec(word, number) for number, word in enumerate(words)]
        self.spec = DetectionFunctionSpec(labels=labels)
        self._words = tuple(words)
        self._grounder = grounder
        self._predictor = ImagePredictor(model)

    def detect(self, context: Any, image: PIL.Image.Image) -> list[Any]:
        """A shape for each detection, best first."""
        from cvat_sdk.auto_annotation import mask, polygon

        encoded = self._predictor.encode(_pixels(image))
        found = named_masks(
            self._predictor, self._grounder, encoded, self._words, context.conf_threshold
        )
        kind, made = ("polygon", polygon) if context.conv_mask_to_poly else ("mask", mask)
        return [made(one.word, points_of_mask(kind, one.crop)) for one in found]


def create(
    model: str = "nano",
    kind: str = "track",
    text: str | None = None,
    grounder: str | None = None,
    device: str = "cpu",
    short_side: int = 384,
) -> TrackingFunction | InteractionFunction | DetectionFunction:
    """The function that cvat-cli asks this module for.

    model, device, short_side: as `vseg.load_model` takes them.  kind: track, interact or
    detect.  text: of detect, what to find: labels of the task, with commas between them.
    grounder: of detect, nano's own vocabulary if left out.  Raises ExtraMissing without the
    packages of CVAT, UsageError, BadPrompt, and whatever loading a model raises.
    """
    if find_spec("cvat_sdk") is None:
        raise ExtraMissing(
            "the package cvat-sdk is not installed", hint="pip install 'vseg[cvat]'"
        )
    words = words_of(kind, text, grounder)
    loaded = load_model(model, device=device, short_side=short_side)
    if kind == "track":
        return TrackingFunction(loaded)
    if kind == "interact":
        return InteractionFunction(loaded)
    opened = open_nano_text(loaded) if grounder is None else open_grounder(grounder, device)
    return DetectionFunction(loaded, opened, words)


def words_of(kind: str, text: str | None, grounder: str | None) -> list[str]:
    """The words of a function of this kind, each once.  Raises UsageError for parameters that
    do not go together.
    """
    if kind not in ("track", "interact", "detect"):
        raise UsageError(
            f"there is no function of kind {kind!r}",
            hint="one of -p kind=str:track, -p kind=str:interact, -p kind=str:detect",
        )
    if kind != "detect" and (text is not None or grounder is not None):
        raise UsageError(
            f"a function that {kind}s takes no words and no grounder",
            hint="drop text and grounder, or give -p kind=str:detect",
        )
    words = [word.strip() for word in (text or "").split(",")]
    words = list(dict.fromkeys(word for word in words if word))
    if kind == "detect" and not words:
        raise UsageError(
            "there are no words to detect", hint="for example -p text=str:person,car"
        )
    return words


def _pixels(image: PIL.Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"))
