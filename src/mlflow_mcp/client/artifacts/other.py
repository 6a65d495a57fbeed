"""Artifacts in any other store that MLflow knows: whole files only."""

from __future__ import annotations

import posixpath
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlflow_mcp.client.artifacts.folder import Folder
from mlflow_mcp.client.artifacts.store import ArtifactEntry, ByteRange, folder_not_file


class Repository:
    """Any other store, through MLflow's artifact repository: it can only download whole files."""

    def __init__(self, root: str) -> None:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        self._repository: Any = get_artifact_repository(root)

    def entries(self, folder: str) -> list[ArtifactEntry]:
        files = self._repository.list_artifacts(folder or None)
        return [ArtifactEntry(file.path, bool(file.is_dir), file.file_size) for file in files]

    def read(self, path: str, start: int, length: int) -> ByteRange:
        with self._downloaded(path) as folder:
            return folder.read(posixpath.basename(path), start, length)

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        with self._downloaded(path) as folder:
            yield from folder.stream(posixpath.basename(path), start)

    @contextmanager
    def _downloaded(self, path: str) -> Iterator[Folder]:
        with tempfile.TemporaryDirectory(prefix="mlflow-mcp-") as temporary:
            copy = Path(self._repository.download_artifacts(path, temporary)).resolve()
            if copy.is_dir():
                raise folder_not_file(path)
            yield Folder(copy.parent)
