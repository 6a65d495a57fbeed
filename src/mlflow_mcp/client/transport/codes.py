"""MLflow's error codes and HTTP statuses as sentences: what failed, and one next step."""

from __future__ import annotations

import json
import re

from mlflow_mcp.errors import (
    AccessRefused,
    FeatureDisabled,
    NotFound,
    NotMlflow,
    Problem,
    RejectedByMlflow,
    Unreachable,
    UnsupportedByServer,
)
from mlflow_mcp.text import short

# Every error code of MLflow's protocol, and what to do about it. `{message}` is MLflow's own sentence.
SENTENCES: dict[str, tuple[str, str]] = {
    "INTERNAL_ERROR": (
        "The MLflow server returned an internal error: {message}",
        "Retry once; if it persists, ask the administrator to check the server log.",
    ),
    "TEMPORARILY_UNAVAILABLE": (
        "The MLflow server is not available at the moment: {message}",
        "Try again in a minute.",
    ),
    "IO_ERROR": (
        "The MLflow server could not read its storage: {message}",
        "Ask the administrator to check the server log.",
    ),
    "BAD_REQUEST": ("The MLflow server did not accept the request: {message}", "Correct the arguments."),
    "INVALID_PARAMETER_VALUE": ("MLflow does not accept this: {message}", "Correct it and call again."),
    "INVALID_STATE": ("MLflow cannot do this in the present state: {message}", "get_run shows the state."),
    "ENDPOINT_NOT_FOUND": (
        "This MLflow server has no such function: {message}",
        "It may be older than this tool needs; get_server_info shows its version.",
    ),
    "RESOURCE_DOES_NOT_EXIST": ("MLflow has no such thing: {message}", "resolve_id finds what an id is."),
    "NOT_FOUND": ("MLflow has no such thing: {message}", "resolve_id finds what an id is."),
    "PERMISSION_DENIED": (
        "The MLflow server refuses access: {message}",
        "Ask the administrator to grant these credentials read permission.",
    ),
    "UNAUTHENTICATED": (
        "The MLflow server does not accept the credentials: {message}",
        "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, in the host's env block.",
    ),
    "CUSTOMER_UNAUTHORIZED": (
        "The MLflow server does not accept the credentials: {message}",
        "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, in the host's env block.",
    ),
    "REQUEST_LIMIT_EXCEEDED": (
        "The MLflow server is answering too many requests: {message}",
        "Try again in a minute.",
    ),
    "RESOURCE_LIMIT_EXCEEDED": ("An MLflow limit was reached: {message}", "Ask for less at a time."),
    "RESOURCE_EXHAUSTED": ("The MLflow server is out of a resource: {message}", "Ask for less at a time."),
    "DEADLINE_EXCEEDED": (
        "The MLflow server took too long: {message}",
        "Ask for less: fewer experiments, a narrower query.",
    ),
    "CANCELLED": ("The MLflow server cancelled the request: {message}", "Try again."),
    "NOT_IMPLEMENTED": (
        "This MLflow server cannot do that: {message}",
        "It may be older than this tool needs; get_server_info shows its version.",
    ),
    "FEATURE_DISABLED": (
        "This feature is disabled on the MLflow server: {message}",
        "Ask the administrator to enable it.",
    ),
    "DATA_LOSS": ("The MLflow server has lost data: {message}", "Ask the administrator to check the server log."),
}


# Codes that a read never gets in normal work, or that say no more than their name does.
OTHER_CODE = ("MLflow answered {code}: {message}", "Correct the arguments, or ask the server's operator.")
# What kind of problem a code of MLflow's protocol is; the others are plain. MLflow's client also raises ENDPOINT_NOT_FOUND
# for a 404 without an MLflow answer.
_KINDS: dict[str, type[Problem]] = {
    "RESOURCE_DOES_NOT_EXIST": NotFound,
    "NOT_FOUND": NotFound,
    "ENDPOINT_NOT_FOUND": UnsupportedByServer,
    "NOT_IMPLEMENTED": UnsupportedByServer,
    "FEATURE_DISABLED": FeatureDisabled,
    "INVALID_PARAMETER_VALUE": RejectedByMlflow,
    "PERMISSION_DENIED": AccessRefused,
}


def of_code(code: str, message: str) -> Problem:
    """The sentence for an error object of MLflow's, as the kind of problem that its code says."""
    failed, next_step = SENTENCES.get(code, OTHER_CODE)
    return _KINDS.get(code, Problem)(failed.format(message=sentence(message), code=code), next_step)


def sentence(text: str) -> str:
    line = short(text)
    # RestException puts the code in front of the server's message.
    line = re.sub(r"^[A-Z_]{4,}: (Response: )?", "", line)
    return line if line.endswith((".", "!", "?", "…")) else line + "."


def of_status(status: int, where: str, body: str = "") -> Problem:
    """The sentence for an HTTP status that came without an MLflow error object, or with one in `body`."""
    try:
        answer = json.loads(body)
        code, message = str(answer["error_code"]), str(answer.get("message", ""))
    except (ValueError, TypeError, KeyError):
        code, message = "", ""
    if code in SENTENCES and status not in (401, 403):
        return of_code(code, message)
    if status == 401:
        return Unreachable(
            f"The MLflow server at {where} does not accept the credentials (401).",
            "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, in the host's env block.",
        )
    if status == 403:
        return AccessRefused(
            f"The MLflow server at {where} refuses access with these credentials (403).",
            "Ask the administrator for read permission, or set other MLFLOW_TRACKING_USERNAME/PASSWORD or MLFLOW_TRACKING_TOKEN.",
        )
    if status == 404:
        return not_mlflow(where, status)
    if status in (429, 503):
        return Unreachable(f"The MLflow server at {where} is overloaded ({status}).", "Try again in a minute.")
    if status >= 500:
        return Unreachable(
            f"The MLflow server at {where} returned an internal error ({status}).",
            "Retry once; if it persists, ask the administrator to check the server log.",
        )
    return Unreachable(f"The MLflow server at {where} answered with status {status}.", "Check MLFLOW_TRACKING_URI.")


def refused_or_absent(what: str, where: str) -> AccessRefused:
    """The sentence for one thing that is refused by its id. MLflow 3.17's basic-auth refuses an id that nothing has, too."""
    return AccessRefused(
        f"The MLflow server at {where} does not let these credentials read {what} (403): they lack the permission, or it "
        "does not exist.",
        "Check the id: resolve_id looks for it in all that they may read.",
    )


def not_mlflow(where: str, status: int) -> NotMlflow:
    return NotMlflow(
        f"What answers at {where} is not an MLflow tracking server (status {status}, no MLflow answer).",
        "Check MLFLOW_TRACKING_URI: a missing path prefix, a log-in page or a proxy in between look like this.",
    )
