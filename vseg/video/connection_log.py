"""What happened to the connections of one source, each loss and each return told once."""

from vseg.interfaces.live_source import ConnectionChange


class ConnectionLog:
    """generation: connections that gave an image so far.  first_size: width and height of the
    images of the first.
    """

    def __init__(self) -> None:
        self.generation = 0
        self.first_size: tuple[int, int] | None = None
        self._up: bool | None = None
        self._changes: list[ConnectionChange] = []

    def made(self, time_s: float, gap_s: float | None, size: tuple[int, int]) -> None:
        """Note the first image of a connection, and its size; nothing for later ones."""
        if self._up:
            return
        self._up = True
        self.generation += 1
        self.first_size = self.first_size or size
        other = size if size != self.first_size else None
        self._changes.append(
            ConnectionChange("up", self.generation, time_s, gap_s=gap_s, size=other)
        )

    def lost(self, time_s: float, reason: str) -> None:
        """Note that a connection ended or was not made, where it was not lost before."""
        if self._up is False:
            return
        self._up = False
        self._changes.append(ConnectionChange("down", self.generation, time_s, reason))

    def drain(self) -> tuple[ConnectionChange, ...]:
        """What happened since this was last asked."""
        changes = tuple(self._changes)
        self._changes = []
        return changes
