"""The messages of the annotator's socket as TypeScript declarations, for the page's checks.

`python -m tests.wire_types` writes vseg/server/pages/wire.d.ts anew; a test compares it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from vseg.server.annotator.desk_events import AnyEvent
from vseg.server.annotator.messages import AnyAnswer
from vseg.server.annotator.requests import AnyRequest

DECLARATIONS = Path(__file__).parents[1] / "vseg" / "server" / "pages" / "wire.d.ts"
_PLAIN = {
    "integer": "number",
    "number": "number",
    "string": "string",
    "boolean": "boolean",
    "null": "null",
}


def declarations() -> str:
    """All messages, and what they hold, by name."""
    unions = {"AnyRequest": AnyRequest, "AnyAnswer": AnyAnswer, "AnyEvent": AnyEvent}
    models: list[type[BaseModel]] = [m for union in unions.values() for m in get_args(union)]
    _, schema = models_json_schema([(model, "validation") for model in models])
    parts = [
        "// Made by `python -m tests.wire_types` from vseg/server/annotator: do not edit."
    ]
    parts += [_interface(name, one) for name, one in schema["$defs"].items()]
    for name, union in unions.items():
        parts += [_union(name, [model.__name__ for model in get_args(union)])]
    return "\n\n".join(parts) + "\n"


def _interface(name: str, schema: Mapping[str, Any]) -> str:
    required = schema.get("required", [])
    remark = " ".join(schema.get("description", "").split())
    lines = [f"/** {remark} */"] if remark else []
    lines += [f"export interface {name} {{"]
    for key, value in schema["properties"].items():
        # What is sent has every key; only a request may leave keys out.
        sent = "re" in schema["properties"] or "seq" in schema["properties"]
        mark = "" if key in required or sent else "?"
        lines += [f"  {key}{mark}: {_type(value)};"]
    return "\n".join([*lines, "}"])


def _union(name: str, members: list[str]) -> str:
    return f"export type {name} =\n  | " + "\n  | ".join(members) + ";"


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    literals = [schema["const"]] if "const" in schema else schema.get("enum", [])
    options = schema.get("anyOf", schema.get("oneOf", []))
    if literals or options:
        return " | ".join([*map(_literal, literals), *map(_type, options)])
    if "prefixItems" in schema:
        return f"[{', '.join(map(_type, schema['prefixItems']))}]"
    if schema["type"] == "array":
        return f"Array<{_type(schema['items'])}>"
    return _PLAIN[schema["type"]]


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


if __name__ == "__main__":
    DECLARATIONS.write_text(declarations(), "utf-8")
