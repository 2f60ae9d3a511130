"""How good a result is: J&F for masks, HOTA, IDF1 and CLEAR for identities.

Enters: what was predicted and what is true, frame by frame, as masks or boxes with ids.
Leaves: frozen score values, per object, per clip and over all, with `rows()` for a table.
Nothing here reads a run directory: a prediction is any iterable, so that every store can be
scored.
"""
