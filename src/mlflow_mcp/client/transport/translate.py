"""Foreign errors to ours: one table."""

from __future__ import annotations

import http.client
import json
import re
import ssl
from collections.abc import Sequence

from mlflow_mcp.errors import NotFound, NotMlflow, Problem, RejectedByMlflow, TimedOut, Unreachable, UnsupportedByServer
from mlflow_mcp.text import safe_uri, short

# Every error code of MLflow's protocol, and what to do about it. `{said}` is MLflow's own sentence.
SENTENCES: dict[str, tuple[str, str]] = {
    "INTERNAL_ERROR": (
        "The MLflow server failed inside: {said}",
        "Try once more; if it stays, its operator has to look at its log.",
    ),
    "TEMPORARILY_UNAVAILABLE": (
        "The MLflow server is not available at the moment: {said}",
        "Try again in a minute.",
    ),
    "IO_ERROR": (
        "The MLflow server could not read its storage: {said}",
        "Its operator has to look at its log.",
    ),
    "BAD_REQUEST": ("The MLflow server did not accept the request: {said}", "Correct the arguments."),
    "INVALID_PARAMETER_VALUE": ("MLflow does not accept this: {said}", "Correct it and call again."),
    "INVALID_STATE": ("MLflow cannot do this in the present state: {said}", "get_run shows the state."),
    "ENDPOINT_NOT_FOUND": (
        "This MLflow server has no such function: {said}",
        "It may be older than this tool needs; get_server_info shows its version.",
    ),
    "RESOURCE_DOES_NOT_EXIST": ("MLflow has no such thing: {said}", "resolve_id finds what an id is."),
    "NOT_FOUND": ("MLflow has no such thing: {said}", "resolve_id finds what an id is."),
    "PERMISSION_DENIED": (
        "The MLflow server refuses access: {said}",
        "Its operator has to grant read permission to these credentials.",
    ),
    "UNAUTHENTICATED": (
        "The MLflow server does not accept the credentials: {said}",
        "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, in the host's env block.",
    ),
    "CUSTOMER_UNAUTHORIZED": (
        "The MLflow server does not accept the credentials: {said}",
        "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, in the host's env block.",
    ),
    "REQUEST_LIMIT_EXCEEDED": (
        "The MLflow server is answering too many requests: {said}",
        "Try again in a minute.",
    ),
    "RESOURCE_LIMIT_EXCEEDED": ("An MLflow limit was reached: {said}", "Ask for less at a time."),
    "RESOURCE_EXHAUSTED": ("The MLflow server is out of a resource: {said}", "Ask for less at a time."),
    "DEADLINE_EXCEEDED": (
        "The MLflow server took too long: {said}",
        "Ask for less: fewer experiments, a narrower query.",
    ),
    "CANCELLED": ("The MLflow server cancelled the request: {said}", "Try again."),
    "NOT_IMPLEMENTED": (
        "This MLflow server cannot do that: {said}",
        "It may be older than this tool needs; get_server_info shows its version.",
    ),
    "FEATURE_DISABLED": (
        "This MLflow server has that switched off: {said}",
        "Its operator can switch it on.",
    ),
    "DATA_LOSS": ("The MLflow server has lost data: {said}", "Its operator has to look at its log."),
}


# Codes that a read never gets in normal work, or that say no more than their name does.
OTHER_CODE = ("MLflow answered {code}: {said}", "Correct the arguments, or ask the server's operator.")


_TIME_OUTS = ("ReadTimeout", "ReadTimeoutError", "ConnectTimeout", "ConnectTimeoutError", "Timeout")


_OLD_SCHEMA = re.compile(r"out-of-date database schema", re.I)


