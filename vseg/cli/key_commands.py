"""`vseg keys`: who may use the service, and for what."""

import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from vseg.cli import options
from vseg.cli.answers import show_json
from vseg.cli.command import Command
from vseg.errors import UsageError
from vseg.io.files import is_utf8
from vseg.server.extra import check_server_extra

app = typer.Typer(no_args_is_help=True, help="Make, list and remove keys of the service.")
File = Annotated[Path, typer.Argument(metavar="FILE", help="The file of keys.")]
_DAY_S = 24 * 3600
_MOST_DAYS = 36_500
"""A century: what lasts longer is meant never to end."""


@app.command("add", cls=Command)
def add(
    path: File,
    name: Annotated[str, typer.Option("--name", help="Who has it.")],
    scope: Annotated[
        Literal["read", "write", "admin"],
        typer.Option("--scope", help="write includes read; admin sees what others made."),
    ] = "write",
    days: Annotated[
        float | None,
        typer.Option("--days", min=0, help="Until it ends; never if left out."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Make a key.  It is printed once; the file holds its hash."""
    check_server_extra()
    from vseg.server.security.keys import key_of, new_key_id, new_token, read_keys, write_keys

    # The comparison holds for no nan, which would be stored as an end that never comes.
    if days is not None and not days <= _MOST_DAYS:
        raise UsageError(f"--days {days:g}: at most {_MOST_DAYS}", hint="--days 90")
    if not name.isprintable() or not is_utf8(name):
        raise UsageError(f"--name {name!a}: not one line of text", hint="--name lab")
    token = new_token()
    expires = None if days is None else time.time() + days * _DAY_S
    key = key_of(token, name, scope, key_id=new_key_id(), expires=expires)
    write_keys(path, (*(read_keys(path) if path.exists() else ()), key))
    if as_json:
        show_json({"id": key.id, "key": token, "file": path})
    else:
        print(token)


@app.command("list", cls=Command)
def listed(path: File, as_json: options.Json = False) -> None:
    """List the keys: id, scope, name, end."""
    check_server_extra()
    from vseg.server.security.keys import read_keys

    keys = read_keys(path)
    if as_json:
        show_json({"keys": [key.model_dump(exclude={"sha256"}) for key in keys]})
        return
    for key in keys:
        print(f"{key.id}  {key.scope:<5}  {key.name}  {_end(key.expires)}")


@app.command("remove", cls=Command)
def remove(
    path: File,
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `vseg keys list` says.")],
) -> None:
    """Remove a key; a running service refuses it from then on."""
    check_server_extra()
    from vseg.server.security.keys import read_keys, write_keys

    keys = read_keys(path)
    left = tuple(key for key in keys if key.id != key_id)
    if len(left) == len(keys):
        raise UsageError(f"{path} has no key {key_id}", hint=f"vseg keys list {path}")
    write_keys(path, left)


def _end(expires: float | None) -> str:
    if expires is None:
        return "does not expire"
    day = time.strftime("%Y-%m-%d %H:%M", time.localtime(expires))
    return f"{'expired' if expires <= time.time() else 'until'} {day}"
