"""What a compiled model needs to know of a task before its first frame: how many objects, how
long a memory.

Enters: a task.  Leaves: nothing; the model's stages are compiled, so that no frame waits for
it.
"""

from vseg.interfaces.model import CompiledModel
from vseg.pipelines.job import ProgressCallbacks
from vseg.pipelines.prepare import Task


def warm_up(task: Task, encode_ahead: int, callbacks: ProgressCallbacks) -> None:
    """Compile the stages for every number of objects that the prompts will have made.

    For other numbers they are compiled when first needed.
    """
    if not isinstance(task.model, CompiledModel):
        return
    counts = object_counts(task)
    callbacks.on_note(
        f"compiling {task.model.name} for {', '.join(map(str, counts))} objects: minutes, once"
    )
    task.model.warm_up(counts, batch=encode_ahead, prompted=_most_prompted(task))


def object_counts(task: Task) -> list[int]:
    """One, and how many objects there are after each prompted frame, ascending."""
    frames = sorted({placed.frame_index for placed in task.prompts})
    alive = [{p.object_id for p in task.prompts if p.frame_index <= frame} for frame in frames]
    return sorted({1, *(len(ids) for ids in alive)})


def _most_prompted(task: Task) -> int:
    """Prompted frames that an object will come to remember at most."""
    frames: dict[int | None, set[int]] = {}
    for placed in task.prompts:
        frames.setdefault(placed.object_id, set()).add(placed.frame_index)
    most = max((len(indices) for indices in frames.values()), default=1)
    return min(most, task.job.config.memory.prompted)
