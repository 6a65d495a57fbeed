"""Scorers that were registered: an experiment's judges and code."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from mlflow_mcp.client.genai.store import ask_database, store_of
from mlflow_mcp.entities.scorer import ScorerView

if TYPE_CHECKING:
    from mlflow.entities import ScorerVersion

    from mlflow_mcp.client import Client

# MLflow lists them for one experiment at a time.
MOST_EXPERIMENTS = 100


class Scorers:
    """`client.genai.scorers`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def latest(self, experiment_ids: Sequence[str]) -> list[ScorerView]:
        """The latest version of each scorer of these experiments: a request for each of them, side by side."""
        found = self._client.run_concurrently(*(partial(self._of, each) for each in experiment_ids))
        return [ScorerView.of(scorer) for scorers in found for scorer in scorers]

    def versions(self, scorer: ScorerView) -> list[ScorerView]:
        """All versions of a scorer, newest first."""
        found: list[ScorerVersion] = ask_database(
            self._client,
            lambda: store_of(self._client).list_scorer_versions(scorer.experiment_id, scorer.name),
            "scorers",
        )
        return sorted(map(ScorerView.of, found), key=lambda each: each.version, reverse=True)

    def _of(self, experiment_id: str) -> list[ScorerVersion]:
        return ask_database(self._client, lambda: store_of(self._client).list_scorers(experiment_id), "scorers")
