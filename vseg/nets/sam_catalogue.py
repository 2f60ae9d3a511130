"""The published models of the SAM 2 family by vseg's names: where they live, how large they are."""

from collections.abc import Mapping
from types import MappingProxyType

from vseg.ops.hub import Published

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
