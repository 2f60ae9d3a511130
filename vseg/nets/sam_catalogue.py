"""The published models of the SAM 2 family by vseg's names: where they live, how large they are.

Enters: a name or a folder.  Leaves: a folder with the model's files, which is never fetched unless asked
(`pull`), so that no run waits for a download that nobody expected.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from vseg.errors import ModelError, WeightsMissing

FILES = ("config.json", "*.safetensors", "model.safetensors.index.json")


@dataclass(frozen=True, slots=True)
class Published:
    """One published model.  mib: of its weights; licence: of the same."""

    name: str
    repository: str
    mib: int
    licence: str

    @property
    def pull(self) -> str:
        """What to type to fetch it."""
        return f"vseg models pull {self.name}"


PUBLISHED: Mapping[str, Published] = MappingProxyType(
    {
        each.name: each
        for each in (
            Published("edgetam", "yonigozlan/EdgeTAM-hf", 54, "Apache-2.0"),
            Published("sam2.1-tiny", "facebook/sam2.1-hiera-tiny", 149, "Apache-2.0"),
            Published("sam2.1-small", "facebook/sam2.1-hiera-small", 176, "Apache-2.0"),
            Published("sam2.1-base-plus", "facebook/sam2.1-hiera-base-plus", 309, "Apache-2.0"),
            Published("sam2.1-large", "facebook/sam2.1-hiera-large", 857, "Apache-2.0"),
            Published("sam3-tracker", "facebook/sam3", 3300, "SAM License, access on request"),
        )
    }
)


def folder_of(name: str) -> Path:
    """The folder of a published model on this machine.

    Raises WeightsMissing naming the repository, the files, their size and the command that fetches them.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    published = PUBLISHED[name]
    try:
        found = snapshot_download(
            published.repository, allow_patterns=list(FILES), local_files_only=True
        )
    except (LocalEntryNotFoundError, OSError) as error:
        raise _missing(published) from error
    folder = Path(found)
    if not (folder / "config.json").is_file() or not list(folder.glob("*.safetensors")):
        raise _missing(published)
    return folder


def pull(name: str) -> Path:
    """Fetch a published model from the hub; the folder it is in.  Raises ModelError, WeightsMissing."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    if name not in PUBLISHED:
        raise ModelError(f"'{name}' is not published", hint=f"known: {', '.join(PUBLISHED)}")
    published = PUBLISHED[name]
    try:
        return Path(snapshot_download(published.repository, allow_patterns=list(FILES)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise WeightsMissing(
            f"huggingface.co/{published.repository} cannot be fetched: {error}",
            hint=f"fetch it elsewhere ({published.mib} MiB) and give its folder as --model",
        ) from error


def _missing(published: Published) -> WeightsMissing:
    return WeightsMissing(
        f"no weights of {published.name} on this machine: config.json and model.safetensors, "
        f"{published.mib} MiB, of huggingface.co/{published.repository}",
        hint=f"type `{published.pull}`, or give a folder that holds them as --model",
    )
