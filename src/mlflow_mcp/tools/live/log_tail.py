"""The error lines at the end of a run's logs."""

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
from mlflow_mcp.tools.live.log_lines import LogLine, at_other_times, telling

_BYTES = 16_000
_MOST_FILES, _MOST_FOLDERS, _LONGEST = 3, 4, 150
_LOG = re.compile(r"(?i)(\.(log|out|err)(\.\d+)?$|^std(out|err)\b)")
_LOG_FOLDER = re.compile(r"(?i)^(logs?|outputs?)$")


@dataclass(frozen=True)
class Logs:
    """Error lines of a run's logs; `missing` says that there is no log to look into."""

    errors: Sequence[LogLine] = ()
    missing: str | None = None


def last_errors(client: Client, run_id: str, times: tuple[int | None, int | None] = (None, None)) -> Logs:
    """The lines that look like errors in the last part of each log. `times`: when the run began and ended, in milliseconds."""
    try:
        root = client.artifacts(run_id).entries()
        files = _logs(client, run_id, root)
    except Unreachable:
        raise
    except Problem as problem:
        return Logs([LogLine("logs not read", short(problem.failed, _LONGEST))])
    if not files:
        return Logs(missing="no log in its root and folders of logs" if root else "no log: it has no artifacts")
    found = client.run_concurrently(*(partial(_errors_in, client, run_id, each, times) for each in files))
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


def _errors_in(client: Client, run_id: str, log: ArtifactEntry, times: tuple[int | None, int | None]) -> list[LogLine]:
    with suppress(Problem):  # a log that cannot be read says nothing
        content = client.artifacts(run_id).read(log.path, -_BYTES, _BYTES)
        text = strip_control_codes(decoded(content.data))
        # Whole: a secret may begin in one line and end in another.
        lines = (mask_text(text) if client.settings.mask_secrets else text).splitlines()
        where = log.path if content.start == 0 else f"{log.path} (last {size(len(content.data))})"
        errors = telling(lines)
        doubt = at_other_times(lines, *times) if errors else None
        return [LogLine(where, text) for text in (*errors, *([doubt] if doubt else ()))]
    return []
