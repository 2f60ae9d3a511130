"""Settings from plain values or a TOML file, checked: what is wrong is named with its place.

Enters: a TOML file or a mapping, and what the command line overrides.  Leaves: frozen settings
whose every key is known and in range.
"""

import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.fields import FieldInfo

from vseg.errors import BadConfig

SomeSettings = TypeVar("SomeSettings", bound=BaseModel)


class Settings(BaseModel):
    """Base of all settings: frozen; an unknown key or a value out of range is BadConfig, and
    nan is out of every range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="wrap")
    @classmethod
    def _typed(
        cls: type[SomeSettings],
        values: Any,
        validate: Callable[[Any], SomeSettings],
        place: Any,
    ) -> SomeSettings:
        """Settings made in Python fail with a vseg error, as those read from a file do."""
        try:
            return validate(values)
        except ValidationError as error:
            if place.context is not None:  # `checked` knows which file this is about
                raise
            raise _first_problem(cls, error, cls.__name__) from error


def load_toml(path: Path, kind: type[SomeSettings], **overrides: Any) -> SomeSettings:
    """The settings in a TOML file, with the overrides that are not None put over them, tables
    key by key.

    Raises BadConfig naming the file, the key and the known keys.
    """
    try:
        # Editors of Windows begin a file with a byte order mark.
        values = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise BadConfig(
            f"cannot read config {path}: {error.strerror}", hint="give an existing TOML file"
        ) from error
    except (ValueError, RecursionError) as error:  # of bytes, of TOML, of long numbers
        raise BadConfig(
            f"{path} is not a TOML file: {error}", hint="write lines such as short_side = 320"
        ) from error
    for key, value in without_none(overrides).items():
        # A table keeps the keys that are not overridden.
        table = values.get(key)
        values[key] = table | value if isinstance(table, dict) else value
    return checked(kind, values, where=str(path))


def checked(
    kind: type[SomeSettings], values: Mapping[str, Any], *, where: str = "options"
) -> SomeSettings:
    """Settings of `kind` from plain values.  Raises BadConfig naming `where` they came
    from.
    """
    try:
        return kind.model_validate(dict(values), context=where)
    except ValidationError as error:
        raise _first_problem(kind, error, where) from error


def without_none(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that are not None, which stands for an option that was left out."""
    return {key: value for key, value in overrides.items() if value is not None}


def _first_problem(kind: type[BaseModel], error: ValidationError, where: str) -> BadConfig:
    """The error for the first problem; an unknown key explains the most."""
    # False sorts first: unknown keys before values out of range.
    problems = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    problem = problems[0]
    key = ".".join(str(part) for part in problem["loc"])
    known = (
        f"known keys: {', '.join(sorted(_table_at(kind, problem['loc'][:-1]).model_fields))}"
    )
    if problem["type"] == "extra_forbidden":
        return BadConfig(f"{where}: unknown key '{key}'", hint=known)
    if problem["type"] == "missing":
        return BadConfig(f"{where}: key '{key}' is missing", hint=known)
    if problem["type"] == "string_pattern_mismatch":
        field = _table_at(kind, problem["loc"][:-1]).model_fields[str(problem["loc"][-1])]
        return BadConfig(
            f"{where}: {key} = {problem['input']!r} is not {field.description}",
            hint=f"for example {', '.join(field.examples or ())}",
        )
    reason = problem["msg"].replace("Input should be", "must be")
    hint = f"change {key}"
    if problem["type"] == "multiple_of":
        field = _table_at(kind, problem["loc"][:-1]).model_fields[str(problem["loc"][-1])]
        hint = f"the nearest values: {_nearest(field, problem['input'])}"
    return BadConfig(f"{where}: {key} = {problem['input']!r}: {reason}", hint=hint)


def _nearest(field: FieldInfo, value: Any) -> str:
    """The multiples below and above a number, or the one that the field's bounds leave."""
    bounds = {k: v for one in field.metadata for k, v in asdict(one).items()}
    step = bounds["multiple_of"]
    least = bounds.get("ge", -math.inf)
    most = bounds.get("le", math.inf)
    below = math.floor(float(value) / step) * step
    near = {min(max(one, least), most) for one in (below, below + step)}
    return ", ".join(f"{one:g}" for one in sorted(near))


def _table_at(kind: type[BaseModel], table: tuple[int | str, ...]) -> type[BaseModel]:
    """The settings of a (nested) table, or of the tables of a list."""
    for name in table:
        # A number is a place in a list: its tables are of the kind found already.
        if isinstance(name, str):
            annotation = kind.model_fields[name].annotation
            kinds = (annotation, *get_args(annotation))
            tables = [k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)]
            if not tables:  # the problem is within a value, such as a point
                return kind
            kind = tables[0]
    return kind
