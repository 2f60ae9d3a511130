"""The `vseg` application.  The help lists its commands; the one that is called is loaded."""

from pkgutil import resolve_name
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from vseg import __version__
from vseg.cli.command import Command, interrupted
from vseg.cli.command_table import COMMANDS, CommandEntry

_WIDTH = 100
"""Columns of the help in a terminal that has as many."""


class CommandGroup(TyperGroup):
    """The commands of `COMMANDS`, each with its summary alone until it is called: to load them
    all takes longer than all else that the help needs.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._entries = {
            entry.name: (entry, panel)
            for panel, entries in COMMANDS.items()
            for entry in entries
        }
        for name, (entry, panel) in self._entries.items():
            self.commands[name] = TyperCommand(name, help=entry.summary, rich_help_panel=panel)

    # The context's class moved between typer releases, so it has no name here that holds for
    # all.
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The name of the command that is called, the command, and the words that are left."""
        name, command, rest = super().resolve_command(ctx, args)
        try:
            return name, self.load(name) if name else command, rest
        except KeyboardInterrupt as stop:
            raise interrupted() from stop

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of all commands, by panel."""
        longest = max(map(len, self._entries))
        for panel, entries in COMMANDS.items():
            with formatter.section(panel):
                formatter.write_dl([(e.name.ljust(longest), e.summary) for e in entries])

    def load(self, name: str) -> Any:
        """The command itself, which `commands` holds from then on."""
        self.commands[name] = _loaded(*self._entries[name])
        return self.commands[name]

    def load_all(self) -> None:
        """Load every command, for who looks through them."""
        for name in self._entries:
            self.load(name)


def _loaded(entry: CommandEntry, panel: str) -> Any:
    """A command with its options, as a group of one would hold it."""
    command = resolve_name(f"vseg.cli.{entry.place}")
    group = typer.Typer()
    if isinstance(command, typer.Typer):
        group.add_typer(command, name=entry.name, rich_help_panel=panel)
    else:
        words = ("Examples:", *entry.examples) if entry.examples else ()
        group.command(
            entry.name,
            cls=Command,
            epilog="\n\n".join(words) or None,
            rich_help_panel=panel,
        )(command)
    return typer.main.get_group(group).commands[entry.name]


app = typer.Typer(
    name="vseg",
    cls=CommandGroup,
    help="Promptable video object segmentation and tracking.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Boxes are for the help of a command: rich, which draws them, takes as long to load as all
    # else that the list of commands needs.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": _WIDTH},
)


def _print_version(asked: bool | None) -> None:
    if asked:
        print(f"vseg {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool | None,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = None,
) -> None:
    pass
