"""Signals a delivery sends upward: not an ending, but when to try again."""

from datetime import timedelta


class RetryLater(Exception):
    """The attempt was recorded and the delivery is not over: try again after `after`."""

    def __init__(self, code: str, after: timedelta, detail: str = "") -> None:
        super().__init__(detail or code)
        self.code = code
        self.after = after
