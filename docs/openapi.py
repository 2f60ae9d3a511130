"""The schema of the service, from the service itself: `python -m docs.openapi` writes it anew.

Leaves: docs/openapi.json, which clients in other languages are generated from.
"""

import json
import tempfile
from pathlib import Path

from vseg.server.app import create_app
from vseg.server.security.keys import KeyRing
from vseg.server.settings import ServerSettings

SCHEMA = Path(__file__).with_name("openapi.json")


def schema_text() -> str:
    """The schema as it is now."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(ServerSettings(root=Path(folder)), KeyRing())
        text = json.dumps(app.openapi(), indent=1, ensure_ascii=False) + "\n"
        app.state.service.close()
    return text


if __name__ == "__main__":
    SCHEMA.write_text(schema_text(), "utf-8")
    print(SCHEMA)
