"""`vseg models`: which models there are, fetching, converting and checking them."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from vseg.cli import options
from vseg.cli.answers import show_json, show_pairs
from vseg.cli.command import Command
from vseg.cli.recommend_command import recommend, with_phrase


class _Listing(TyperGroup):
    """A group that lists where no command is named, and recommends with `--recommend`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, with the command that was left out."""
        if "--recommend" in args:
            args = ["recommend", *(word for word in args if word != "--recommend")]
        if args[:1] == ["recommend"]:
            args = with_phrase(args)
        return super().parse_args(
            ctx, args if args and args != ["--json"] else ["list", *args]
        )


app = typer.Typer(cls=_Listing, help="List, recommend, fetch, convert and check models.")
app.command(cls=Command)(recommend)
Name = Annotated[str, typer.Argument(metavar="MODEL", help="A name of `vseg models list`.")]
NameOrFolder = Annotated[
    str, typer.Argument(metavar="MODEL", help="A name of `vseg models list`, or a folder.")
]


@app.command("list", cls=Command)
def listed(as_json: options.Json = False) -> None:
    """List the models by kind: where they are, size, weight hash, licence, published figures,
    and the model card of nano.
    """
    from vseg.build import nano_card
    from vseg.weights.cards import published_facts

    facts = {"nano": nano_card().facts()} | published_facts()
    if as_json:
        show_json(facts)
        return
    for name, pairs in facts.items():
        print(name)
        show_pairs({f"  {key}": value for key, value in pairs.items()})


@app.command(cls=Command)
def pull(model: Name) -> None:
    """Fetch a published model into the Hugging Face cache, and check it."""
    from vseg.weights.folders import fetch

    print(fetch(model))
    _check(model)


@app.command(cls=Command)
def path(model: Name) -> None:
    """Print where a model's files are."""
    from vseg.build import model_path

    print(model_path(model))


@app.command(cls=Command)
def verify(
    model: NameOrFolder,
    sha256: Annotated[
        str | None,
        typer.Option(help="The expected hash of the weights, as in the header of a run."),
    ] = None,
) -> None:
    """Check that every tensor of a model is there and undamaged, and print the hash of its
    files.
    """
    _check(model, sha256)


@app.command(cls=Command)
def convert(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.pt", help="A checkpoint as github.com/facebookresearch publishes it."
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT_DIR", help="A new folder.")],
    architecture: Annotated[
        str | None,
        typer.Option(
            "--as", help="sam2.1-tiny, edgetam, ...: by default recognised by tensor shapes."
        ),
    ] = None,
) -> None:
    """Make a model folder of an official checkpoint of SAM 2, SAM 2.1 or EdgeTAM, and check
    it.
    """
    from vseg.models.sam2.convert.convert import convert as converted

    show_pairs({"architecture": converted(checkpoint, out, architecture).name})
    _check(str(out))


def _check(model: str, sha256: str | None = None) -> None:
    from vseg.build import loaded_sha256, model_path
    from vseg.errors import WeightsMismatch
    from vseg.weights.weight_files import check_downloads

    place = Path(model) if Path(model).is_dir() else model_path(model)
    if place.is_dir():
        check_downloads(place)
    loaded = loaded_sha256(model)
    if sha256 is not None and loaded != sha256.lower():
        raise WeightsMismatch(
            f"the weights of {model} are not those: their sha256 is {loaded}",
            hint="fetch or convert them again, or give the hash of these",
        )
    show_pairs({"model": model, "sha256": loaded, "tensors": "all in place"})
