"""Which artifact roots are read: whoever may write to a store chooses them, and this process reads with its user's rights."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mlflow_mcp.client.transport.local_store import local_path
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import safe_uri, short

if TYPE_CHECKING:
    from mlflow_mcp.client import Client

# What is read from, when it is allowed. Others (ftp, sftp, hdfs, http of another host) are contacted for nobody.
BUCKETS = ("s3", "gs", "wasbs", "abfss", "r2", "oss")
_SETTING = "MLFLOW_MCP_ARTIFACT_ROOTS"
# MLflow lays out the artifacts of runs and models below their ids.
_OF_SOMEBODY = re.compile(r"[0-9a-f]{32}|m-[0-9a-f]{32}")


def is_bucket(root: str) -> bool:
    return urlsplit(root).scheme in BUCKETS


def check_bucket(client: Client, root: str) -> None:
    """Raise Problem for a bucket that neither the operator nor the store's own artifact root names."""
    if is_bucket(root) and any(_is_below(root, allowed) for allowed in _allowed(client)):
        return
    place = short(safe_uri(root), 200)
    if not is_bucket(root):
        raise Problem(
            f"These artifacts are at {place}, which this server never contacts.",
            "It reads artifacts through the MLflow server, from folders, and from buckets (s3, gs, wasbs, abfss).",
        )
    raise Problem(
        f"These artifacts are in {place}, which this server may not read: whoever made the experiment chose it.",
        f"If it is to be read, the operator adds its bucket to {_SETTING}, e.g. {_bucket_of(place)}.",
    )


def check_folder(client: Client, folder: Path, owner: str) -> None:
    """Raise Problem for a folder of a store without a server that is nobody's artifacts: `file:///etc`, for example."""
    real = folder.resolve()
    named = owner in real.parts if owner else any(_OF_SOMEBODY.fullmatch(part) for part in real.parts)
    if named or any(_is_inside(real, allowed) for allowed in _allowed(client)):
        return
    raise Problem(
        f"These artifacts are said to be in {short(str(folder), 200)}, which is outside the store's artifacts and not read.",
        f"If it is to be read, the operator adds the folder to {_SETTING}.",
    )


def _allowed(client: Client) -> list[str]:
    """The roots of the setting, and the store's own: where it put the experiment that it makes itself."""
    own = ""
    with suppress(Problem):
        location = client.ask(lambda: client.connection.mlflow.get_experiment("0")).artifact_location
        own = str(location or "").rstrip("/").removesuffix("/0") if str(location).rstrip("/").endswith("/0") else ""
    return [*client.settings.artifact_roots, *([own] if own else [])]


def _is_below(root: str, allowed: str) -> bool:
    one, other = urlsplit(root), urlsplit(allowed)
    inside = [part for part in other.path.split("/") if part]
    parts = [part for part in one.path.split("/") if part]
    same_bucket = (one.scheme, one.netloc) == (other.scheme, other.netloc) and bool(other.netloc)
    return same_bucket and parts[: len(inside)] == inside and ".." not in parts


def _is_inside(folder: Path, allowed: str) -> bool:
    path = local_path(allowed)
    return path is not None and path.is_absolute() and path.parent != path and folder.is_relative_to(path.resolve())


def _bucket_of(root: str) -> str:
    parts = urlsplit(root)
    return f"{parts.scheme}://{parts.netloc}"
