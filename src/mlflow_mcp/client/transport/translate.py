"""Foreign errors to ours: one table, by the types of MLflow, requests, urllib3, SQLAlchemy, ssl and the operating system.

What a type does not tell, the facts of the last answer do (`ResponseFacts`); no decision is made on the words of a message.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache

from mlflow_mcp import installation
from mlflow_mcp.client.call import CallEnded
from mlflow_mcp.client.transport.codes import not_mlflow, of_code, of_status, sentence
from mlflow_mcp.client.transport.failures import (
    broken_off,
    chain,
    has_no_answer,
    not_unpacked,
    nothing_answers,
    redirects_in_circles,
    stalled,
    unknown_host,
)
from mlflow_mcp.client.transport.tls import of_tls
from mlflow_mcp.errors import Problem, Unreachable, UnsupportedByServer
from mlflow_mcp.text import safe_uri, short


@dataclass(frozen=True)
class ResponseFacts:
    """What is known of an HTTP answer, whatever MLflow's client makes of it."""

    status: int
    content_type: str
    body: str


# The last answer that came in this context; each request of a call runs in a context of its own.
last_response: ContextVar[ResponseFacts | None] = ContextVar("last_response", default=None)


def problem_of(error: BaseException, uri: str) -> Problem:
    """The sentence for any exception that came up while asking the store at `uri`."""
    if isinstance(error, Problem):
        return error
    where = safe_uri(uri)
    links = chain(error)
    if ours := next((link for link in links if isinstance(link, Problem)), None):
        return ours  # raised in an HTTP session; MLflow's client wraps it
    if where.startswith("http://") and has_no_answer(links):
        return Unreachable(
            f"{where} closed the connection without an HTTP answer.",
            f"If that server speaks https, set MLFLOW_TRACKING_URI=https://{where.removeprefix('http://')}; "
            "if not, try once more or ask its operator.",
        )
    for link in links:
        for types, sentence_of in _table():
            if isinstance(link, types) and (problem := sentence_of(link, where)) is not None:
                return problem
    return _of_mlflow(error, where, uri) or _of_other(error, where)


def ended_in(error: BaseException) -> CallEnded | None:
    """The end of the call, when that is what MLflow's client has wrapped."""
    return next((link for link in chain(error) if isinstance(link, CallEnded)), None)


SentenceOf = Callable[..., "Problem | None"]


@cache
def _table() -> tuple[tuple[tuple[type[BaseException], ...], SentenceOf], ...]:
    """Types of foreign errors and what makes a sentence of each (None: not this one after all). The first that fits counts."""
    import requests.exceptions
    import urllib3.exceptions
    from google.protobuf.json_format import ParseError
    from mlflow.exceptions import InvalidUrlException

    rows: list[tuple[tuple[type[BaseException], ...], SentenceOf]] = [
        ((ssl.SSLError,), of_tls),
        ((requests.exceptions.SSLError,), _of_tls_file),
        ((OSError,), _of_tls_file),
        ((socket.gaierror, getattr(urllib3.exceptions, "NameResolutionError", socket.gaierror)), unknown_host),
        ((urllib3.exceptions.NewConnectionError, ConnectionRefusedError, InvalidUrlException), nothing_answers),
        ((requests.exceptions.Timeout, urllib3.exceptions.TimeoutError), lambda link, where: stalled(where)),
        ((urllib3.exceptions.ResponseError,), _of_repeated_status),
        (
            (
                urllib3.exceptions.ProtocolError,
                urllib3.exceptions.IncompleteRead,
                requests.exceptions.ChunkedEncodingError,
                http.client.RemoteDisconnected,
                http.client.IncompleteRead,
                ConnectionResetError,
            ),
            broken_off,
        ),
        ((requests.exceptions.HTTPError,), _of_http_error),
        ((requests.exceptions.ContentDecodingError, urllib3.exceptions.DecodeError), not_unpacked),
        ((requests.exceptions.TooManyRedirects,), redirects_in_circles),
        ((ParseError, requests.exceptions.JSONDecodeError), lambda link, where: not_mlflow(where, 200)),
        ((ModuleNotFoundError,), lambda link, where: missing_extra(link.name or "")),
    ]
    return tuple(rows)


def _of_tls_file(error: OSError, where: str) -> Problem | None:
    """What requests raises for a TLS file that it does not find: an OSError without a number."""
    if type(error) is not OSError or error.errno is not None:
        return None
    return Problem(
        f"A file for TLS cannot be read: {short(str(error))}.",
        "Correct MLFLOW_TRACKING_SERVER_CERT_PATH or MLFLOW_TRACKING_CLIENT_CERT_PATH in the host's env block.",
    )


def _of_repeated_status(error: BaseException, where: str) -> Problem | None:
    """urllib3 gives up after retries without the answer; the status is in its own fixed text only."""
    from urllib3.exceptions import ResponseError

    template = re.escape(ResponseError.SPECIFIC_ERROR).replace(r"\{status_code\}", r"(\d{3})")
    status = re.fullmatch(template, str(error))
    return of_status(int(status[1]), where) if status else None


def _of_http_error(error: BaseException, where: str) -> Problem | None:
    response = getattr(error, "response", None)
    return None if response is None else of_status(int(response.status_code), where, response.text)


def unsupported(where: str, feature: str, since: str) -> UnsupportedByServer:
    return UnsupportedByServer(
        f"The MLflow server at {where} does not support {feature}, which need MLflow {since} or newer.",
        "get_server_info shows its version.",
    )


def _of_mlflow(error: BaseException, where: str, uri: str) -> Problem | None:
    from mlflow.exceptions import MlflowException, RestException

    if not isinstance(error, MlflowException):
        return None
    code, message = str(error.error_code), str(error.message)
    if isinstance(error, RestException):
        if "error_code" in error.json:
            return of_code(code, message)
        # MLflow's client drops the status of such an answer.
        return Unreachable(
            f"What answers at {where} reports an error that is not MLflow's: {sentence(message)}",
            "A gateway or log-in proxy answers like this: check MLFLOW_TRACKING_URI and the credentials "
            "(MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD).",
        )
    response = last_response.get()
    if response is not None:
        # MLflow's basic-auth refuses with plain text that it calls HTML.
        if response.status == 200 or ("html" in response.content_type and response.status not in (401, 403)):
            return not_mlflow(where, response.status)
        return of_status(response.status, where, response.body)
    if uri.startswith("databricks") and code == "INTERNAL_ERROR":  # raised before any request is sent
        return Problem(
            "No credentials for Databricks were found.",
            "Set DATABRICKS_HOST and DATABRICKS_TOKEN in the host's env block, or log in with the Databricks CLI.",
        )
    return of_code(code, message)


def _of_other(error: BaseException, where: str) -> Problem:
    from sqlalchemy.exc import SQLAlchemyError

    if isinstance(error, SQLAlchemyError):
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
    return Problem(f"This needs the extra '{extra}', which is not installed.", installation.how_to_add(extra))
