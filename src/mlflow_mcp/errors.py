"""What can go wrong, as a turn in the conversation: one sentence of what failed, one of what to do next."""

from __future__ import annotations


class Problem(Exception):
    """A failure the caller can act on. `str()` is the whole text that the agent reads."""

    def __init__(self, failed: str, next_step: str = "") -> None:
        super().__init__(f"{failed} {next_step}".strip())
        self.failed, self.next_step = failed, next_step


class NotFound(Problem):
    """The named thing does not exist: the server said so. Never raised for a server that did not answer."""


class RunNotFound(NotFound):
    """No run has this id, name or job id."""


class ModelNotFound(NotFound):
    """No logged model or model version is called so."""


class TraceNotFound(NotFound):
    """No trace has this id."""


class Unreachable(Problem):
    """The server gave no usable answer, so nothing is known about what was asked for."""


class TimedOut(Unreachable):
    """The server accepted a request and sent nothing."""


class AccessRefused(Unreachable):
    """The server does not let these credentials read it (403), or, on some servers, there is no such thing."""


class NotMlflow(Unreachable):
    """Something answers, but not as an MLflow tracking server does."""


class RejectedByMlflow(Problem):
    """MLflow does not accept an argument: a filter, a name, a value."""


class UnsupportedByServer(Problem):
    """The server has no function for this, so it neither has the named thing nor lacks it."""


class FeatureDisabled(UnsupportedByServer):
    """The server knows the function and does not offer it: it is turned off, or the kind of store has none."""