def problem_of(error: BaseException, uri: str) -> Problem:  # noqa: C901  # one branch per foreign failure, until the table
    """The sentence for any exception that came up while asking the store at `uri`."""
    if isinstance(error, Problem):
        return error
    where = safe_uri(uri)
    links = _chain(error)
    if where.startswith("http://") and _has_no_answer(links):
        return Unreachable(
            f"{where} closed the connection without an HTTP answer.",
            f"If that server speaks https, set MLFLOW_TRACKING_URI=https://{where.removeprefix('http://')}; "
            "if not, try once more or ask its operator.",
        )
    for link in links:
        kind = type(link).__name__
        text = str(link)
        if isinstance(link, ssl.SSLError):
            return _of_tls(link, where)
        if type(link) is OSError and link.errno is None:  # what requests raises for a TLS file that it does not find
            return Problem(
                f"A file for TLS cannot be read: {short(text)}.",
                "Correct MLFLOW_TRACKING_SERVER_CERT_PATH or MLFLOW_TRACKING_CLIENT_CERT_PATH in the host's env block.",
            )
        if kind in _TIME_OUTS:
            return stalled(where)
        if kind in (
            "NewConnectionError",
            "NameResolutionError",
            "ConnectionRefusedError",
            "InvalidUrlException",
        ):
            return _unreachable(where, text)
        if kind in (
            "ProtocolError",
            "RemoteDisconnected",
            "ConnectionResetError",
            "IncompleteRead",
            "ChunkedEncodingError",
        ):
            return Unreachable(
                f"{where} broke off the connection before the answer was complete.",
                "Try once more; if it stays, check MLFLOW_TRACKING_URI (http or https, port, path) or ask the server's operator.",
            )
        if refused := re.search(r"too many (\d{3}) error responses", text):
            return of_status(int(refused[1]), where)
        if "Databricks credential" in text:
            return Problem(
                "No credentials for Databricks were found.",
                "Set DATABRICKS_HOST and DATABRICKS_TOKEN in the host's env block, or log in with the Databricks CLI.",
            )
        if _OLD_SCHEMA.search(text):
            return Problem(
                f"The database {where} was made by another version of MLflow: {short(text)}",
                f"Take a backup, then run `mlflow db upgrade {where}`.",
            )
    return _of_mlflow(error, where) or _of_requests(error, where) or _of_other(error, where)


# What kind of problem a code of MLflow's protocol is; the others are plain. MLflow's client also raises ENDPOINT_NOT_FOUND
# for a 404 without an MLflow answer.
_KINDS: dict[str, type[Problem]] = {
    "RESOURCE_DOES_NOT_EXIST": NotFound,
    "NOT_FOUND": NotFound,
    "ENDPOINT_NOT_FOUND": UnsupportedByServer,
    "NOT_IMPLEMENTED": UnsupportedByServer,
    "INVALID_PARAMETER_VALUE": RejectedByMlflow,
}


def code_of(error: BaseException) -> str | None:
    """The error code of MLflow's protocol that an exception of its client carries, e.g. "RESOURCE_DOES_NOT_EXIST"."""
    code = getattr(error, "error_code", None)
    return code if isinstance(code, str) else None


def unsupported(where: str, feature: str, since: str) -> UnsupportedByServer:
    return UnsupportedByServer(
        f"The MLflow server at {where} does not support {feature}, which need MLflow {since} or newer.",
        "get_server_info shows its version.",
    )


def _problem_with_code(code: str, message: str) -> Problem:
    """The sentence for an error object of MLflow's, as the kind of problem that its code says."""
    failed, next_step = SENTENCES.get(code, OTHER_CODE)
    return _KINDS.get(code, Problem)(failed.format(said=_sentence(message), code=code), next_step)


def stalled(where: str) -> TimedOut:
    return TimedOut(
        f"The MLflow server at {where} accepts connections but does not answer.",
        "It may be overloaded or stuck: try again in a minute, or check MLFLOW_TRACKING_URI.",
    )


def _unreachable(where: str, text: str) -> Unreachable:
    unknown_host = "resolve" in text.lower() or "Name or service" in text
    why = "its host name is unknown" if unknown_host else "nothing answers there"
    return Unreachable(
        f"The MLflow server at {where} cannot be reached: {why}.",
        "Check MLFLOW_TRACKING_URI in the host's env block, and that the server runs and this machine may reach it.",
    )


