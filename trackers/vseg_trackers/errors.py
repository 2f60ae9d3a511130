"""The one error that tracking can raise."""


class TrackerError(ValueError):
    """What was given cannot be tracked; the message names the row and its value, and the
    remedy.
    """
