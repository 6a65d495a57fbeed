"""Why a set-up ended without its change, and with which exit code."""

from __future__ import annotations

NOT_DONE = 1  # the file cannot be used, the host is not here, the server does not answer
BAD_INPUT = 2
NEEDS_FORCE = 3  # something else stands there: only the user can say that it may be replaced


class SetupFailure(Exception):
    """Nothing was changed. The message says why, and what to do next."""

    def __init__(self, sentence: str, code: int = NOT_DONE) -> None:
        super().__init__(sentence)
        self.code = code


class NotReadable(Exception):
    """A text is not what its format asks for. `line` counts from 1."""

    def __init__(self, what: str, line: int) -> None:
        super().__init__(what)
        self.what, self.line = what, line
