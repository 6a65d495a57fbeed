"""Writing a file to a run: through the server, into the store's own folder, into an allowed bucket.

The same places are written to as are read from: whoever made an experiment chose where its files lie.
"""

from __future__ import annotations

import posixpath
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mlflow_mcp.client.artifacts.allowed import check_bucket, check_folder
from mlflow_mcp.client.artifacts.served import ProxiedRoot
from mlflow_mcp.client.transport.local_store import local_path
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import safe_uri, short

if TYPE_CHECKING:
    from mlflow.entities import Experiment, Run

    from mlflow_mcp.client import Client


def check_takes_files(client: Client, experiment: Experiment) -> None:
    """Raise Problem where files of the experiment's runs cannot be written from here."""
    _check_place(client, str(experiment.artifact_location or ""))


def upload(client: Client, run: Run, file: Path, path: str) -> None:
    """Write the file to `path` among the run's artifacts, within a write. What is there is replaced."""
    root = str(run.info.artifact_uri or "")
    _check_place(client, root)
    folder = local_path(root)
    if folder is not None:
        check_folder(client, folder, str(run.info.run_id))
        _copied(file, folder.resolve(), path)
    elif urlsplit(root).scheme == "mlflow-artifacts":
        with file.open("rb") as content:
            # Of an empty file `requests` would send chunks, which not every proxy takes.
            ProxiedRoot(client, root).put(path, content if file.stat().st_size else b"")
    else:
        _through_mlflow(root, file, path)


def _check_place(client: Client, root: str) -> None:
    scheme = urlsplit(root).scheme
    if local_path(root) is not None:
        if client.is_http:
            raise Problem(
                f"Files of this experiment lie in {short(safe_uri(root), 200)} of the server's own disk, which is not written to from here.",
                "Leave files out, or ask the server's operator to start it with --serve-artifacts.",
            )
        return
    if scheme == "mlflow-artifacts":
        if not client.is_http:
            raise Problem(
                "Files of this experiment are behind the MLflow server of this store, which is opened here without it.",
                "Leave files out, or set MLFLOW_TRACKING_URI to the address of that server.",
            )
        return
    check_bucket(client, root)


def _copied(file: Path, root: Path, path: str) -> None:
    place = (root / path).resolve()
    if not place.is_relative_to(root):
        raise Problem(f"'{path}' leads outside the run's artifacts.", "Give the file another name.")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=place.parent, prefix=".", suffix=".part", delete=False) as part:
            temporary = Path(part.name)
        try:
            shutil.copyfile(file, temporary)
            temporary.chmod(0o644)
            temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise Problem(
            f"'{path}' could not be written among the run's artifacts ({error.strerror or 'no such file can be written'}).",
            "Ask the store's operator.",
        ) from error


def _through_mlflow(root: str, file: Path, path: str) -> None:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    folder, name = posixpath.split(path)
    with tempfile.TemporaryDirectory(prefix="mlflow-mcp-") as temporary:
        named = Path(temporary) / name  # MLflow names an artifact as its file is named
        named.symlink_to(file)
        get_artifact_repository(root).log_artifact(str(named), folder or None)  # type: ignore[no-untyped-call]
