"""One tool call while it runs: its deadline, whether it was cancelled, what it has so far, whom to tell of progress."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field


class CallEnded(Exception):
    """Raised inside a worker thread when nobody waits for its result any more."""


def _tell_nobody(done: float, total: float | None, message: str) -> None:
    pass


@dataclass
class Call:
    """Shared by the event loop, which may end the call, and its worker threads, which look at it between requests."""

    timeout: float
    tell: Callable[[float, float | None, str], None] = _tell_nobody
    so_far: str = ""
    started: float = field(default_factory=time.monotonic)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def remaining(self) -> float:
        """Seconds until the deadline, at least a hundredth."""
        return max(0.01, self.started + self.timeout - time.monotonic())

    @property
    def is_late(self) -> bool:
        """Whether a fifth of the time is left or less: what reads page after page answers now with what it has."""
        return self.remaining < self.timeout / 5

    def check(self) -> None:
        """Stop the thread here when the call was cancelled or is over its time."""
        if self.ended.is_set():
            raise CallEnded

    def progress(self, done: float, total: float | None, message: str) -> None:
        """Say how far the call is: to the host, and in the error if the deadline comes first."""
        self.check()
        self.so_far = message
        self.tell(done, total, message)
