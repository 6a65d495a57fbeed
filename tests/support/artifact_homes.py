"""Stores whose runs get the artifacts that a test needs, put where MLflow keeps them: on a disk, behind a server."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support import raw_store
from tests.support.raw_store import RawRun


@dataclass(frozen=True)
class Home:
    """A tracking store that tests may write to. Nothing of it is compared as a whole."""

    uri: str
    artifacts: Path
    """Where the store, or the server of an http URI, keeps the files of its runs."""

    def run(self, files: Mapping[str, bytes | str] | None = None, name: str = "a run") -> str:
        """The id of a new run with these files."""
        run_id = self._new_run(name)
        folder = self.folder(run_id)
        folder.mkdir(parents=True)
        for path, content in (files or {}).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content.encode() if isinstance(content, str) else content)
        return run_id

    def folder(self, run_id: str) -> Path:
        """Where the run's artifacts lie."""
        return self.artifacts / "0" / run_id / "artifacts"

    def _new_run(self, name: str) -> str:
        if self.uri.startswith("sqlite:"):
            run_id = uuid.uuid4().hex
            with raw_store.opened(self.uri) as db:
                raw_store.add_runs(db, [RawRun(run_id, name=name, artifact_uri=self.folder(run_id).as_uri())])
            return run_id
        from mlflow import MlflowClient

        return str(MlflowClient(self.uri).create_run("0", run_name=name).info.run_id)