def _chain(error: BaseException) -> list[BaseException]:
    """The error, its causes and the errors that urllib3 and requests carry as arguments, outermost first."""
    found: list[BaseException] = []
    open_ends: list[object] = [error]
    while open_ends and len(found) < 20:
        link = open_ends.pop(0)
        # `reason` is an error in urllib3, and a text in the standard library.
        if not isinstance(link, BaseException) or any(link is seen for seen in found):
            continue
        found.append(link)
        open_ends += [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]
    return found


def _has_no_answer(links: Sequence[BaseException]) -> bool:
    """Whether the connection ended before a line of HTTP came. A server that waits for TLS does so to a plain request: it
    hangs up, resets, or sends an alert of TLS."""
    begun = any(type(link).__name__ in ("ChunkedEncodingError", "IncompleteRead") for link in links)
    return not begun and any(isinstance(link, (ConnectionResetError, http.client.BadStatusLine)) for link in links)


# OpenSSL's numbers for why a certificate was refused (X509_V_ERR_…).
_NOT_YET_VALID, _EXPIRED, _WRONG_HOST, _WRONG_ADDRESS = 9, 10, 62, 64


# What OpenSSL calls an answer that is not TLS. Which one depends on its version and on the first bytes that come.
_NOT_TLS = (
    "WRONG_VERSION_NUMBER",
    "RECORD_LAYER_FAILURE",
    "HTTP_REQUEST",
    "UNKNOWN_PROTOCOL",
    "PACKET_LENGTH_TOO_LONG",
)


