"""The published models by vseg's names: where they are, how large they are, under which
licence.

All are stored by the transformers library as safetensors; those that read texts come with
their vocabularies.
"""

from collections.abc import Mapping
from types import MappingProxyType

from vseg.weights.hub import Published

_APACHE = "Apache-2.0"

PUBLISHED: Mapping[str, Published] = MappingProxyType(
    {
        model.name: model
        for model in (
            Published("edgetam", "yonigozlan/EdgeTAM-hf", 54, "Apache-2.0"),
            Published("sam2.1-tiny", "facebook/sam2.1-hiera-tiny", 149, "Apache-2.0"),
            Published("sam2.1-small", "facebook/sam2.1-hiera-small", 176, "Apache-2.0"),
            Published(
                "sam2.1-base-plus", "facebook/sam2.1-hiera-base-plus", 309, "Apache-2.0"
            ),
            Published("sam2.1-large", "facebook/sam2.1-hiera-large", 857, "Apache-2.0"),
            Published("sam3-tracker", "facebook/sam3", 3300, "SAM License, access on request"),
        )
    }
)

_OPEN_VOCABULARIES: Mapping[str, Published] = MappingProxyType(
    {
        name: Published(name, repository, mib, licence, "grounder")
        for name, repository, mib, licence in (
            ("grounding-dino-tiny", "IDEA-Research/grounding-dino-tiny", 657, _APACHE),
            ("grounding-dino-base", "IDEA-Research/grounding-dino-base", 890, _APACHE),
            (
                "mm-grounding-dino-tiny",
                "openmmlab-community/mm_grounding_dino_tiny_o365v1_goldg_v3det",
                660,
                _APACHE,
            ),
            ("owlv2-base", "google/owlv2-base-patch16-ensemble", 591, _APACHE),
            ("owlv2-large", "google/owlv2-large-patch14-ensemble", 1670, _APACHE),
            ("omdet-turbo-tiny", "omlab/omdet-turbo-swin-tiny-hf", 441, _APACHE),
            ("sam3", "facebook/sam3", 3300, "SAM License, access on request"),
            # Its card says Apache-2.0, but all except its text encoder is SAM 3's.
            ("sam3-litetext", "vil-uob/sam3-litetext-s0", 2020, "SAM License"),
        )
    }
)

_CLASSED: Mapping[str, Published] = MappingProxyType(
    {
        name: Published(name, repository, mib, _APACHE, "grounder", has_classes=True)
        for name, repository, mib in (
            ("rf-detr-seg-nano", "Roboflow/rf-detr-seg-nano", 128),
            ("rf-detr-seg-small", "Roboflow/rf-detr-seg-small", 129),
            ("rf-detr-seg-medium", "Roboflow/rf-detr-seg-medium", 136),
            ("rf-detr-seg-large", "Roboflow/rf-detr-seg-large", 138),
            ("d-fine-nano", "ustc-community/dfine-nano-coco", 15),
            # The authors' own repository is not in the library's format.
            ("deimv2-nano", "harshaljanjani/DEIMv2_HGNetv2_N_COCO_Transformers", 14),
            ("lw-detr-tiny", "AnnaZhang/lwdetr_tiny_60e_coco", 46),
        )
    }
)

GROUNDERS: Mapping[str, Published] = MappingProxyType({**_OPEN_VOCABULARIES, **_CLASSED})
"""What detects the objects that a text names: any words, or the names of fixed classes."""

IMAGE_TEXT: Mapping[str, Published] = MappingProxyType(
    {
        name: Published(name, repository, mib, licence, "image-text")
        for name, repository, mib, licence in (
            # Of OpenAI's own ViT-B/32 only pickled weights are published; LAION's is the same
            # network.
            ("clip-vit-b32", "laion/CLIP-ViT-B-32-laion2B-s34B-b79K", 577, "MIT"),
            ("clip-vit-l14", "openai/clip-vit-large-patch14", 1631, "MIT"),
            ("siglip-base", "google/siglip-base-patch16-224", 775, _APACHE),
            ("siglip2-base", "google/siglip2-base-patch16-224", 1431, _APACHE),
        )
    }
)

CATALOGUE: Mapping[str, Published] = MappingProxyType(
    {**PUBLISHED, **GROUNDERS, **IMAGE_TEXT},
)
"""Published models of every kind."""

MODELS = ("nano", *PUBLISHED)
"""Names of all models that track; nano is shipped, not published."""

IMAGE_TEXT_CLASSES: Mapping[str, str] = MappingProxyType(
    {"clip": "CLIPModel", "siglip": "SiglipModel", "siglip2": "Siglip2Model"}
)
"""The library's class for a model_type that compares images with words."""
