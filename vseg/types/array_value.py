"""Values that hold arrays, equal where their numbers are."""

import numpy as np


class ArrayValue:
    """The base of frozen dataclasses with slots: equal, and of one hash, where their fields
    are; arrays by type, shape and numbers.  numpy compares arrays element by element, so no
    tuple of them can be compared.
    """

    __slots__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return False
        return isinstance(other, ArrayValue) and self._contents() == other._contents()

    def __hash__(self) -> int:
        return hash((type(self), self._contents()))

    def _contents(self) -> tuple[object, ...]:
        return tuple(_plain(getattr(self, name)) for name in self.__slots__)


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    return tuple(map(_plain, value)) if isinstance(value, tuple) else value
