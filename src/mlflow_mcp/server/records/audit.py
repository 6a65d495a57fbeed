"""One line for every change in MLflow, for whoever runs the server: on stderr, and in a file where one is set."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

from mlflow_mcp.answers.masking import mask
from mlflow_mcp.errors import Problem
from mlflow_mcp.settings import Settings
from mlflow_mcp.text import safe_uri


def check_audit_file(settings: Settings) -> None:
    """Raise Problem when a change could not be recorded: then nothing is changed."""
    if settings.audit_file is None:
        return
    try:
        with Path(settings.audit_file).expanduser().open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise Problem(
            f"The audit file {settings.audit_file} cannot be written ({error.strerror or error}); nothing was changed.",
            "Ask the administrator to correct MLFLOW_MCP_AUDIT_FILE.",
        ) from error


def auditor(
    settings: Settings, tool: str, uri: str | None, host: str, *, name: str = "", caller: str = ""
) -> Callable[[str, str], None]:
    """What records the changes of one call. `name` is what MLFLOW_MCP_SERVERS calls the server, `caller` who asks over HTTP."""

    def record(what: str, outcome: str) -> None:
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        entry = {
            "time": now,
            **({"server_name": name} if name else {}),
            "server": safe_uri(uri or ""),
            **({"caller": caller} if caller else {}),
            "host": host,
            "tool": tool,
            "what": what,
            "outcome": outcome,
        }
        line = json.dumps(mask(entry) if settings.mask_secrets else entry, ensure_ascii=False)
        with suppress(Exception):  # the host has closed it
            print(f"mlflow-mcp audit: {line}", file=sys.stderr, flush=True)  # noqa: T201  # the operator's channel
        if settings.audit_file is not None:
            with suppress(OSError), Path(settings.audit_file).expanduser().open("a", encoding="utf-8") as file:
                file.write(line + "\n")

    return record
