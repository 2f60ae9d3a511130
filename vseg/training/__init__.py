"""Training of nano: images and video in, weights files out.

`data` makes short sequences with exact masks, and images without labels.  `distill` teaches
nano's encoder the features of a larger vision model on the latter.  `nano` trains the whole
network to propagate masks through the former, from that encoder.  `text_head` trains the head
that detects a small vocabulary, on images whose masks have names and a frozen encoder.

All three optimise a `loop.Stage` with `loop.train`; `config` holds the settings of the stages.
"""
