"""How the logs of a job end, quoted: what broke off an attempt, and how the attempts of a resumed job ended. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from mlflow_mcp.text import short

# So much of a log's end is read, and so many of its last lines may say what ended it.
LAST_BYTES = 2_048
_LAST_LINES = 6
_LONGEST = 140
# As Slurm, the kernel, Python and shells write when something did not end by itself.
_BROKE = re.compile(
    r"CANCELLED|DUE TO TIME LIMIT|oom[-_ ]kill|out of memory|OUT_OF_MEMORY|\bKilled\b|SIGKILL|SIGTERM|Segmentation fault|"
    r"core dumped|NODE FAIL|PREEMPT|srun: error|^\w*(?:Error|Exception)\b.*:|Traceback \(most recent call last\)"
)
# The log of one attempt of an evaluation.
_ATTEMPT = re.compile(r"client[-_.]")


class LogEnd(NamedTuple):
    """The end of a log without control codes."""

    name: str
    ends_line: bool
    lines: Sequence[str]

    @classmethod
    def of(cls, name: str, end: str) -> LogEnd:
        return cls(name, end.endswith(("\n", "\r")), [line for line in re.split(r"[\r\n]+", end) if line.strip()])

    @property
    def broke(self) -> str | None:
        """The last of its last lines that says that it did not end by itself."""
        return next((line for line in reversed(self.lines[-_LAST_LINES:]) if _BROKE.search(line)), None)


def ends_told(logs: Sequence[LogEnd]) -> list[str]:
    """Of each log that broke off the line that says so; of several attempts also the last line of the others."""
    is_resumed = sum(bool(_ATTEMPT.match(log.name)) for log in logs) > 1
    ends = []
    for log in logs:
        line = log.broke or (log.lines[-1] if is_resumed and log.lines and _ATTEMPT.match(log.name) else None)
        if line:
            ends.append(f"{log.name} '{short(line.strip(), _LONGEST)}'")
    return ends
