"""The reference of the command line, written from the application itself."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import typer

_VALUES = {int: "N", float: "X", Path: "PATH", str: "TEXT"}
"""What stands for a value whose option does not say."""


def command_reference(app: typer.Typer) -> str:
    """Markdown: a section for each command, with its description, usage and options."""
    group: Any = typer.main.get_command(app)
    group.load_all()
    return "\n\n".join(_sections(group, "vseg"))


def _sections(group: Any, path: str) -> Iterator[str]:
    """The sections of a group's commands, sub-groups last."""
    commands = group.commands.items()
    for name, command in sorted(commands, key=lambda item: hasattr(item[1], "commands")):
        if hasattr(command, "commands"):
            yield from _group_sections(command, f"{path} {name}")
        else:
            yield _section(command, f"{path} {name}")


def _group_sections(group: Any, path: str) -> Iterator[str]:
    """The section of a group that can be called itself, then those of its commands."""
    if group.invoke_without_command:
        yield _section(group, path)
    yield from _sections(group, path)


def _section(command: Any, path: str) -> str:
    types = get_type_hints(command.callback)
    shown = [param for param in command.params if not getattr(param, "hidden", False)]
    arguments = [param for param in shown if param.param_type_name == "argument"]
    options = [param for param in shown if param.param_type_name == "option"]
    required = [
        f"{param.opts[-1]} {_value(param, types)}" for param in options if param.required
    ]
    words = [path, *(_value(param, types) for param in arguments), *required]
    optional = "[OPTIONS]" if len(options) > len(required) else ""
    usage = " ".join(word for word in [*words, optional] if word)
    parts = [f"## {path}", _prose(command.help or ""), f"```text\n{usage}\n```"]
    if shown:
        parts.append(_table([*arguments, *options], types))
    return "\n\n".join(part for part in parts if part)


def _table(params: list[Any], types: dict[str, Any]) -> str:
    rows = [f"| {_names(param, types)} | {_meaning(param)} |" for param in params]
    return "\n".join(["| option | meaning |", "|---|---|", *rows])


def _names(param: Any, types: dict[str, Any]) -> str:
    """Every way to write a parameter, with the form of its value."""
    if param.param_type_name == "argument":
        return f"`{_value(param, types)}`"
    ways = sorted(param.opts, key=len, reverse=True)
    names = ", ".join([*ways, *param.secondary_opts])
    return f"`{names}`" if param.is_flag else f"`{names} {_value(param, types)}`"


def _value(param: Any, types: dict[str, Any]) -> str:
    """The form of a value: what the command says it is, or its type."""
    if param.metavar:
        return str(param.metavar)
    if param.param_type_name == "argument":
        return str(param.name).upper()
    kinds = {kind for kind in _VALUES if kind in _members(types.get(param.name))}
    return _VALUES[kinds.pop()] if kinds else "VALUE"


def _members(annotation: Any) -> set[Any]:
    """The types that an annotation is made of."""
    inner = get_args(annotation)
    return {annotation, *(member for part in inner for member in _members(part))}


def _meaning(param: Any) -> str:
    """What a parameter is for, whether it may be repeated, and its default."""
    text = str(getattr(param, "help", None) or "")
    notes = []
    if param.required:
        notes.append("Required.")
    if getattr(param, "multiple", False):
        notes.append("May be given more than once.")
    default = param.default
    if getattr(param, "secondary_opts", None) and isinstance(default, bool):
        default = (param.opts if default else param.secondary_opts)[0]
    if not isinstance(default, bool) and default not in (None, (), [], ""):
        notes.append(f"Default: `{default}`.")
    # A bar would end the cell.
    return " ".join([text, *notes]).replace("|", "\\|")


def _prose(text: str) -> str:
    """A docstring as paragraphs; the form feed of click ends what is shown."""
    shown = inspect.cleandoc(text.split("\f")[0])
    return re.sub(r"(?<!\n)\n(?!\n)", " ", shown)
