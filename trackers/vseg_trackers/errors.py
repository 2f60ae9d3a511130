"""The one error that tracking can raise."""


class TrackerError(ValueError):
    """The input cannot be tracked; the message names the row and its value, and the
    remedy.
    """
