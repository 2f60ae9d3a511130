"""A clip of identities as TrackEval takes it."""

from typing import Any

from vseg.metrics.identity_clip import IdentityClip


def trackeval_sequence(clip: IdentityClip) -> dict[str, Any]:
    """What its `eval_sequence` reads."""
    return {
        "num_timesteps": len(clip.frames),
        "num_gt_ids": clip.num_true_ids,
        "num_tracker_ids": clip.num_pred_ids,
        "num_gt_dets": clip.num_true,
        "num_tracker_dets": clip.num_pred,
        "gt_ids": [frame.truth for frame in clip.frames],
        "tracker_ids": [frame.pred for frame in clip.frames],
        "similarity_scores": [frame.similarity for frame in clip.frames],
    }
