"""nano's training by a recipe: a distilled encoder and sequences in, a weights file out.

`recipe` runs the stages in order.  A stage is `propagate`: the network follows objects through
short sequences, prompted as a user would (`first_prompts`), under the losses of `losses`.
"""
