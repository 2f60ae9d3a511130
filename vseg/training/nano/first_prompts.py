"""Simulated users: first prompts with realistic jitter.

Enters: true masks.  Leaves: prompts in pixels of the image.  People click deep inside,
anywhere, or near the rim; their boxes are tight, loose or too small; their scribbles follow
the object or curl in it.  Chances and amounts of jitter are round values; not tuned.
"""

import numpy as np
from jaxtyping import Bool, Float32, Float64

from vseg.ops.masks import mask_box
from vseg.prompts.simulate import depth_inside, innermost
from vseg.types import Box, Points, Scribble, VisualPrompt

_CURL = 0.45  # radians by which a free scribble turns from step to step
_TURNS = (0.0, 0.7, -0.7, 1.5, -1.5)  # tried where the next step would leave the object


def first_prompts(
    rng: np.random.Generator, mask: Bool[np.ndarray, "H W"], p_click: float
) -> list[VisualPrompt]:
    """Prompts that a user might give for this object.

    With chance `p_click` clicks, three times of four a single one; else twice as often a box
    (one of five with a click in it) as a scribble.
    """
    if rng.random() < p_click:
        return [_clicks(rng, mask, 1 if rng.random() < 0.75 else int(rng.integers(2, 4)))]
    if rng.random() < 0.67:
        box: list[VisualPrompt] = [_box(rng, mask)]
        return [*box, _clicks(rng, mask, 1)] if rng.random() < 0.2 else box
    return [_scribble(rng, mask)]


def _clicks(rng: np.random.Generator, mask: Bool[np.ndarray, "H W"], count: int) -> Points:
    """Positive clicks on the mask: 2 of 5 first ones at its middle, 1 of 5 near its rim."""
    ys, xs = np.nonzero(mask)
    # Squared below: people click well inside rather than anywhere.
    depth = depth_inside(mask)[ys, xs]
    places: list[tuple[int, int]] = []
    for _ in range(count):
        kind = rng.random()
        if kind < 0.4 and not places:
            places.append(innermost(mask))
            continue
        near_rim = depth <= max(2.0, 0.3 * float(depth.max()))
        chance = near_rim.astype(np.float64) if kind > 0.8 else depth.astype(np.float64) ** 2
        pick = int(rng.choice(len(xs), p=chance / chance.sum()))
        places.append((int(xs[pick]), int(ys[pick])))
    return Points(np.array(places, np.float32), np.ones(count, bool))


def _box(rng: np.random.Generator, mask: Bool[np.ndarray, "H W"]) -> Box:
    """Around the mask: exact, with unsteady corners, too loose or a little too tight."""
    box = np.array(mask_box(mask))
    w, h = (box[2:] - box[:2]).tolist()
    out = np.array([-w, -h, w, h])  # one unit outward for each side
    kind = rng.choice(4, p=(0.3, 0.35, 0.25, 0.1))
    shares = (
        np.zeros(4),
        rng.normal(0, 0.04, 4),
        rng.uniform(0, 0.15, 4),
        rng.uniform(-0.06, 0, 4),
    )[kind]
    x1, y1, x2, y2 = box + shares * out
    return Box(float(x1), float(y1), float(max(x2, x1 + 2)), float(max(y2, y1 + 2)))


def _scribble(rng: np.random.Generator, mask: Bool[np.ndarray, "H W"]) -> Scribble:
    """A stroke on the mask: half of them along its longer axis, half curling from anywhere."""
    depth = depth_inside(mask)
    stroke = _along(rng, depth) if rng.random() < 0.5 else _curling(rng, depth)
    return Scribble(stroke.astype(np.float32))


def _along(
    rng: np.random.Generator, depth: Float32[np.ndarray, "H W"]
) -> Float64[np.ndarray, "N 2"]:
    """A curve through three to six places inside, in their order along the longer axis.

    Of a curve that leaves the object between two places the longest part on it is kept.
    """
    ys, xs = np.nonzero(depth > min(2.0, 0.5 * float(depth.max())))
    points = np.stack([xs, ys], axis=1).astype(np.float64)
    axis = np.linalg.svd(np.cov(points.T, ddof=0) + 1e-3 * np.eye(2))[0][:, 0]
    chance = depth[ys, xs].astype(np.float64)
    count = int(rng.integers(3, 7))
    picked = points[rng.choice(len(points), count, p=chance / chance.sum())]
    curve = _rounded(picked[np.argsort(picked @ axis)])
    on = np.array([0, *(_is_on(depth, place) for place in curve), 0])
    starts = np.flatnonzero(np.diff(on) > 0)
    ends = np.flatnonzero(np.diff(on) < 0)
    longest = int(np.argmax(ends - starts))
    return np.asarray(curve[starts[longest] : ends[longest]])


def _curling(
    rng: np.random.Generator, depth: Float32[np.ndarray, "H W"]
) -> Float64[np.ndarray, "N 2"]:
    """A pen that walks with a curl of its own and turns back where the object ends."""
    ys, xs = np.nonzero(depth)
    chance = depth[ys, xs].astype(np.float64) ** 2
    start = int(rng.choice(len(xs), p=chance / chance.sum()))
    stroke = [np.array([xs[start], ys[start]], np.float64)]
    step = max(2.0, 0.08 * float(np.sqrt(len(xs))))
    heading = float(rng.uniform(0, 2 * np.pi))
    bias = float(rng.normal(0, 0.25))
    for _ in range(int(rng.integers(5, 22))):
        heading += bias + float(rng.normal(0, _CURL))
        ahead = [heading + turn for turn in _TURNS]
        places = [stroke[-1] + step * np.array([np.cos(a), np.sin(a)]) for a in ahead]
        free = [k for k, place in enumerate(places) if _is_on(depth, place)]
        if not free:
            break
        heading = ahead[free[0]]
        stroke.append(places[free[0]])
    return np.array(stroke)


def _is_on(depth: Float32[np.ndarray, "H W"], place: Float64[np.ndarray, " 2"]) -> bool:
    x, y = (int(v) for v in np.rint(place))
    h, w = depth.shape
    return bool(0 <= x < w and 0 <= y < h and depth[y, x] > 0)


def _rounded(corners: Float64[np.ndarray, "N 2"]) -> Float64[np.ndarray, "M 2"]:
    """A broken line with its corners cut twice (Chaikin 1974): a hand draws curves."""
    for _ in range(2):
        inner = np.stack(
            [
                0.75 * corners[:-1] + 0.25 * corners[1:],
                0.25 * corners[:-1] + 0.75 * corners[1:],
            ],
            axis=1,
        ).reshape(-1, 2)
        corners = np.concatenate([corners[:1], inner, corners[-1:]])
    return corners
