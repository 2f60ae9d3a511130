"""What is known of a model without loading it: the card of a shipped one, the entry of a
published one.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from vseg.errors import WeightsMismatch, WeightsMissing
from vseg.weights.catalogue import CATALOGUE
from vseg.weights.figures import FIGURES
from vseg.weights.hub import folder_of


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A weights file, and what its header says of it (notes).

    licence: of the weights.  page: the model card, Markdown: data and their terms, recipe,
    figures.
    """

    name: str
    weights: Path
    size_bytes: int
    sha256: str
    notes: Mapping[str, str]
    licence: str
    page: Path

    def facts(self) -> dict[str, str]:
        """One printable line per subject."""
        size = f"{self.size_bytes / 2**20:.1f} MiB"
        facts = {"kind": "segmenter", "weights": str(self.weights), "size": size}
        facts |= {"sha256": self.sha256, **self.notes, "licence": self.licence}
        return {**facts, "card": str(self.page)}


def read_card(name: str, weights: Path, licence: str, page: Path) -> ModelCard:
    """The card of a weights file that is shipped.  Raises WeightsMissing, WeightsMismatch."""
    try:
        with safe_open(weights, framework="numpy") as file:
            notes = file.metadata() or {}
        payload = weights.read_bytes()
    except OSError as error:
        raise WeightsMissing(f"no weights at {weights}", hint="reinstall vseg") from error
    except SafetensorError as error:
        raise WeightsMismatch(
            f"{weights} is damaged: {error}", hint="reinstall vseg"
        ) from error
    digest = hashlib.sha256(payload).hexdigest()
    return ModelCard(name, weights, len(payload), digest, notes, licence, page)


def published_facts() -> dict[str, dict[str, str]]:
    """One printable line per subject of every published model: where it is, or how to fetch
    it.
    """
    facts = {}
    for name, published in CATALOGUE.items():
        try:
            where = str(folder_of(published))
        except WeightsMissing:
            where = f"not on this machine; {published.pull}"
        facts[name] = {
            "kind": published.kind,
            "weights": where,
            "size": f"{published.mib} MiB",
            "repository": f"huggingface.co/{published.repository}",
            "licence": published.licence,
        }
        if published.kind == "grounder":
            facts[name]["detects"] = "its classes" if published.has_classes else "any words"
        if name in FIGURES:
            facts[name]["published"] = str(FIGURES[name])
    return facts