def _of_tls(error: ssl.SSLError, where: str) -> Problem:
    """The sentence for a TLS connection that failed, by the codes that OpenSSL gives."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _of_certificate(error, where)
    reason = error.reason or ""
    if reason in _NOT_TLS:
        return Unreachable(
            f"The server at {where} does not speak https on this port.",
            f"Set MLFLOW_TRACKING_URI=http://{where.removeprefix('https://')}, or correct the port.",
        )
    if reason.endswith("CERTIFICATE_REQUIRED"):
        return Unreachable(
            f"The server at {where} accepts only clients that have a TLS certificate.",
            "Set MLFLOW_TRACKING_CLIENT_CERT_PATH to the file (PEM) with yours and its key, in the host's env block.",
        )
    if error.library in ("X509", "PEM"):
        return Problem(
            f"A file for TLS holds no certificate or key in PEM form ({reason}).",
            "Correct MLFLOW_TRACKING_SERVER_CERT_PATH or MLFLOW_TRACKING_CLIENT_CERT_PATH in the host's env block.",
        )
    return Unreachable(
        f"The TLS connection to {where} failed ({reason or short(str(error))}).",
        "Check MLFLOW_TRACKING_URI (http or https, port), or ask the server's operator which TLS versions it accepts.",
    )


def _of_certificate(error: ssl.SSLCertVerificationError, where: str) -> Unreachable:
    if error.verify_code in (_WRONG_HOST, _WRONG_ADDRESS):
        return Unreachable(
            f"The TLS certificate of {where} was issued for another host name.",
            "Use the host name that the certificate names in MLFLOW_TRACKING_URI.",
        )
    if error.verify_code in (_EXPIRED, _NOT_YET_VALID):
        state = "has expired" if error.verify_code == _EXPIRED else "is not valid yet"
        return Unreachable(
            f"The TLS certificate of {where} {state}.",
            "Check this machine's clock; if it is right, the server's operator has to renew the certificate.",
        )
    return Unreachable(
        f"The TLS certificate of {where} could not be verified ({error.verify_message}).",
        "Set MLFLOW_TRACKING_SERVER_CERT_PATH to the CA file (PEM), or MLFLOW_TRACKING_INSECURE_TLS=true for a server you trust.",
    )


def _of_mlflow(error: BaseException, where: str) -> Problem | None:
    code = code_of(error)
    if code is None:
        return None
    said = str(getattr(error, "message", error))
    status = re.search(r"failed with error code (\d{3})", said)
    if "not in a valid JSON format" in said or (status and "<" in said and "html" in said.lower()):
        return not_mlflow(where, int(status[1]) if status else 200)
    if status:
        return of_status(int(status[1]), where, said.partition("Response body: ")[2].strip("'"))
    told = getattr(error, "json", None)
    if isinstance(told, dict) and "error_code" not in told:  # MLflow's client drops the status of such an answer
        return Unreachable(
            f"What answers at {where} reports an error that is not MLflow's: {_sentence(said)}",
            "A gateway or log-in proxy answers like this: check MLFLOW_TRACKING_URI and the credentials "
            "(MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD).",
        )
    return _problem_with_code(code, said)


def _sentence(text: str) -> str:
    line = short(text)
    # RestException puts the code in front of what the server said.
    line = re.sub(r"^[A-Z_]{4,}: (Response: )?", "", line)
    return line if line.endswith((".", "!", "?", "…")) else line + "."


def _of_requests(error: BaseException, where: str) -> Problem | None:
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    return None if status is None else of_status(int(status), where, getattr(response, "text", ""))


def of_status(status: int, where: str, body: str = "") -> Problem:
    """The sentence for an HTTP status that came without an MLflow error object, or with one in `body`."""
    try:
        told = json.loads(body)
        code, said = str(told["error_code"]), str(told.get("message", ""))
    except (ValueError, TypeError, KeyError):
        code, said = "", ""
    if code in SENTENCES and status not in (401, 403):
        return _problem_with_code(code, said)
    if status == 401:
        return Unreachable(
            f"The MLflow server at {where} does not accept the credentials (401).",
            "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, in the host's env block.",
        )
    if status == 403:
        return Unreachable(
            f"The MLflow server at {where} refuses access with these credentials (403).",
            "Its operator has to grant read permission, or set other MLFLOW_TRACKING_USERNAME/PASSWORD or MLFLOW_TRACKING_TOKEN.",
        )
    if status == 404:
        return not_mlflow(where, status)
    if status in (429, 503):
        return Unreachable(f"The MLflow server at {where} is overloaded ({status}).", "Try again in a minute.")
    if status >= 500:
        return Unreachable(
            f"The MLflow server at {where} failed inside ({status}).",
            "Try once more; if it stays, its operator has to look at its log.",
        )
    return Unreachable(f"The MLflow server at {where} answered with status {status}.", "Check MLFLOW_TRACKING_URI.")


def not_mlflow(where: str, status: int) -> NotMlflow:
    return NotMlflow(
        f"What answers at {where} is not an MLflow tracking server (status {status}, no MLflow answer).",
        "Check MLFLOW_TRACKING_URI: a missing path prefix, a log-in page or a proxy in between look like this.",
    )


def _of_other(error: BaseException, where: str) -> Problem:
    if isinstance(error, ModuleNotFoundError):
        return missing_extra(error.name or "")
    if type(error).__module__.startswith("sqlalchemy"):
        return Problem(
            f"The database {where} could not be read: {short(str(error))}",
            "Check that it is an MLflow database, that it is not locked, and that this user may read it.",
        )
    if isinstance(error, OSError):
        return Problem(
            f"A file could not be read: {error.strerror or short(str(error))}.", "Check MLFLOW_TRACKING_URI."
        )
    return Problem(
        f"This call failed unexpectedly ({type(error).__name__}: {short(str(error), 160)}).",
        "The next call is not affected. If it happens again, please report it with the arguments you used.",
    )


# Which extra of this package brings a module that is not installed with it.
EXTRAS = {
    "matplotlib": "plots",
    "pyarrow": "parquet",
    "PIL": "images",
    "bs4": "documents",
    "pypdf": "documents",
    "boto3": "s3",
    "botocore": "s3",
    "google": "gcs",
    "azure": "azure",
    "psycopg": "postgres",
    "psycopg2": "postgres",
    "databricks": "databricks",
}


def missing_extra(module: str) -> Problem:
    """The sentence for a Python module that this call needs and that is not installed."""
    extra = EXTRAS.get(module.partition(".")[0])
    if extra is None:
        return Problem(
            f"This needs the Python package '{module}', which is not installed.", "Install it beside mlflow-mcp."
        )
    return Problem(
        f"This needs the extra '{extra}', which is not installed.",
        f"Start the server as `uvx 'mlflow-mcp[{extra}]'` (args: [\"mlflow-mcp[{extra}]\"] in the host's configuration).",
    )
