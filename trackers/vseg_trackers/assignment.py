"""One-to-one assignment under a gate, solved only where there is a choice.

Enters: candidate pairs with a gain each (how much better than leaving both alone; only gains
above 0 are candidates).  Leaves: the pairs chosen, with the greatest total gain.  Solver:
scipy's `linear_sum_assignment` (Crouse, IEEE TAES 2016).  A pair whose row and column stand in
no other candidate is taken as it is, so the solver gets only the contested rest: the answer is
the same and frames where nothing is contested cost nothing.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs (rows[k], columns[k]) worth gain[k]; no pair twice."""

    rows: Int[np.ndarray, " K"]
    columns: Int[np.ndarray, " K"]
    gain: Float[np.ndarray, " K"]

    def where(self, keep: Bool[np.ndarray, " K"]) -> "Candidates":
        """The candidates marked in `keep`."""
        kept = keep.nonzero()[0]
        return Candidates(self.rows.take(kept), self.columns.take(kept), self.gain.take(kept))


@dataclass(frozen=True, slots=True)
class Assignment:
    """The chosen pairs: row rows[k] goes with column columns[k]."""

    rows: Int[np.ndarray, " K"]
    columns: Int[np.ndarray, " K"]


def assign(candidates: Candidates) -> Assignment:
    """The one-to-one choice with the greatest total gain.  Gains of 0 or less are left out."""
    positive = candidates.gain > 0
    chosen = candidates
    if np.count_nonzero(positive) < len(positive):
        chosen = candidates.where(positive)
    rows = chosen.rows
    columns = chosen.columns
    if not len(rows):
        return Assignment(rows, columns)
    in_row = np.bincount(rows)
    in_column = np.bincount(columns)
    if in_row.max() == 1 == in_column.max():
        return Assignment(rows, columns)
    # Pairs without a competitor are settled already: the cubic solver gets only the rest.
    contested = (in_row.take(rows) > 1) | (in_column.take(columns) > 1)
    free = chosen.where(~contested)
    rest = _solve(chosen.where(contested))
    return Assignment(
        np.concatenate([free.rows, rest.rows]), np.concatenate([free.columns, rest.columns])
    )


class Rounds:
    """Assignments one after another, each among the rows and columns that the earlier ones
    left.
    """

    def __init__(self, num_rows: int, num_columns: int) -> None:
        self.open_rows: Bool[np.ndarray, " R"] = np.ones(num_rows, dtype=bool)
        self.open_columns: Bool[np.ndarray, " C"] = np.ones(num_columns, dtype=bool)
        self._taken: list[Assignment] = []

    def take(
        self,
        candidates: Candidates,
        among: Bool[np.ndarray, " K"],
        gate: float,
        weight: Float[np.ndarray, " K"] | None = None,
    ) -> None:
        """Assign those `among` the candidates that are open and gain more than `gate`; each
        counts by what it gains above that, times its `weight` if there are some.
        """
        left = candidates.gain > gate
        left &= among
        kept = left.nonzero()[0]
        if self._taken and len(kept):
            still = self.open_rows.take(candidates.rows.take(kept))
            still &= self.open_columns.take(candidates.columns.take(kept))
            kept = kept.compress(still)
        if not len(kept):
            return
        gain = candidates.gain.take(kept) - gate
        if weight is not None:
            gain *= weight.take(kept)
        chosen = assign(
            Candidates(candidates.rows.take(kept), candidates.columns.take(kept), gain)
        )
        self.open_rows[chosen.rows] = self.open_columns[chosen.columns] = False
        self._taken.append(chosen)

    @property
    def taken(self) -> Assignment:
        """The pairs of all rounds."""
        if not self._taken:
            return Assignment(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
        if len(self._taken) == 1:
            return self._taken[0]
        return Assignment(
            np.concatenate([pairs.rows for pairs in self._taken]),
            np.concatenate([pairs.columns for pairs in self._taken]),
        )


def _solve(contested: Candidates) -> Assignment:
    # Loading scipy takes half a second and 40 MiB: only contested tracks wait for it.
    from scipy.optimize import linear_sum_assignment

    rows, row_at = np.unique(contested.rows, return_inverse=True)
    columns, column_at = np.unique(contested.columns, return_inverse=True)
    gain = np.zeros((len(rows), len(columns)))
    gain[row_at, column_at] = contested.gain
    row_at, column_at = linear_sum_assignment(gain, maximize=True)
    # The solver fills the matrix; pairs that are no candidates have gain 0.
    real = gain[row_at, column_at] > 0
    return Assignment(rows[row_at[real]], columns[column_at[real]])
