"""A folder -> the Grounder that is saved in it, by the kind its configuration names; and what
kind of words it takes.
"""

from pathlib import Path

from vseg.errors import WeightsMismatch
from vseg.grounding.class_detector import CLASSES as CLASSED
from vseg.grounding.class_detector import read_classes
from vseg.grounding.dino import CLASSES as DINO
from vseg.grounding.dino import read_dino
from vseg.grounding.omdet import CLASSES as OMDET
from vseg.grounding.omdet import read_omdet
from vseg.grounding.open_vocabulary import OpenVocabulary
from vseg.grounding.owl import CLASSES as OWL
from vseg.grounding.owl import read_owl
from vseg.grounding.pretrained import Placement, model_type
from vseg.grounding.sam3_text import CLASSES as SAM3
from vseg.grounding.sam3_text import read_sam3
from vseg.interfaces.grounder import Grounder
from vseg.weights.catalogue import GROUNDERS
from vseg.weights.folders import grounder_folder

FAMILIES = (*DINO, *OWL, *OMDET, *SAM3, *CLASSED)
"""The model_types that ground text: any words, or the names of classes."""


def open_folder(folder: Path, name: str, place: Placement) -> Grounder:
    """The grounder in a folder, called `name`.  Raises as `read_pretrained` and
    `read_tokenizer`.
    """
    kind = _kind(folder)
    if kind in DINO:
        dino, sha256 = read_dino(folder, name, place)
        return OpenVocabulary(name, sha256, dino)
    if kind in OWL:
        owl, sha256 = read_owl(folder, name, place)
        return OpenVocabulary(name, sha256, owl)
    if kind in OMDET:
        omdet, sha256 = read_omdet(folder, name, place)
        return OpenVocabulary(name, sha256, omdet)
    if kind in CLASSED:
        return read_classes(folder, name, place)
    sam3, sha256 = read_sam3(folder, name, place)
    return OpenVocabulary(name, sha256, sam3)


def check_folder(folder: Path) -> None:
    """Raise WeightsMismatch or WeightsMissing unless a grounder is in the folder; no weights
    are read.
    """
    _kind(folder)


def has_classes(name: str) -> bool:
    """Whether the grounder called `name`, or saved in that folder, detects fixed classes; no
    weights are read.  Raises ModelError, and as `model_type` for a folder.
    """
    if name in GROUNDERS:
        return GROUNDERS[name].has_classes
    return model_type(grounder_folder(name)) in CLASSED


def _kind(folder: Path) -> str:
    """The model_type of a grounder.  Raises WeightsMissing, and WeightsMismatch for others."""
    kind = model_type(folder)
    if kind not in FAMILIES:
        raise WeightsMismatch(
            f"{folder} holds a '{kind}' model, which grounds no text",
            hint=f"give a folder with one of {', '.join(FAMILIES)}, or a name of `vseg "
            "models list`",
        )
    return kind
