"""What training reads: sequences of images with masks, and images without labels.

`dataset_zip` holds clips and stills with masks in memory; `unlabelled` reads images of those,
of videos and of folders.  `sequences` draws a training sequence: one of `sources` (a real
clip, a still set in motion, a synthetic scene) makes a `Clip`, which `augment` changes.
"""
