"""What is done to a `Clip`: geometry, pasted objects, light, and what cameras and codecs do.

Geometry: `warp` resamples an image and its labels along one map, composed of affine maps and
a `thin_plate_spline`; `crop` and `trajectories` draw such maps.  Objects: `cutouts` are laid
over a clip by `paste`; `copy_paste` and `duplicate_instances` decide which and where.
Appearance: `colour`, `lighting`, `degradation`.
"""
