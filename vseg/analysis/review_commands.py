"""What to type next about a risky span: where a correction of it may start, and commands.

Enters: a run, and a span of it.  Leaves: a pixel, and lines for a shell.
"""

import shlex

from vseg.analysis.review_queue import RiskySpan


def correct_command(span: RiskySpan) -> str:
    """A click on the worst frame: a place to start from, to be moved onto the object."""
    x, y = span.point
    place = f"{span.object_id}@{span.worst_frame}:{x},{y}"
    return shlex.join(["vseg", "correct", str(span.run), "--point", place])


def accept_command(span: RiskySpan) -> str:
    """All of the span is right."""
    place = f"{span.object_id}@{span.first}:{span.end}"
    return shlex.join(["vseg", "accept", str(span.run), place])
