"""A bounded store of what was used last."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Latest(Generic[Value]):
    """The values used last, at most `most` of them; none is None.

    Threads may share it: one that looks while another uses a value may have to make it anew.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[Hashable, Value] = {}  # the one used last at the end

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of a key, made if it is not held."""
        value = self._held.get(key)
        if value is None:
            value = make()
        self.put(key, value)
        return value

    def find(self, key: Hashable) -> Value | None:
        """The value of a key if it is held."""
        value = self._held.get(key)
        if value is not None:
            self.put(key, value)
        return value

    def peek(self, key: Hashable) -> Value | None:
        """The same, which does not count as a use."""
        return self._held.get(key)

    def put(self, key: Hashable, value: Value) -> None:
        """Hold a value, which is used now."""
        self._held.pop(key, None)
        self._held[key] = value
        for oldest in list(self._held)[: -self._most]:
            self._held.pop(oldest, None)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._held
