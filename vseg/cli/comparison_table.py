"""Two runs as `vseg eval --compare` prints them."""

from typing import TYPE_CHECKING, Any

from vseg.cli.score_table import interval_facts, row_facts

if TYPE_CHECKING:
    from vseg.analysis.run_comparison import FramePair, RunComparison


def comparison_facts(compared: "RunComparison") -> dict[str, Any]:
    """Both runs, every object and the frames shown, as plain values in percent."""
    return {
        "protocol": compared.first.protocol.name,
        "first": {"name": compared.names[0], "rows": _rows(compared.first)},
        "second": {"name": compared.names[1], "rows": _rows(compared.second)},
        "gain": {name: round(100 * gain, 2) for name, gain in compared.gain.items()},
        "intervals": interval_facts(compared.intervals),
        "objects": [
            {"clip": pair.clip, "object": pair.object_id, "gain": round(100 * pair.gain, 2)}
            for pair in compared.objects
        ],
        "lost": [_frame(frame) for frame in compared.lost],
        "won": [_frame(frame) for frame in compared.won],
        "left_out": list(compared.left_out),
    }


def print_comparison(compared: "RunComparison", told: str) -> None:
    """A line per object, one for all, the verdict, and the frames with the largest losses."""
    names = [f"{pair.clip} {pair.object_id}" for pair in compared.objects]
    width = max(len(name) for name in (*names, "all"))
    print(f"{'object':<{width}}   first  second    gain")
    for name, pair in zip(names, compared.objects, strict=True):
        first = pair.first.measures.jf_mean
        second = pair.second.measures.jf_mean
        print(f"{name:<{width}}  {_line(first, second)}")
    means = compared.first.measures.jf_mean, compared.second.measures.jf_mean
    print(f"{'all':<{width}}  {_line(*means)}")
    print(told)
    for frame in compared.lost:
        print(
            f"{frame.clip}, object {frame.object_id}, frame {frame.frame}: "
            f"{100 * frame.first:.1f} to {100 * frame.second:.1f}"
        )


def _rows(score: Any) -> list[dict[str, Any]]:
    return [row_facts(row) for row in score.rows()]


def _frame(frame: "FramePair") -> dict[str, Any]:
    return {
        "clip": frame.clip,
        "object": frame.object_id,
        "frame": frame.frame,
        "first": round(100 * frame.first, 2),
        "second": round(100 * frame.second, 2),
    }


def _line(first: float, second: float) -> str:
    return f"{100 * first:6.1f}  {100 * second:6.1f}  {100 * (second - first):+6.1f}"
