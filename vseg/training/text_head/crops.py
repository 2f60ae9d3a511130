"""Square crops of named images: scaled, cut, mirrored, recoloured, with further named objects
pasted in.

Enters: the images to train on.  Leaves: a crop with its boxes, their words, and what is
unknown.  An object is unknown where too little of it is in the crop; so is the void around a
small image.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8

from vseg.errors import BadDataset
from vseg.ops.masks import mask_box
from vseg.training.data.augment.colour import blur, draw_jitter, jitter
from vseg.training.data.augment.cutouts import cut, resized
from vseg.training.data.clip import VOID
from vseg.training.text_head.named_images import ANY, NamedImage

# Round values; not tuned.
_MIN_SIDE = 5  # pixels of a box's shorter side; below, an object is unknown
_MIN_SHARE = 0.25  # of an object's area in the crop; below, it is unknown
# A word in fewer than this share of images is drawn more often: the repeat threshold of
# Gupta et al. 2019, who have 0.001 for 1203 categories; here there are few.
_COMMON = 0.15
_MIN_WEIGHT = 0.5  # of an image with common words only
_SHORT_SIDES = (180, 440)  # of the scaled image, in pixels
_MAX_STRETCH = 0.12  # of its aspect ratio, as a logarithm
_P_PASTE = 0.5
_PASTED_SIDES = (24, 200)  # the longer one, in pixels
_MIN_PASTED_AREA = 600  # pixels in its own image of an object that may be pasted
_LAST_ID = 250  # the ids above are left to VOID
_P_BLUR = 0.2
_JITTER = 0.5
_GREY = 114  # the void around a small image


@dataclass(frozen=True, slots=True)
class Crop:
    """boxes: x1 y1 x2 y2 of the objects in it.  words: one row per box.  named: whether the
    words of a box are known.

    unknown: pixels of which nothing is known.  exhaustive: whether all else is background.
    """

    image: UInt8[np.ndarray, "S S 3"]
    boxes: Float32[np.ndarray, "N 4"]
    words: Bool[np.ndarray, "N K"]
    named: Bool[np.ndarray, " N"]
    unknown: Bool[np.ndarray, "S S"]
    exhaustive: bool


@dataclass(slots=True)
class _Canvas:
    """A crop while it is made.  words, areas: by id; an area is of the whole object, in
    pixels.
    """

    image: UInt8[np.ndarray, "S S 3"]
    ids: UInt8[np.ndarray, "S S"]
    words: dict[int, frozenset[str]]
    areas: dict[int, int]


class CropSampler:
    """Draws crops; images with rare words more often (repeat factors, Gupta et al. 2019).

    Raises BadDataset without wholly marked images, without others, and without objects to
    paste.
    """

    def __init__(self, images: Sequence[NamedImage], words: Sequence[str], side: int) -> None:
        self._words = tuple(words)
        self._side = side
        self._full = [p for p in images if p.exhaustive]
        self._partial = [p for p in images if not p.exhaustive]
        self._full_chances = _chances(self._full, self._words)
        self._partial_chances = _chances(self._partial, self._words)
        self._pasted_by_word = _pasted_by_word(images, self._words)
        wholly = f"wholly marked images (still/coco_mix/): {len(self._full)}"
        if not self._full or not self._partial or not self._pasted_by_word:
            raise BadDataset(
                f"the dataset cannot teach words: {wholly}, others: {len(self._partial)}, "
                f"words with an object of {_MIN_PASTED_AREA} pixels: "
                f"{len(self._pasted_by_word)}; none may be 0",
                hint="give more --data",
            )

    def draw(self, rng: np.random.Generator, p_exhaustive: float) -> Crop:
        """A random crop, with chance `p_exhaustive` of a wholly marked image."""
        full = rng.random() < p_exhaustive
        pool = self._full if full else self._partial
        chances = self._full_chances if full else self._partial_chances
        canvas = _framed(rng, pool[int(rng.choice(len(pool), p=chances))], self._side)
        if full and rng.random() < _P_PASTE:
            for _ in range(int(rng.integers(1, 3))):
                self._paste(rng, canvas)
        if rng.random() < 0.5:
            canvas.image = np.ascontiguousarray(canvas.image[:, ::-1])
            canvas.ids = np.ascontiguousarray(canvas.ids[:, ::-1])
        canvas.image = jitter(canvas.image, draw_jitter(rng, _JITTER))
        if rng.random() < _P_BLUR:
            canvas.image = blur(canvas.image, rng)
        return self._crop(canvas, full)

    def _paste(self, rng: np.random.Generator, canvas: _Canvas) -> None:
        """Paste a named object over the crop."""
        new = max(max(canvas.words), int(canvas.ids[canvas.ids != VOID].max(initial=0))) + 1
        if new > _LAST_ID:
            return
        objects = self._pasted_by_word[int(rng.integers(len(self._pasted_by_word)))]
        image, object_id = objects[int(rng.integers(len(objects)))]
        cutout = cut(image.image, image.ids == object_id)
        longest = np.exp(rng.uniform(*np.log(_PASTED_SIDES)))
        cutout = resized(cutout, np.maximum(cutout.size * longest / cutout.size.max(), 1))
        h, w = cutout.alpha.shape
        x, y = (int(rng.integers(-side // 3, self._side - side // 2)) for side in (w, h))
        x1 = max(x, 0)
        y1 = max(y, 0)
        x2 = min(x + w, self._side)
        y2 = min(y + h, self._side)
        if x2 <= x1 or y2 <= y1:
            return
        here = np.s_[y1:y2, x1:x2]
        there = np.s_[y1 - y : y2 - y, x1 - x : x2 - x]
        alpha = cutout.alpha[there].astype(np.float32)[..., None] / 255
        mixed = alpha * cutout.colours[there] + (1 - alpha) * canvas.image[here]
        canvas.image[here] = mixed.astype(np.uint8)
        canvas.ids[here][alpha[..., 0] > 0.5] = new
        canvas.words[new] = image.words[object_id]
        canvas.areas[new] = int((cutout.alpha > 127).sum())

    def _crop(self, canvas: _Canvas, exhaustive: bool) -> Crop:
        unknown = canvas.ids == VOID
        boxes = []
        kinds = []
        for object_id in np.unique(canvas.ids[~unknown]).tolist():
            if object_id == 0:
                continue
            mask = canvas.ids == object_id
            x1, y1, x2, y2 = mask_box(mask)
            too_little = mask.sum() < _MIN_SHARE * canvas.areas[object_id]
            too_thin = min(x2 - x1, y2 - y1) < _MIN_SIDE
            if object_id not in canvas.words or too_little or too_thin:
                unknown |= mask
                continue
            boxes.append((x1, y1, x2, y2))
            kinds.append(canvas.words[object_id])
        table = np.array([[w in kind for w in self._words] for kind in kinds], bool)
        table = table.reshape(-1, len(self._words)) | (np.array(self._words) == ANY)
        return Crop(
            canvas.image,
            np.array(boxes, np.float32).reshape(-1, 4),
            table,
            np.array([bool(kind) for kind in kinds], bool),
            unknown,
            exhaustive,
        )


def _framed(rng: np.random.Generator, named: NamedImage, side: int) -> _Canvas:
    """A scaled square of the image; the void around a small one is marked."""
    h, w = named.ids.shape
    scale = np.exp(rng.uniform(*np.log(_SHORT_SIDES))) / min(h, w)
    stretch = np.exp(rng.uniform(-_MAX_STRETCH, _MAX_STRETCH))
    new_w = max(1, round(w * scale * stretch))
    new_h = max(1, round(h * scale / stretch))
    flag = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = cv2.resize(named.image, (new_w, new_h), interpolation=flag)
    ids = cv2.resize(named.ids, (new_w, new_h), interpolation=cv2.INTER_NEAREST)
    areas = dict(enumerate(np.bincount(ids.ravel(), minlength=256).tolist()))
    x, y = (int(rng.integers(min(0, n - side), max(0, n - side) + 1)) for n in (new_w, new_h))
    square = np.full((side, side, 3), _GREY, np.uint8)
    labels = np.full((side, side), VOID, np.uint8)
    here = np.s_[max(0, -y) : min(side, new_h - y), max(0, -x) : min(side, new_w - x)]
    there = np.s_[max(0, y) : min(new_h, y + side), max(0, x) : min(new_w, x + side)]
    square[here] = image[there]
    labels[here] = ids[there]
    return _Canvas(square, labels, dict(named.words), areas)


def _chances(
    images: Sequence[NamedImage], words: tuple[str, ...]
) -> Float64[np.ndarray, " P"]:
    """The chance of every image: by the square root of how rare its rarest word is."""
    held = [frozenset().union(*p.words.values()) & set(words) - {ANY} for p in images]
    counts = Counter(word for kind in held for word in kind)
    share = {word: count / len(images) for word, count in counts.items()}
    weights = np.array(
        [max((np.sqrt(_COMMON / share[w]) for w in kind), default=0.0) for kind in held]
    )
    weights = np.maximum(weights, _MIN_WEIGHT)
    return np.asarray(weights / weights.sum(), np.float64)


def _pasted_by_word(
    images: Sequence[NamedImage], words: tuple[str, ...]
) -> list[list[tuple[NamedImage, int]]]:
    """Word by word the objects that may be pasted, as (image, id): the large ones."""
    by_word: dict[str, list[tuple[NamedImage, int]]] = {
        word: [] for word in words if word != ANY
    }
    for image in images:
        for object_id, kind in image.words.items():
            if (image.ids == object_id).sum() >= _MIN_PASTED_AREA:
                for word in kind & by_word.keys():
                    by_word[word].append((image, object_id))
    return [objects for objects in by_word.values() if objects]
