"""`vseg serve`: clips, sessions, runs and jobs over HTTP; `vseg keys`: who may use it."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from vseg.cli import options
from vseg.cli.answers import show_json
from vseg.errors import UsageError


def serve(
    root: Annotated[
        Path, typer.Option("--root", help="The folder with clips and runs to serve.")
    ],
    host: Annotated[
        str | None, typer.Option("--host", help="The address to listen on; 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", help="The port; 8707, or 0 for any.")
    ] = None,
    keys: Annotated[
        Path | None, typer.Option("--keys", help="A file of keys, made by vseg keys add.")
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", help="A further name by which browsers reach it."),
    ] = None,
    plug: Annotated[
        list[str] | None,
        typer.Option("--plug", help="A tool to serve too: x-anylabeling, label-studio."),
    ] = None,
    state: Annotated[
        Path | None, typer.Option("--state", help="Where sessions and jobs are kept.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="What tracks; nano.")] = None,
    grounder: options.ServiceGrounder = None,
    device: Annotated[str | None, typer.Option("--device", help="cpu, cuda, cuda:1.")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings and limits: a TOML file.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Serve the clips of a folder over HTTP: sessions, tracking jobs, runs and the page."""
    from vseg.server.extra import check_server_extra

    check_server_extra()
    from vseg.checked_settings import checked, load_toml, without_none
    from vseg.server.settings import ServerSettings
    from vseg.server.storage.served_folder import check_root

    given = {
        "root": root,
        "state": state,
        "host": host,
        "port": port,
        "hosts": tuple(allow_host) if allow_host else None,
        "plugs": tuple(plug) if plug else None,
        "model": model,
        "grounder": grounder,
        "device": device,
    }
    settings = (
        load_toml(config, ServerSettings, **given)
        if config is not None
        else checked(ServerSettings, without_none(given))
    )
    check_root(settings.root)
    # Only now, since they load torch, which takes seconds.
    from vseg.server.app import create_app
    from vseg.server.listening import serve as listen
    from vseg.server.security.access import is_loopback
    from vseg.server.security.keys import LOCAL, KeyRing, key_of, new_token

    if keys is None and not is_loopback(settings.host):
        raise UsageError(
            f"{settings.host} can be reached from other machines, and no keys were given",
            hint="vseg keys add keys.json --name me, then --keys keys.json",
        )
    token = new_token()
    local = (key_of(token, "local", "admin", key_id=LOCAL),) if keys is None else ()
    app = create_app(settings, KeyRing(local, keys))

    def started(address: str) -> None:
        """Say where it is, and the key."""
        facts = {"address": address, "root": settings.root, "key": token if local else None}
        if as_json:
            show_json(facts)
        else:
            print(f"serving {settings.root} at {address}")
            print(f"page  {address}/#token={token}" if local else f"keys  {keys}")
            print(f"key   {token}" if local else "", end="\n" if local else "")
        sys.stdout.flush()

    listen(app, settings, started)
