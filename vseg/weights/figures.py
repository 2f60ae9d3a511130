"""What was published of the quality of each model, and where: what a choice is made by.

Figures are comparable within one measure only.  Those of models that track are J&F on the test
set of SA-V (Ravi et al. 2024); those of detectors of classes are AP on COCO.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

SA_V = "J&F on SA-V test"
MASK_AP = "mask AP on COCO"
BOX_AP = "box AP on COCO"
_SAM2 = "github.com/facebookresearch/sam2"
_RF_DETR = "rfdetr.roboflow.com"


@dataclass(frozen=True, slots=True)
class PublishedFigure:
    """A value in percent, what was measured, and who says so."""

    value: float
    measure: str
    source: str

    def __str__(self) -> str:
        return f"{self.value:g} {self.measure} ({self.source})"


FIGURES: Mapping[str, PublishedFigure] = MappingProxyType(
    {
        name: PublishedFigure(value, measure, source)
        for name, value, measure, source in (
            ("edgetam", 71.7, SA_V, "arXiv 2501.07256"),
            ("sam2.1-tiny", 76.5, SA_V, _SAM2),
            ("sam2.1-small", 76.6, SA_V, _SAM2),
            ("sam2.1-base-plus", 78.2, SA_V, _SAM2),
            ("sam2.1-large", 79.5, SA_V, _SAM2),
            ("sam3-tracker", 84.4, SA_V, "arXiv 2511.16719"),
            ("rf-detr-seg-nano", 40.3, MASK_AP, _RF_DETR),
            ("rf-detr-seg-small", 43.1, MASK_AP, _RF_DETR),
            ("rf-detr-seg-medium", 45.3, MASK_AP, _RF_DETR),
            ("rf-detr-seg-large", 47.1, MASK_AP, _RF_DETR),
            ("d-fine-nano", 42.8, BOX_AP, "github.com/Peterande/D-FINE"),
            ("deimv2-nano", 43.0, BOX_AP, "github.com/Intellindust-AI-Lab/DEIMv2"),
            ("lw-detr-tiny", 42.6, BOX_AP, "github.com/Atten4Vis/LW-DETR"),
        )
    }
)
