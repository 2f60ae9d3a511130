"""A track's boxes as all its frames together tell them, gaps included.

Enters: boxes at some of the frames.  Leaves: a box and its motion at every frame.  The filter
of `kalman.py` runs forward, then its states are corrected backward by what came later (Rauch,
Tung, Striebel, AIAA Journal 1965), in the same closed form of 2 x 2 blocks.  Frames without a
box are predicted only, so a gap is bridged by the smoothest motion that fits both its ends.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from vseg_trackers.kalman import BoxMotion, MotionConfig

Planes = Float[np.ndarray, "5 1 4"]


@dataclass(frozen=True, slots=True)
class Smoothed:
    """The boxes x1 y1 x2 y2 of every frame, and the filter's planes (see BoxMotion) at
    each.
    """

    boxes: Float[np.ndarray, "F 4"]
    planes: Float[np.ndarray, "5 F 4"]


def smooth(
    times_s: Float[np.ndarray, " F"],
    boxes: Float[np.ndarray, "F 4"],
    detected: Bool[np.ndarray, " F"],
    config: MotionConfig,
) -> Smoothed:
    """Boxes of every frame; those of frames that are not `detected` are not used.

    The first frame must be detected.
    """
    motion = BoxMotion(config)
    only = np.zeros(1, dtype=np.int64)
    motion.add(boxes[:1])
    filtered = [motion.planes.copy()]
    predicted = [motion.planes]
    for frame in range(1, len(times_s)):
        motion.predict(float(times_s[frame] - times_s[frame - 1]))
        predicted.append(motion.planes.copy())
        if detected[frame]:
            motion.correct(only, boxes[frame : frame + 1])
        filtered.append(motion.planes.copy())
    steps_s = np.diff(times_s).tolist()
    for frame in range(len(times_s) - 2, -1, -1):
        filtered[frame] = _with_future(
            filtered[frame], predicted[frame + 1], filtered[frame + 1], steps_s[frame]
        )
    motion.planes = np.concatenate(filtered, axis=1)
    return Smoothed(motion.boxes, motion.planes)


def _with_future(now: Planes, expected: Planes, later: Planes, dt_s: float) -> Planes:
    """The state `now`, corrected by how the `later` one differs from the `expected` one."""
    p, v, pp, pv, vv = now
    _, _, epp, epv, evv = expected
    det = epp * evv - epv * epv
    # Gain: covariance of now with the expected state, times that state's inverse covariance.
    c_pp = pp + pv * dt_s
    c_vp = pv + vv * dt_s
    g_pp = (c_pp * evv - pv * epv) / det
    g_pv = (pv * epp - c_pp * epv) / det
    g_vp = (c_vp * evv - vv * epv) / det
    g_vv = (vv * epp - c_vp * epv) / det
    off_p, off_v, d_pp, d_pv, d_vv = later - expected
    out = np.empty_like(now)
    out[0] = p + g_pp * off_p + g_pv * off_v
    out[1] = v + g_vp * off_p + g_vv * off_v
    out[2] = pp + g_pp * (g_pp * d_pp + 2 * g_pv * d_pv) + g_pv * g_pv * d_vv
    out[3] = pv + g_pp * (g_vp * d_pp + g_vv * d_pv) + g_pv * (g_vp * d_pv + g_vv * d_vv)
    out[4] = vv + g_vp * (g_vp * d_pp + 2 * g_vv * d_pv) + g_vv * g_vv * d_vv
    return out
