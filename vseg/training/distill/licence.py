"""The licence of a teacher, from what lies beside its weights.

Enters: the folder of a model.  Leaves: one line.  A model card's header is believed first;
without one, the licence that models of the same kind are published under.
"""

import json
from collections.abc import Mapping
from pathlib import Path

PUBLISHED: Mapping[str, str] = {
    **dict.fromkeys(("dinov3_vit", "dinov3_convnext"), "DINOv3 License"),
    **dict.fromkeys(("dinov2", "dinov2_with_registers"), "Apache-2.0"),
    **dict.fromkeys(("sam2", "sam2_video", "sam2_vision_model"), "Apache-2.0"),
    **dict.fromkeys(("edgetam", "edgetam_video"), "Apache-2.0"),
    **dict.fromkeys(
        ("sam3", "sam3_video", "sam3_tracker", "sam3_tracker_video"), "SAM License"
    ),
}
"""By model_type, as the model cards of facebook and yonigozlan on huggingface.co say."""
UNKNOWN = "not stated; ask where the file comes from"
_CARD = "README.md"


def licence_in(folder: Path) -> str:
    """The licence of the model in a folder, and what says so."""
    header = _header(folder / _CARD)
    # "other" is what the hub calls a licence of its own, which then has a name.
    stated = header.get("license_name") or header.get("license")
    if stated:
        return f"{stated} ({_CARD})"
    files = sorted(path.name for path in folder.glob("LICENSE*"))
    if files:
        return f"see {files[0]}"
    kind = _kind(folder)
    if kind in PUBLISHED:
        return f"{PUBLISHED[kind]}, as models of the kind {kind} are published"
    return UNKNOWN


def _header(card: Path) -> dict[str, str]:
    """The plain entries at the top of a model card, between two lines of dashes."""
    try:
        lines = card.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    if not lines or lines[0].strip() != "---":
        return {}
    entries: dict[str, str] = {}
    for line in lines[1:]:
        if line.strip() == "---":
            return entries
        name, _, value = line.partition(":")
        entries.setdefault(name, value.strip().strip("'\""))
    return {}


def _kind(folder: Path) -> str:
    """The model_type that config.json names; of a file that cannot be read, none."""
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return ""
    return str(config.get("model_type", "")) if isinstance(config, dict) else ""
