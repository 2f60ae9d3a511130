"""The checks that tests run with find what they are for, and leave no traces."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from beartype import beartype
from jaxtyping import Float, config

from tests.signature_checks import checked
from vseg.ops.boxes import box_iou
from vseg.types import MaskCrop

check = checked(typechecker=beartype)
Row = Float[np.ndarray, " N"]


def twice(row: Row) -> Row:
    return np.asarray(np.repeat(row, 2))


def added(row: Row, other: Row) -> Row:
    return np.asarray(row + other)


def longest_of(rows: list[Row], sizes: tuple[int, int]) -> int:
    return max(map(len, rows))


def longest(rows: list[Row]) -> int:
    return max(map(len, rows))


def ahead(row: Row, by: int) -> "Later":
    return Later(row[by:])


def items(row: Row) -> Iterator[float]:
    yield from row


def repeated(row: Row, times: int) -> Float[np.ndarray, "N*{times}"]:  # noqa: F821
    return np.tile(row, times)


@dataclass
class Later:
    row: Row


@dataclass
class Pair:
    one: Row
    other: Row


@pytest.mark.parametrize(
    ("function", "given"),
    [
        (added, (np.zeros(3), np.zeros(2))),
        (added, (np.zeros(3), [0.0, 0.0, 0.0])),
        (added, (np.zeros((3, 1)), np.zeros((3, 1)))),
        (added, (np.zeros(3, int), np.zeros(3, int))),
        (twice, (np.zeros(3),)),
        (longest, ([np.zeros((2, 2))],)),
        (items, ([0.0],)),
        (ahead, (np.zeros(3), "1")),
        (repeated, (np.zeros(3), 2.0)),
        (Pair, (np.zeros(3), np.zeros(2))),
    ],
)
def test_what_a_signature_forbids_fails(function: Any, given: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match=r"(?i)violat|type-check error"):
        check(function)(*given)


def test_what_it_allows_passes() -> None:
    row = np.arange(3.0)
    assert check(added)(row, row).tolist() == [0, 2, 4]
    assert check(added)(row[:2], row[:2]).shape == (2,), "sizes are those of one call"
    assert list(check(items)(row)) == [0, 1, 2]
    assert check(ahead)(row, 1).row.tolist() == [1, 2]
    assert check(repeated)(row, 2).shape == (6,)


def test_what_passed_once_lets_nothing_else_pass() -> None:
    three = np.zeros(3)
    add = check(added)
    for _ in range(2):
        assert add(three, three).shape == (3,)
    for wrong in (np.zeros(2), np.zeros((3, 1)), np.zeros(3, int), [0.0] * 3, None):
        with pytest.raises(TypeError, match=r"(?i)violat"):
            add(three, wrong)
    find = check(longest_of)
    for _ in range(2):
        assert find([three], (1, 2)) == 3
    for rows, sizes in (([three, three], (1, "2")), ([np.zeros((2, 2))], (1, 2))):
        with pytest.raises(TypeError, match=r"(?i)violat"):
            find(rows, sizes)


def test_an_answer_is_checked_though_its_arguments_passed_before() -> None:
    shown = [np.zeros(2)]
    calls: list[int] = []

    def answered(row: Row) -> Row:
        calls.append(len(row))
        return shown[-1]

    answer = check(answered)
    for _ in range(2):
        assert answer(np.zeros(2)) is shown[0]
    shown.append(np.zeros(3))
    with pytest.raises(TypeError, match=r"(?i)violat"):
        answer(np.zeros(2))
    shown.append(np.zeros(2))
    assert answer(np.zeros(2)) is shown[2], "and nothing of it is left"
    assert calls == [2] * 4, "each call is carried out once"


def test_the_code_under_test_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Exception, match="violat"):
        box_iou(np.zeros((2, 4)), np.zeros((2, 5)))
    with pytest.raises(Exception, match="violat"):
        MaskCrop(0, 0, np.zeros(3, dtype=bool))
    monkeypatch.setattr(config, "jaxtyping_disable", True)
    assert MaskCrop(0, 0, np.zeros(3, dtype=bool)).x == 0


def test_no_check_draws_from_the_generator_that_hypothesis_watches() -> None:
    before = random.getstate()
    assert check(longest)([np.zeros(2)] * 9) == 2
    assert random.getstate() == before
