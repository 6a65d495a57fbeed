"""Runs: one, or one request's worth of a search. Paging over many experiments is in `pages`, reading all in `scan`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlflow_mcp.client.experiments import chunks
from mlflow_mcp.client.filters import explained
from mlflow_mcp.client.transport.codes import not_mlflow
from mlflow_mcp.client.transport.connection import token_of
from mlflow_mcp.errors import NotFound, RunNotFound
from mlflow_mcp.text import safe_uri

if TYPE_CHECKING:
    from mlflow.entities import Run

    from mlflow_mcp.client import Client


class Runs:
    """`client.runs`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        # Of the runs that this call has read: where their artifacts are, which another request need not ask.
        self._artifact_roots: dict[str, str] = {}

    def get(self, run_id: str) -> Run:
        """The run. Raises RunNotFound, with the next step, when the server has none of that id."""
        try:
            with self._client.naming(f"run '{run_id}'"):
                run = self._client.ask(lambda: self._client.connection.mlflow.get_run(run_id))
        except NotFound as error:
            raise RunNotFound(
                f"No run has the id '{run_id}'.",
                "It may be deleted, or another kind of id: resolve_id finds what it is.",
            ) from error
        if not run.info.run_id:  # MLflow's client makes a run of any JSON
            raise not_mlflow(safe_uri(self._client.uri), 200)
        self._remember(run)
        return run

    def artifact_root(self, run_id: str) -> str:
        """Where the run's artifacts are, as MLflow says it: `mlflow-artifacts:/…`, a folder, `s3://…`; empty for none."""
        known = self._artifact_roots.get(run_id)
        return str(self.get(run_id).info.artifact_uri or "") if known is None else known

    def _remember(self, run: Run) -> None:
        self._artifact_roots[run.info.run_id] = str(run.info.artifact_uri or "")

    def search(
        self,
        experiment_ids: Sequence[str],
        query: str = "",
        *,
        order_by: Sequence[str] = (),
        max_results: int = 1_000,
        page_token: str | None = None,
        deleted: bool = False,
    ) -> tuple[list[Run], str | None]:
        """One page of `runs/search` and the token of the next. At most EXPERIMENTS_PER_REQUEST experiments."""
        if not experiment_ids:
            return [], None
        with explained(query):
            page = self._client.ask(
                lambda: self._client.connection.mlflow.search_runs(
                    list(experiment_ids),
                    query,
                    run_view_type=2 if deleted else 1,  # ViewType.DELETED_ONLY, ACTIVE_ONLY
                    max_results=max_results,
                    order_by=list(order_by) or None,
                    page_token=page_token,
                )
            )
        if any(not run.info.run_id for run in page):
            raise not_mlflow(safe_uri(self._client.uri), 200)
        return list(page), token_of(page)

    def find(
        self, experiment_ids: Sequence[str], query: str, *, at_most: int = 1_000, deleted: bool = False
    ) -> list[Run]:
        """The runs that match in any number of experiments: one request per thousand experiments, at the same time."""
        pages = self._client.run_concurrently(
            *(
                lambda ids=chunk: self.search(ids, query, max_results=at_most, deleted=deleted)
                for chunk in chunks(experiment_ids)
            )
        )
        found = [run for page, _ in pages for run in page]
        for run in found:
            self._remember(run)
        return found
