"""The last error lines at the end of a run's logs."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from mlflow_mcp.answers.masking import mask_text
from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.store import ArtifactEntry
from mlflow_mcp.errors import Problem, Unreachable
from mlflow_mcp.text import short, size
from mlflow_mcp.tools.artifacts.formats.encoding import decoded, strip_control_codes

_BYTES = 16_000
_MOST_FILES, _MOST_FOLDERS, _MOST_LINES, _LONGEST = 3, 4, 2, 150
_LOG = re.compile(r"(?i)(\.(log|out|err)(\.\d+)?$|^std(out|err)\b)")
_LOG_FOLDER = re.compile(r"(?i)^(logs?|outputs?)$")
_ERROR = re.compile(
    r"\b\w*(?:Error|Exception)\b\s*[:(]|\b(?:ERROR|FATAL|CRITICAL)\b|Traceback \(most recent|[Oo]ut of memory|\bOOM\b"
    r"|oom[-_ ]kill|Segmentation fault|core dumped|DUE TO TIME LIMIT|CANCELLED AT|\bKilled\b|SIGTERM|SIGKILL"
    r"|NCCL.*(?:timeout|error)|(?:srun|slurmstepd): error"
)


@dataclass(frozen=True)
class Logs:
    """The last error lines of a run's logs, `path: line`; `missing` says that there is no log to look into."""

    errors: Sequence[str] = ()
    missing: str | None = None


def last_errors(client: Client, run_id: str) -> Logs:
    """The last lines that look like errors in the last part of each log."""
    try:
        root = client.artifacts(run_id).entries()
        files = _logs(client, run_id, root)
    except Unreachable:
        raise
    except Problem as problem:
        return Logs([f"logs not read: {short(problem.failed, _LONGEST)}"])
    if not files:
        return Logs(missing="no log in its root and folders of logs" if root else "no log: it has no artifacts")
    found = client.run_concurrently(*(partial(_errors_in, client, run_id, each) for each in files))
    return Logs([line for lines in found for line in lines])


def _logs(client: Client, run_id: str, root: Sequence[ArtifactEntry]) -> list[ArtifactEntry]:
    """Log files in the root and in folders of logs, also in those of a launcher's tasks."""
    source = client.artifacts(run_id)
    folders = [each for each in root if each.is_dir]
    below = [each.path for each in folders if _LOG_FOLDER.match(each.path)]
    below += [f"{each.path}/logs" for each in folders if "." in each.path]
    listings = client.run_concurrently(*(partial(source.entries, path) for path in below[:_MOST_FOLDERS]))
    files = [each for entries in (root, *listings) for each in entries if not each.is_dir]
    logs = [each for each in files if _LOG.search(posixpath.basename(each.path))]
    # Errors stand in the error stream, and in the log that has the most to tell.
    return sorted(logs, key=lambda each: ("err" not in each.path.lower(), -(each.size or 0), each.path))[:_MOST_FILES]


def _errors_in(client: Client, run_id: str, log: ArtifactEntry) -> list[str]:
    with suppress(Problem):  # a log that cannot be read says nothing
        content = client.artifacts(run_id).read(log.path, -_BYTES, _BYTES)
        text = strip_control_codes(decoded(content.data))
        # Whole: a secret may begin in one line and end in another.
        lines = (mask_text(text) if client.settings.mask_secrets else text).splitlines()
        errors = [line for line in lines if _ERROR.search(line)]
        where = log.path if content.start == 0 else f"{log.path} (last {size(len(content.data))})"
        return [f"{where}: {short(line, _LONGEST)}" for line in errors[-_MOST_LINES:]]
    return []
