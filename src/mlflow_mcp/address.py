"""What may stand in MLFLOW_TRACKING_URI, checked before MLflow sees it: MLflow takes what it cannot read for a new folder."""

from __future__ import annotations

import difflib
import re
import unicodedata
from importlib.metadata import entry_points
from urllib.parse import urlsplit

from mlflow_mcp.errors import Problem
from mlflow_mcp.text import safe_uri

# What MLflow's registry of tracking stores holds. A database may name its driver: sqlite+pysqlite.
SERVERS = ("http", "https")
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
OTHERS = ("file", "databricks", "databricks-uc", "uc")
FORMS = "https://…, sqlite:///…, postgresql://…, mysql://…, mssql://…, databricks, or a folder"

_QUOTES = "\"'`“”\u2018\u2019"
_SCHEME = re.compile(r"([^/\\:]*):(.*)", re.S)
_HOST = re.compile(r"[\w.-]+|[0-9A-Fa-f:.]+(?:%[\w.-]+)?")  # without the brackets of an IPv6 address
_UNSEEN = ("Cc", "Zl", "Zp")
_HOST_AND_PORT = re.compile(r"(?:[\w.-]+|\[[0-9a-fA-F:]+\]):\d+(?:/.*)?")


def cleaned(text: str) -> str:
    """The address without the quotes that a shell or a file left around it, its scheme in small letters."""
    bare = text.strip().strip(_QUOTES).strip()
    scheme, separator, rest = bare.partition("://")
    return f"{scheme.lower()}{separator}{rest}" if separator else bare


def names_host(uri: str) -> bool:
    """Whether an address of http(s) names a host that can be one, and a port that can be one where it names any."""
    try:
        parts = urlsplit(uri)
        return _HOST.fullmatch(parts.hostname or "") is not None and parts.port != 0
    except ValueError:  # a port that is no number, a bracket that is not closed
        return False


def check_address(uri: str) -> None:
    """Raise Problem, with the address to use if it is known, for one that MLflow would read in another sense."""
    if unseen := next((letter for letter in uri if unicodedata.category(letter) in _UNSEEN), None):
        raise Problem(
            f"MLFLOW_TRACKING_URI holds a line break or another character that is not written (U+{ord(unseen):04X}).",
            "Write the address in one line.",
        )
    found = _SCHEME.fullmatch(uri)
    if found is None or uri in OTHERS or re.match(r"[A-Za-z]:[/\\]", uri):
        return  # a path; on Windows with its drive
    scheme, rest = found[1], found[2]
    if _HOST_AND_PORT.fullmatch(uri):
        raise Problem(
            f"MLFLOW_TRACKING_URI={uri} does not say how to speak to that server.",
            f"Set MLFLOW_TRACKING_URI=http://{uri} (or https://{uri}).",
        )
    kind, _, driver = scheme.partition("+")
    plugins = {each.name for each in entry_points(group="mlflow.tracking_store")}
    if not (scheme in (*SERVERS, *OTHERS, *plugins) or (kind in DATABASES and "+" not in driver)):
        raise _unknown_scheme(uri, scheme, rest.lstrip("/"))
    if scheme in SERVERS:
        _check_server(uri, rest)


def _unknown_scheme(uri: str, scheme: str, rest: str) -> Problem:
    known = [*SERVERS, *DATABASES, *OTHERS]
    close = difflib.get_close_matches(re.sub(r"[^a-z-]", "", scheme.partition("+")[0].lower()), known, 1)
    shown = safe_uri(uri)
    failed = f"MLFLOW_TRACKING_URI={shown} begins with '{scheme}:', which MLflow does not know."
    if not close:
        return Problem(failed, f"Use {FORMS}.")
    slashes = ":///" if close[0] in ("sqlite", "file") else "://"
    return Problem(failed, f"Did you mean {close[0]}{slashes}{safe_uri('//' + rest)[2:]}?")


def _check_server(uri: str, rest: str) -> None:
    scheme = uri.partition(":")[0]
    if not names_host(uri):
        bare = rest.lstrip("/")
        host = re.fullmatch(r"[\w.-]+(:\d{1,5})?(/.*)?", bare)
        raise Problem(
            f"MLFLOW_TRACKING_URI={safe_uri(uri)} names no host, or no valid port.",
            f"Write it as {scheme}://{bare if host and not rest.startswith('//') else 'host:port'}.",
        )
    if "#" in uri:
        raise Problem(
            f"MLFLOW_TRACKING_URI={safe_uri(uri)} is the address of a page in the browser.",
            f"Set MLFLOW_TRACKING_URI={safe_uri(uri.partition('#')[0]).rstrip('/')}.",
        )
