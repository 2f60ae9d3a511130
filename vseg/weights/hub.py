"""Published models: where they live on the hub, and where on this machine.

Enters: a Published, which a catalogue names.  Leaves: the folder with its files, which is
fetched by `pull` alone, so that no run waits for an unexpected download.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vseg.errors import WeightsMissing

Kind = Literal["segmenter", "grounder", "image-text"]

_WEIGHTS = ("config.json", "*.safetensors", "model.safetensors.index.json")
# How a model reads images and words: settings, vocabularies, merges, sentence pieces.
_READS_WORDS = ("*.json", "*.txt", "*.model")
_OPTION = {"segmenter": "--model", "grounder": "--grounder", "image-text": "--image-text"}


@dataclass(frozen=True, slots=True)
class Published:
    """One published model.  mib: of its weights; licence: of the same.

    kind: what it does: segments prompted objects, detects what a text names, or compares texts
    and images.  has_classes: of a grounder that detects a fixed list of classes, and reads no
    words.
    """

    name: str
    repository: str
    mib: int
    licence: str
    kind: Kind = "segmenter"
    has_classes: bool = False

    @property
    def reads_words(self) -> bool:
        """Whether it comes with a vocabulary."""
        return self.kind != "segmenter" and not self.has_classes

    @property
    def pull(self) -> str:
        """What to type to fetch it."""
        return f"vseg models pull {self.name}"

    @property
    def option(self) -> str:
        """The option that takes its name, or a folder that holds it."""
        return _OPTION[self.kind]

    @property
    def files(self) -> list[str]:
        """Patterns of the files that are fetched."""
        return [*_WEIGHTS, *(_READS_WORDS if self.kind != "segmenter" else ())]


def folder_of(published: Published) -> Path:
    """The folder of a published model on this machine.

    Raises WeightsMissing naming the repository, the files, their size and the command that
    fetches them.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        found = snapshot_download(
            published.repository, allow_patterns=published.files, local_files_only=True
        )
    except (LocalEntryNotFoundError, OSError) as error:
        raise _missing(published) from error
    folder = Path(found)
    # Two models may share a repository: one may have been fetched without the other's
    # vocabulary.
    wanted = ["config.json", "*.safetensors"]
    wanted += ["tokenizer*.json"] if published.reads_words else []
    if not all(any(folder.glob(pattern)) for pattern in wanted):
        raise _missing(published)
    return folder


def pull(published: Published) -> Path:
    """Fetch a published model from the hub; the folder it is in.  Raises WeightsMissing."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(published.repository, allow_patterns=published.files))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise WeightsMissing(
            f"huggingface.co/{published.repository} cannot be fetched: {error}",
            hint=f"fetch it elsewhere ({published.mib} MiB) and give its folder as "
            f"{published.option}",
        ) from error


def _missing(published: Published) -> WeightsMissing:
    words = ", vocabulary" if published.reads_words else ""
    return WeightsMissing(
        f"no weights of {published.name} on this machine: config.json{words} and "
        f"model.safetensors, {published.mib} MiB, of huggingface.co/{published.repository}",
        hint=f"type `{published.pull}`, or give a folder that holds them as "
        f"{published.option}",
    )
