"""What is closed by the end of a `with` block."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import TypeVar

SomeClosing = TypeVar("SomeClosing", bound="Closing")


class Closing(ABC):
    """Mix-in: the end of a `with` block calls `close`, whether or not an error ended it."""

    # Without slots of its own, it does not give a slotted class a __dict__.
    __slots__ = ()

    @abstractmethod
    def close(self) -> None:
        """Release what is held."""

    def __enter__(self: SomeClosing) -> SomeClosing:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
