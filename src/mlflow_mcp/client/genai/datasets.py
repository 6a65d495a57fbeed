"""Evaluation datasets and their records."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from mlflow_mcp.client.filters import explained, quoted_value
from mlflow_mcp.client.genai.store import ask_database, store_of
from mlflow_mcp.client.transport.connection import token_of
from mlflow_mcp.errors import AccessRefused, NotFound, Problem
from mlflow_mcp.text import hint, iso, listed, plural

if TYPE_CHECKING:
    from mlflow.entities import DatasetRecord, EvaluationDataset

    from mlflow_mcp.client import Client

T = TypeVar("T")
EXAMPLE = "name LIKE '%qa%' AND tags.team = 'nlp'"
DATASET_ID = re.compile(r"d-[0-9a-f]{32}")
_NAMES_READ = 200
_MOST_CANDIDATES = 5


class Datasets:
    """`client.genai.datasets`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def search(
        self, query: str, experiment_ids: Sequence[str] | None, most: int, page_token: str | None = None
    ) -> tuple[list[EvaluationDataset], str | None]:
        """One page of datasets without their records, newest first, and the token of the next."""
        try:
            return self._page(query, experiment_ids, most, page_token)
        except AccessRefused:
            if experiment_ids is not None:
                raise
            # MLflow's basic-auth lets administrators alone search without naming experiments.
            return self._page(query, list(self._client.experiments.names()), most, page_token)

    def _page(
        self, query: str, experiment_ids: Sequence[str] | None, most: int, page_token: str | None
    ) -> tuple[list[EvaluationDataset], str | None]:
        with explained(query, EXAMPLE):
            page = self._asked(
                lambda: self._client.connection.mlflow.search_datasets(
                    experiment_ids=list(experiment_ids) if experiment_ids else None,
                    filter_string=query or None,
                    max_results=most,
                    order_by=["created_time DESC"],
                    page_token=page_token,
                )
            )
        return list(page), token_of(page)

    def find(self, text: str) -> EvaluationDataset:
        """The dataset of this id or name. Raises NotFound with the nearest names, and Problem for several of the name."""
        if DATASET_ID.fullmatch(text):
            try:
                with self._client.naming(f"evaluation dataset '{text}'"):
                    return self._asked(lambda: self._client.connection.mlflow.get_dataset(text))
            except NotFound as error:
                raise NotFound(
                    f"No evaluation dataset has the id '{text}'.", "search_genai(kind='datasets') lists them."
                ) from error
        found, _ = self.search(f"name = {quoted_value(text)}", None, _MOST_CANDIDATES + 1)
        if not found:
            raise self._unknown(text)
        if len(found) > 1:
            raise self._several(text, found)
        return found[0]

    def names(self) -> list[str]:
        return [each.name for each in self.search("", None, _NAMES_READ)[0]]

    def experiments_of(self, dataset_id: str) -> list[str]:
        """The ids of the experiments that the dataset belongs to."""
        return [
            str(each) for each in self._asked(lambda: store_of(self._client).get_dataset_experiment_ids(dataset_id))
        ]

    def records(self, dataset_id: str, most: int, page_token: str | None) -> tuple[list[DatasetRecord], str | None]:
        """One page of records, oldest first, and the token of the next."""
        rows, token = self._asked(
            lambda: store_of(self._client)._load_dataset_records(dataset_id, max_results=most, page_token=page_token)
        )
        return list(rows), token or None

    def _unknown(self, name: str) -> NotFound:
        names = self.names()
        if not names:
            return NotFound(
                f"No evaluation dataset is called '{name}': there are none here.", "resolve_id finds what a name is."
            )
        near = hint(name, names)
        return NotFound(
            f"No evaluation dataset is called '{name}'.", f"{near} search_genai(kind='datasets') lists them.".strip()
        )

    def _several(self, name: str, found: Sequence[EvaluationDataset]) -> Problem:
        first = found[:_MOST_CANDIDATES]
        homes = self._client.run_concurrently(*(partial(self.experiments_of, each.dataset_id) for each in first))
        shown = "; ".join(
            f"{each.dataset_id} (experiment {listed([self._client.experiments.name_of(id_) for id_ in home], 3)}, "
            f"{iso(each.created_time)})"
            for each, home in zip(first, homes)
        )
        count = plural(len(found), "evaluation dataset") if len(found) <= len(first) else "many evaluation datasets"
        more = "; and more" if len(found) > len(first) else ""
        return Problem(f"'{name}' is the name of {count}: {shown}{more}.", "Call again with one of these ids.")

    def _asked(self, request: Callable[[], T]) -> T:
        return ask_database(self._client, request, "evaluation datasets")
