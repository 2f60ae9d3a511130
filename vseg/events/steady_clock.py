"""A clock that never goes back, from the times of a source that may."""


class SteadyClock:
    """Seconds since some moment.

    now: of the newest frame, None before the first.  back_s: how far the source's clock went
    back on it.
    """

    def __init__(self) -> None:
        self.now: float | None = None
        self.back_s = 0.0
        self._ahead_s = 0.0

    def at(self, time_s: float) -> float:
        """The steady time of a frame whose source says `time_s`; no time passes where that
        goes back.
        """
        steady = time_s + self._ahead_s
        self.back_s = 0.0 if self.now is None else max(0.0, self.now - steady)
        self._ahead_s += self.back_s
        self.now = steady + self.back_s
        return self.now


def has_lasted(since: float, now: float, seconds: float) -> bool:
    """Whether so many seconds have passed; a microsecond less is the rounding of a sum."""
    return now - since >= seconds - 1e-6
