"""What the settings of the trackers are worth on a sequence that did not choose them.

    python benchmarks/association_held_out.py --data mot/ --crowds 2

Each sequence in turn is held out; the settings with the greatest HOTA on all the others, as a
mean over the kinds of sequences, track it.  The results of all held-out sequences of a kind
are counted as one.  Printed beside them: the defaults, and the settings that would have been
chosen with every sequence known.  Settings that concern places are chosen on all sequences;
those that concern scores on real ones only, as the scores of a synthetic detector are what its
maker made them.
"""

import argparse
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.box_sequences import Sequence, offline, online, read_sequences
from benchmarks.crowds import crowds
from vseg.metrics.clear import ClearCounts, count_clear
from vseg.metrics.hota import HotaCounts, count_hota
from vseg.metrics.identity_clip import IdentityClip
from vseg.metrics.idf1 import IdentityCounts, count_identity
from vseg_trackers import (
    ClipConfig,
    LifecycleConfig,
    LinkConfig,
    MaskletAssociator,
    MaskletConfig,
)

Settings = dict[str, Any]
LIFE = {field.name for field in fields(LifecycleConfig)}
PLACES: dict[str, tuple[Any, ...]] = {
    "gate": (0.1, 0.15, 0.2),
    "weak_gate": (0.4, 0.5, 0.6),
    "recovery_gate": (0.7, 0.8),
    "lost_s": (1.5, 2.0),
}
SCORES: dict[str, tuple[Any, ...]] = {
    "strong_score": (0.85, 0.88, 0.9, 0.93),
    "confirm_hits": (4, 6, 8),
    "confirm_score": (0.97, 0.98, 0.99),
}
OFFLINE: dict[str, tuple[Any, ...]] = {
    "least_score": (0.88, 0.9, 0.92),
    "least_hits": (4, 6, 8),
    "fill_s": (0.3, 0.5),
}


@dataclass(frozen=True)
class Counts:
    """What is added up over sequences."""

    hota: HotaCounts
    identity: IdentityCounts
    clear: ClearCounts

    @staticmethod
    def of(clip: IdentityClip) -> "Counts":
        return Counts(count_hota(clip), count_identity(clip), count_clear(clip))


def kind_of(sequence: str) -> str:
    """People of KITTI and of MOTChallenge are one kind: either alone is few boxes."""
    group = sequence.split("-")[0]
    return {"KITTI": "cars", "crowd": "crowds", "street": "streets"}.get(group, "people")


def tracked(sequence: Sequence, settings: Settings, whole: bool) -> IdentityClip:
    """A run of MaskletAssociator, or of `track_clip`, with some settings changed."""
    at = dict(settings)
    if whole:
        linking = LinkConfig(fill_s=at.pop("fill_s"))
        return offline(sequence, ClipConfig(**at, link=linking))
    life = LifecycleConfig(**{name: at.pop(name) for name in settings if name in LIFE})
    return online(partial(MaskletAssociator, MaskletConfig(**at, life=life)), sequence)


def hota(counts: list[Counts]) -> float:
    return float(HotaCounts.total([one.hota for one in counts]).score().hota)


def by_kind(results: Mapping[str, Counts]) -> dict[str, list[Counts]]:
    kinds: dict[str, list[Counts]] = {}
    for name, counts in results.items():
        kinds.setdefault(kind_of(name), []).append(counts)
    return kinds


def merit(results: Mapping[str, Counts], without: str) -> float:
    """Mean HOTA over the kinds, one sequence left out."""
    rest = by_kind({name: one for name, one in results.items() if name != without})
    return sum(map(hota, rest.values())) / len(rest)


def _best(runs: list[dict[str, Counts]], without: str) -> int:
    merits = [merit(results, without) for results in runs]
    return merits.index(max(merits))


def line(results: Mapping[str, Counts]) -> str:
    """HOTA / IDF1 / switches of each kind."""
    parts = []
    for kind, counts in by_kind(results).items():
        f1 = IdentityCounts.total([one.identity for one in counts]).f1
        switches = ClearCounts.total([one.clear for one in counts]).switches
        parts.append(f"{kind} {100 * hota(counts):.2f} / {100 * f1:.2f} / {switches}")
    return "   ".join(parts)


def study(sequences: list[Sequence], grid: dict[str, tuple[Any, ...]], whole: bool) -> None:
    """Print what is worth how much."""
    choices = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    runs = [
        {one.name: Counts.of(tracked(one, settings, whole)) for one in sequences}
        for settings in choices
    ]
    names = [one.name for one in sequences]
    best = {name: _best(runs, without=name) for name in [*names, ""]}
    default = choices.index(defaults(grid, whole))
    print(
        f"{'track_clip' if whole else 'masklet'}, {len(choices)} settings: HOTA / IDF1 / IDSW"
    )
    print(f"defaults   {line(runs[default])}")
    print(f"best known {line(runs[best['']])}   {choices[best['']]}")
    print(f"held out   {line({name: runs[best[name]][name] for name in names})}")
    for choice, count in Counter(best[name] for name in names).most_common():
        print(f"  chosen {count:3d} times: {choices[choice]}")


def defaults(grid: dict[str, tuple[Any, ...]], whole: bool) -> Settings:
    """The default of every setting of a grid."""
    config: Any = ClipConfig() if whole else MaskletConfig()
    parts = (config, config.link) if whole else (config, config.life)
    return {
        name: next(getattr(part, name) for part in parts if hasattr(part, name))
        for name in grid
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder of sequences")
    parser.add_argument("--crowds", type=int, default=2, help="synthetic: seeds, 4 clips each")
    arguments = parser.parse_args()
    real = read_sequences(arguments.data)
    everything = real + crowds(arguments.crowds)
    study(everything, PLACES, whole=False)
    study(real, SCORES, whole=False)
    study(real, OFFLINE, whole=True)


if __name__ == "__main__":
    main()
