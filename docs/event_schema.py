"""The schema of scene events, from their classes: `python -m docs.event_schema` writes it
anew.
"""

import json
from pathlib import Path

from vseg.events.scene_event import event_schema

SCHEMA = Path(__file__).with_name("event.schema.json")


def schema_text() -> str:
    """The schema as it is now."""
    return json.dumps(event_schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(schema_text(), "utf-8")
    print(SCHEMA)
