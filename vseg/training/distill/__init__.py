"""Feature distillation: a vision model and unlabelled images in, nano's encoder out.

`teachers` opens any vision model (`pretrained` those of transformers) as features of strides
8 and 16.  `feature_cache` stores them for every image once, in a mapped file.  `stage` trains
the encoder on random crops of them.  `student` runs all three and writes the encoder's file.
"""
