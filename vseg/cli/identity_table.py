"""The table of identity measures that `vseg eval` prints."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from vseg.errors import UsageError

if TYPE_CHECKING:
    from vseg.metrics.identity_scores import IdentityRow

METRICS = ("jf", "hota", "idf1", "mota")


def parse_metrics(text: str) -> set[str]:
    """The measures named in a list with commas.  Raises UsageError for an unknown one."""
    names = {name.strip().lower() for name in text.split(",")}
    unknown = sorted(names - set(METRICS))
    if unknown:
        raise UsageError(f"unknown metric '{unknown[0]}'", hint=f"known: {', '.join(METRICS)}")
    return names


def identity_facts(row: "IdentityRow", chosen: set[str]) -> dict[str, str | int | float]:
    """The chosen measures of one row as plain values; shares in percent."""
    facts: dict[str, str | int | float] = {"clip": row.clip, "frames": row.num_frames}
    if "hota" in chosen:
        facts["HOTA"] = _percent(row.hota.hota)
        facts["DetA"] = _percent(row.hota.det_a)
        facts["AssA"] = _percent(row.hota.ass_a)
        facts["LocA"] = _percent(row.hota.loc_a)
    if "idf1" in chosen:
        facts["IDF1"] = _percent(row.identity.f1)
        facts["IDP"] = _percent(row.identity.precision)
        facts["IDR"] = _percent(row.identity.recall)
    if "mota" in chosen:
        facts["MOTA"] = _percent(row.clear.mota)
        facts["MOTP"] = _percent(row.clear.motp)
        facts["IDSW"] = row.clear.switches
        facts["Frag"] = row.clear.fragments
    return facts


def print_identities(rows: Sequence[Mapping[str, str | int | float]]) -> None:
    """Columns aligned, one line for each row."""
    width = max(len(str(row["clip"])) for row in rows)
    numbers = [name for name in rows[0] if name != "clip"]
    print(f"{'clip':<{width}}" + "".join(f"{name:>8}" for name in numbers))
    for row in rows:
        print(
            f"{row['clip']:<{width}}" + "".join(f"{_shown(row[name]):>8}" for name in numbers)
        )


def _percent(share: float) -> float:
    return round(100 * share, 2)


def _shown(value: str | int | float) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
