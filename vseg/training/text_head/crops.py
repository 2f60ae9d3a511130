"""Square views of named images: scaled, cut, mirrored, recoloured, with further named things
pasted in.

Enters: the images to train on.  Leaves: a view with its boxes, what each is, and what is
unknown.  A thing is unknown where too little of it is in view; so is the void around a small
image.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8

from vseg.errors import BadDataset
from vseg.training.data.augment.colour import blur, draw_jitter, jitter
from vseg.training.data.augment.cutouts import cut, resized
from vseg.training.text_head.named_images import ANY, NamedImage

_VOID = 255
_MIN_SIDE = 5
_MIN_SHARE = 0.25
_COMMON = 0.15
_SHORT_SIDES = (180, 440)  # of the scaled image, in pixels
_P_PASTE = 0.5
_PASTED_SIDES = (24, 200)
_LAST_ID = 250
_SEEN_WELL = 600  # pixels of a thing that may be pasted


@dataclass(frozen=True, slots=True)
class View:
    """boxes: x1 y1 x2 y2 of things in view.  words: what each is.  named: whether its words
    are known.

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
    """A view while it is made.  words, areas: by id; an area is of the whole thing, in
    pixels.
    """

    image: UInt8[np.ndarray, "S S 3"]
    ids: UInt8[np.ndarray, "S S"]
    words: dict[int, frozenset[str]]
    areas: dict[int, int]


class Views:
    """Draws views; images with rare words more often (repeat factors, Gupta et al. 2019).

    Raises BadDataset without wholly marked images, without others, and without things to
    paste.
    """

    def __init__(self, images: Sequence[NamedImage], words: Sequence[str], side: int) -> None:
        self._words = tuple(words)
        self._side = side
        self._full = [p for p in images if p.exhaustive]
        self._partial = [p for p in images if not p.exhaustive]
        self._full_chances = _chances(self._full, self._words)
        self._partial_chances = _chances(self._partial, self._words)
        self._things = _things(images, self._words)
        wholly = f"wholly marked images (still/coco_mix/): {len(self._full)}"
        if not self._full or not self._partial or not self._things:
            raise BadDataset(
                f"the packs cannot teach words: {wholly}, others: {len(self._partial)}, "
                f"words with a thing of {_SEEN_WELL} pixels: {len(self._things)}; none "
                "may be 0",
                hint="give more --data",
            )

    def draw(self, rng: np.random.Generator, p_full: float) -> View:
        """A random view, with chance `p_full` of an image whose every thing is marked."""
        full = rng.random() < p_full
        pool, chances = (
            (self._full, self._full_chances)
            if full
            else (self._partial, self._partial_chances)
        )
        canvas = _framed(rng, pool[int(rng.choice(len(pool), p=chances))], self._side)
        if full and rng.random() < _P_PASTE:
            for _ in range(int(rng.integers(1, 3))):
                self._paste(rng, canvas)
        if rng.random() < 0.5:
            canvas.image = np.ascontiguousarray(canvas.image[:, ::-1])
            canvas.ids = np.ascontiguousarray(canvas.ids[:, ::-1])
        canvas.image = jitter(canvas.image, draw_jitter(rng, 0.5))
        if rng.random() < 0.2:
            canvas.image = blur(canvas.image, rng)
        return self._view(canvas, full)

    def _paste(self, rng: np.random.Generator, canvas: _Canvas) -> None:
        """Lay a named thing over the view."""
        new = max(max(canvas.words), int(canvas.ids[canvas.ids != _VOID].max(initial=0))) + 1
        if new > _LAST_ID:
            return
        things = self._things[int(rng.integers(len(self._things)))]
        image, which = things[int(rng.integers(len(things)))]
        cutout = cut(image.image, image.ids == which)
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
        canvas.words[new] = image.words[which]
        canvas.areas[new] = int((cutout.alpha > 127).sum())

    def _view(self, canvas: _Canvas, exhaustive: bool) -> View:
        unknown = canvas.ids == _VOID
        boxes = []
        kinds = []
        for which in np.unique(canvas.ids[~unknown]).tolist():
            if which == 0:
                continue
            mask = canvas.ids == which
            x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
            little = min(w, h) < _MIN_SIDE or mask.sum() < _MIN_SHARE * canvas.areas[which]
            if which not in canvas.words or little:
                unknown |= mask
                continue
            boxes.append((x, y, x + w, y + h))
            kinds.append(canvas.words[which])
        table = np.array([[w in kind for w in self._words] for kind in kinds], bool)
        table = table.reshape(-1, len(self._words)) | (np.array(self._words) == ANY)
        return View(
            canvas.image,
            np.array(boxes, np.float32).reshape(-1, 4),
            table,
            np.array([bool(kind) for kind in kinds], bool),
            unknown,
            exhaustive,
        )


def _framed(rng: np.random.Generator, full_image: NamedImage, side: int) -> _Canvas:
    """A scaled square of the image; the void around a small one is marked."""
    h, w = full_image.ids.shape
    scale = np.exp(rng.uniform(*np.log(_SHORT_SIDES))) / min(h, w)
    stretch = np.exp(rng.uniform(-0.12, 0.12))
    new_w = max(1, round(w * scale * stretch))
    new_h = max(1, round(h * scale / stretch))
    flag = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = cv2.resize(full_image.image, (new_w, new_h), interpolation=flag)
    ids = cv2.resize(full_image.ids, (new_w, new_h), interpolation=cv2.INTER_NEAREST)
    areas = dict(enumerate(np.bincount(ids.ravel(), minlength=256).tolist()))
    x, y = (int(rng.integers(min(0, n - side), max(0, n - side) + 1)) for n in (new_w, new_h))
    square = np.full((side, side, 3), 114, np.uint8)
    labels = np.full((side, side), _VOID, np.uint8)
    here = np.s_[max(0, -y) : min(side, new_h - y), max(0, -x) : min(side, new_w - x)]
    there = np.s_[max(0, y) : min(new_h, y + side), max(0, x) : min(new_w, x + side)]
    square[here], labels[here] = image[there], ids[there]
    return _Canvas(square, labels, dict(full_image.words), areas)


def _chances(
    images: Sequence[NamedImage], words: tuple[str, ...]
) -> Float64[np.ndarray, " P"]:
    """How often each is drawn: the square root of how rare its rarest word is."""
    held = [frozenset().union(*p.words.values()) & set(words) - {ANY} for p in images]
    counts = Counter(word for kind in held for word in kind)
    share = {word: count / len(images) for word, count in counts.items()}
    weights = np.array(
        [max((np.sqrt(_COMMON / share[w]) for w in kind), default=0.0) for kind in held]
    )
    weights = np.maximum(weights, 0.5)
    return np.asarray(weights / weights.sum(), np.float64)


def _things(
    images: Sequence[NamedImage], words: tuple[str, ...]
) -> list[list[tuple[NamedImage, int]]]:
    """For each word what may be pasted: things that are seen well."""
    found: dict[str, list[tuple[NamedImage, int]]] = {
        word: [] for word in words if word != ANY
    }
    for image in images:
        for which, kind in image.words.items():
            if (image.ids == which).sum() >= _SEEN_WELL:
                for word in kind & found.keys():
                    found[word].append((image, which))
    return [things for things in found.values() if things]
