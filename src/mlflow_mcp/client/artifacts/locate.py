"""Which store keeps the artifacts of a run, a logged model or a model version.

Behind an http(s) tracking server, in a folder, in S3. For what is left, MLflow's artifact repository downloads whole files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mlflow_mcp.client.artifacts.allowed import check_bucket, check_folder, is_bucket
from mlflow_mcp.client.artifacts.folder import Folder
from mlflow_mcp.client.artifacts.other import Repository
from mlflow_mcp.client.artifacts.s3 import Bucket
from mlflow_mcp.client.artifacts.served import ProxiedRoot, ServedRun, ServerCannotRead
from mlflow_mcp.client.artifacts.store import ArtifactEntry, ArtifactStore, ByteRange
from mlflow_mcp.client.ids.parse import model_ref
from mlflow_mcp.client.transport.local_store import local_path
from mlflow_mcp.errors import Problem

if TYPE_CHECKING:
    from mlflow_mcp.client import Client


def store_of_run(client: Client, run_id: str) -> ArtifactStore:
    if client.is_http:
        return _ServedOrBucket(client, run_id)
    return store_at(client, client.runs.artifact_root(run_id), run_id)


def store_at(client: Client, root: str, owner: str = "") -> ArtifactStore:
    """The store that an artifact root (`mlflow-artifacts:/…`, a folder, `s3://…`) names.

    A folder is read only when it carries its owner's id, as MLflow lays them out (of a store without a server also below the
    store's own root), and a bucket when the operator or the store's own root names it: whoever may write to the store
    could otherwise name any folder of this machine and any host.
    """
    scheme = urlsplit(root).scheme
    is_proxied = client.is_http and scheme in ("mlflow-artifacts", "http", "https")
    if client.settings.auth == "passthrough" and not is_proxied:
        raise Problem(
            "These artifacts do not come through the MLflow server, which alone knows what you may read.",
            "Ask the operator of the MLflow server to serve artifacts (--serve-artifacts).",
        )
    if (folder := local_path(root)) is not None:
        if client.is_http and (not folder.is_dir() or owner not in folder.resolve().parts):
            raise Problem(
                f"These artifacts lie in {folder} of the server's own disk, which this machine does not see.",
                "Its operator can start it with --serve-artifacts; artifacts of runs are readable in any case.",
            )
        if not client.is_http:
            check_folder(client, folder, owner)
        return Folder(folder.resolve())
    if is_proxied:
        return ProxiedRoot(client, root)
    if scheme == "mlflow-artifacts":
        raise Problem(
            "These artifacts are behind the MLflow server of this store, which is opened here without it.",
            "Set MLFLOW_TRACKING_URI to the address of that server.",
        )
    if not client.uri.startswith("databricks"):  # whose own store is behind the host of the URI
        check_bucket(client, root)
    if scheme == "s3":
        return Bucket(root)
    return Repository(root)


class _ServedOrBucket:
    """A run's artifacts as its server serves them; where the server fails to read a bucket, from the bucket: this machine
    may have the credentials that the server lacks."""

    def __init__(self, client: Client, run_id: str) -> None:
        self._client, self._run_id = client, run_id
        self._served = ServedRun(client, run_id)

    def entries(self, folder: str) -> list[ArtifactEntry]:
        try:
            return self._served.entries(folder)
        except ServerCannotRead as failure:
            return self._bucket(failure).entries(folder)

    def read(self, path: str, start: int, length: int) -> ByteRange:
        try:
            return self._served.read(path, start, length)
        except ServerCannotRead as failure:
            return self._bucket(failure).read(path, start, length)

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        blocks = self._served.stream(path, start)
        try:
            first = next(blocks, b"")
        except ServerCannotRead as failure:
            yield from self._bucket(failure).stream(path, start)
            return
        yield first
        yield from blocks

    def _bucket(self, failure: ServerCannotRead) -> ArtifactStore:
        """The bucket that the run's artifacts are in. Raises the server's failure when they are in none."""
        root = self._client.runs.artifact_root(self._run_id)
        if not is_bucket(root):
            raise failure
        return store_at(self._client, root)


def store_of_model(client: Client, name: str) -> ArtifactStore:
    """The artifacts of a logged model (`m-…`, `models:/m-…`) or a model version (`models:/name/3`, `models:/name@alias`)."""
    ref = model_ref(name)
    if ref.model_id:
        model = client.models.logged(ref.model_id)
        return store_at(client, str(model.artifact_location), ref.model_id)
    if not ref.name or not ref.version:
        raise Problem(f"'{name}' names no model version.", "Write models:/name/3, models:/name@alias or models:/m-….")
    uri = client.models.registry.version_uri(ref.name, ref.version)
    return store_of_model(client, uri) if uri.startswith("models:/") else store_at(client, uri)
