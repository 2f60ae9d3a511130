"""Run directories: written frame by frame, read back, drawn and exported.

Enters: FrameMasks of a session.  Leaves: a folder that can be resumed, read as a Run,
drawn by `vseg.results.overlay`, and converted by `vseg.exchange.export`.  `layout` names its
files.
"""

from vseg.results.fingerprint import fingerprint
from vseg.results.layout import RunState, run_state
from vseg.results.mask_rows import MaskRow
from vseg.results.masks import unpack_row
from vseg.results.records import Damage, Progress, RunHeader, SourceFingerprint, StoredObject
from vseg.results.run import Run
from vseg.results.verify import verify_run
from vseg.results.writer import ResumedRun, RunWriter
from vseg.types import Prompt

__all__ = [
    "Damage",
    "MaskRow",
    "Progress",
    "Prompt",
    "ResumedRun",
    "Run",
    "RunHeader",
    "RunState",
    "RunWriter",
    "SourceFingerprint",
    "StoredObject",
    "fingerprint",
    "run_state",
    "unpack_row",
    "verify_run",
]
