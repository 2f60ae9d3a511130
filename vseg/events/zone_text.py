"""Zones as the text of a zones.toml.

Enters: a `ZoneFile`.  Leaves: text that reads as the same `ZoneFile`; what has its default is
left out.
"""

import json
from collections.abc import Iterable, Mapping

from vseg.events.zone_file import ZoneFile

_DELETE = "\x7f"
"""The one character that JSON writes as it is and TOML does not allow."""


def zone_text(file: ZoneFile) -> str:
    """The file as TOML."""
    values = file.model_dump(exclude_defaults=True)
    plain = {k: v for k, v in values.items() if k not in ("ground", "zone", "line", "near")}
    parts = ["\n".join(_rows(plain))] if plain else []
    if "ground" in values:
        parts.append("\n".join(["[ground]", *_rows(values["ground"])]))
    for kind in ("zone", "line", "near"):
        for one in values.get(kind, ()):
            parts.append("\n".join([f"[[{kind}]]", *_rows(one)]))
    return "\n\n".join(parts) + "\n"


def _rows(table: Mapping[str, object]) -> Iterable[str]:
    return (f"{key} = {_value(value)}" for key, value in table.items())


def _value(value: object) -> str:
    """A text, a number, or a list of these."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace(_DELETE, "\\u007f")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return repr(value)
