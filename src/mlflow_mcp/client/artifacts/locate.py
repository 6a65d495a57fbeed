"""Where the artifacts of a run, a logged model or a model version are kept.

Behind an http(s) tracking server, in a folder, in S3. For what is left, MLflow's artifact repository downloads whole files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mlflow_mcp.client.artifacts.folder import Folder
from mlflow_mcp.client.artifacts.other import Repository
from mlflow_mcp.client.artifacts.s3 import Bucket
from mlflow_mcp.client.artifacts.served import ProxiedRoot, ServedRun
from mlflow_mcp.client.artifacts.store import Place
from mlflow_mcp.client.transport.local_store import local_path
from mlflow_mcp.errors import Problem

if TYPE_CHECKING:
    from mlflow_mcp.client import Client


def place_of_run(client: Client, run_id: str) -> Place:
    if client.is_http:
        return ServedRun(client, run_id, place_at)
    return place_at(client, str(client.runs.get(run_id).info.artifact_uri or ""))


def place_at(client: Client, root: str, owner: str = "") -> Place:
    """The place that an artifact root (`mlflow-artifacts:/…`, a folder, `s3://…`) names.

    A folder named by a remote server is read only when it carries its owner's id, as MLflow lays them out on a shared
    disk: whoever may write to that server could otherwise name any folder of this machine.
    """
    scheme = urlsplit(root).scheme
    if (folder := local_path(root)) is not None:
        if client.is_http and (not folder.is_dir() or owner not in folder.resolve().parts):
            raise Problem(
                f"These artifacts lie in {folder} of the server's own disk, which this machine does not see.",
                "Its operator can start it with --serve-artifacts; artifacts of runs are readable in any case.",
            )
        return Folder(folder.resolve())
    if client.is_http and scheme in ("mlflow-artifacts", "http", "https"):
        return ProxiedRoot(client, root)
    if scheme == "s3":
        return Bucket(root)
    return Repository(root)


_MODEL_ID = re.compile(r"m-[0-9a-f]{32}")


def is_model(given: str) -> bool:
    """Whether an id names a logged model or a model version rather than a run."""
    return given.startswith("models:/") or bool(_MODEL_ID.fullmatch(given))


def place_of_model(client: Client, given: str) -> Place:
    """The artifacts of a logged model (`m-…`, `models:/m-…`) or a model version (`models:/name/3`, `models:/name@alias`)."""
    named = given.removeprefix("models:/").strip("/")
    if _MODEL_ID.fullmatch(named):
        model = client.models.logged(named)
        return place_at(client, str(model.artifact_location), named)
    uri = client.models.version_uri(*_name_and_version(given, named))
    return place_of_model(client, uri) if uri.startswith("models:/") else place_at(client, uri)


def _name_and_version(given: str, named: str) -> tuple[str, str]:
    """("name", "3") or ("name", "@alias")."""
    if "@" in named:
        name, _, alias = named.rpartition("@")
        return name, f"@{alias}"
    name, _, version = named.rpartition("/")
    if not name or not version.isdigit():
        raise Problem(f"'{given}' names no model version.", "Write models:/name/3, models:/name@alias or models:/m-….")
    return name, version
