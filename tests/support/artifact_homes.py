"""Stores whose runs get the artifacts that a test needs, put where MLflow keeps them: on a disk, behind a server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlflow_mcp.artifact_source import ArtifactSource
from mlflow_mcp.settings import Settings
from mlflow_mcp.tracking import Tracking


@dataclass(frozen=True)
class Home:
    """A tracking store that tests may write to. Nothing of it is compared as a whole."""

    uri: str
    served_from: Path | None = None
    """Where the server of an http URI keeps what it serves."""

    def run(self, files: Mapping[str, bytes | str] | None = None, name: str = "a run") -> str:
        """The id of a new run with these files."""
        from mlflow import MlflowClient

        info = MlflowClient(self.uri).create_run("0", run_name=name).info
        folder = self._folder_at(info.artifact_uri)
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in (files or {}).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content.encode() if isinstance(content, str) else content)
        return str(info.run_id)

    def folder(self, run_id: str) -> Path:
        """Where the run's artifacts lie."""
        from mlflow import MlflowClient

        return self._folder_at(MlflowClient(self.uri).get_run(run_id).info.artifact_uri)

    def _folder_at(self, location: str) -> Path:
        if self.served_from is not None:
            return self.served_from / location.removeprefix("mlflow-artifacts:/")
        return Path(location.removeprefix("file://"))

    def source(self, run_id: str) -> ArtifactSource:
        return ArtifactSource(Tracking(Settings(tracking_uri=self.uri)), run_id)
