"""The word head's training: named images and a frozen encoder in, a head with its vocabulary
and threshold out.

`named_images` reads images whose masks have names and sets some of them aside.  `crops` draws
square training crops of them, `targets` says what the head should answer for every cell and
how far it is off, `stage` puts both before the loop.  `scores` measures the trained head, and
`recipe` runs everything.
"""
