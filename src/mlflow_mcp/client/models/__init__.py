"""Logged models: one, or searches over experiments. Registered models and their versions are in `registry`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from mlflow_mcp.client.experiments import chunks
from mlflow_mcp.client.filters import explained, like_prefix
from mlflow_mcp.client.models.on_dataset import read_matching
from mlflow_mcp.client.models.query import EXAMPLE, Dataset
from mlflow_mcp.client.models.registry import Registry
from mlflow_mcp.client.models.sent import sent_page
from mlflow_mcp.client.page_tokens import completed, shortened
from mlflow_mcp.client.pages import RowPage, Source, page_of
from mlflow_mcp.client.transport.codes import not_mlflow
from mlflow_mcp.client.transport.connection import token_of
from mlflow_mcp.client.transport.local_store import local_path
from mlflow_mcp.entities.model import model_of_version
from mlflow_mcp.errors import ModelNotFound, NotFound, Problem, RejectedByMlflow, UnsupportedByServer
from mlflow_mcp.text import safe_uri

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel

    from mlflow_mcp.client import Client
    from mlflow_mcp.client.ids.parse import ModelRef

T = TypeVar("T")

_IDS_PER_REQUEST = 100


class ModelSearch(NamedTuple):
    """What is searched: experiment ids (None: all active ones), a filter and an order as `query` makes them."""

    experiment_ids: list[str] | None
    query: str = ""
    order: Sequence[dict[str, Any]] = ()
    dataset: Dataset | None = None


class Models:
    """`client.models`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @cached_property
    def registry(self) -> Registry:
        """Registered models and their versions."""
        return Registry(self._client)

    def logged(self, model_id: str) -> LoggedModel:
        """The logged model. Raises ModelNotFound when the server has none of that id."""
        try:
            with self._client.naming(f"logged model '{model_id}'"):
                model = self._asked(lambda: self._client.connection.mlflow.get_logged_model(model_id))
        except NotFound as error:
            raise ModelNotFound(
                f"No logged model has the id '{model_id}'.",
                "It may be deleted. search_models lists models, get_run those of a run.",
            ) from error
        if not model.model_id or not model.artifact_location:  # MLflow's client makes a model of any JSON
            raise not_mlflow(safe_uri(self._client.uri), 200)
        return model

    def source_run(self, ref: ModelRef) -> str:
        """The id of the run that made the model. Raises Problem for a model that no run made."""
        run_id: str | None = None
        if ref.model_id:
            run_id = self.logged(ref.model_id).source_run_id
        elif ref.name and ref.version:
            version = self.registry.version(ref.name, ref.version)
            model_id = model_of_version(version)
            run_id = version.run_id or (self.logged(model_id).source_run_id if model_id else None)
        else:
            raise Problem(
                f"'{ref}' names no model version.", "Write models:/name/3, models:/name@alias or models:/m-…."
            )
        if not run_id:
            raise Problem(f"{ref} has no source run.", f"get_model(model='{ref}') shows what is known of it.")
        return str(run_id)

    def page(self, search: ModelSearch, limit: int, cursor: str | None) -> RowPage[LoggedModel]:
        """The next `limit` models after `cursor`. Raises Problem for a cursor of another search."""
        order = list(search.order)

        is_filtered_here = bool(self._client.is_http and search.dataset and not search.dataset.digest)

        def read_from(here: ModelSearch, most: int, token: str | None) -> tuple[list[LoggedModel], str | None]:
            if is_filtered_here and search.dataset:
                on_any = here._replace(dataset=None)
                return read_matching(partial(self.search, on_any), search.dataset.name, search.query, most, token)
            return self.search(here, most, token)

        def read(ids: list[str], most: int, token: str | None) -> tuple[list[LoggedModel], str | None]:
            known = {"experiment_ids": ids, "filter_string": search.query}
            rows, following = read_from(search._replace(experiment_ids=ids), most, completed(token, known))
            return rows, shortened(following, known)

        source = Source(
            read,
            lambda models: _ordered(models, order),
            lambda model: str(model.model_id),
            ("models", search.query, order, search.dataset),
            leaves_out=is_filtered_here,
        )
        return page_of(self._client, search.experiment_ids, source, limit, cursor)

    def find(self, search: ModelSearch, at_most: int) -> list[LoggedModel]:
        """The models that match in any number of experiments: one request per thousand experiments, at the same time."""

        def find_in(ids: list[str]) -> list[LoggedModel]:
            pages = self._client.run_concurrently(
                *(partial(self.search, search._replace(experiment_ids=part), at_most) for part in chunks(ids))
            )
            return [model for page, _ in pages for model in page]

        return self._client.experiments.search_in(search.experiment_ids, find_in)

    def by_ids(self, model_ids: Sequence[str]) -> dict[str, LoggedModel]:
        """Those of these models that lie in active experiments, by id: a request for each hundred."""
        ids = list(dict.fromkeys(model_ids))
        parts = [ids[start : start + _IDS_PER_REQUEST] for start in range(0, len(ids), _IDS_PER_REQUEST)]
        searches = [ModelSearch(None, f"model_id IN ({', '.join(map(repr, part))})") for part in parts]
        found = [model for search in searches for model in self.find(search, _IDS_PER_REQUEST)]
        return {model.model_id: model for model in found}

    def beginning_with(self, prefix: str, at_most: int = 20) -> list[LoggedModel]:
        """The models whose id begins so. `prefix` must be plain. Raises UnsupportedByServer where LIKE is not known."""
        try:
            return self.find(ModelSearch(None, like_prefix("model_id", prefix)), at_most)
        except RejectedByMlflow as error:
            raise UnsupportedByServer(
                f"This MLflow server cannot search for the beginning of a model id ('{prefix}').", "Give the whole id."
            ) from error

    @property
    def numbers_for_status(self) -> bool:
        """Whether the store compares a status with a number, as MLflow's databases do and its folders do not."""
        uri = self._client.uri
        return not uri.startswith("databricks") and local_path(uri) is None

    def search(
        self, search: ModelSearch, most: int, page_token: str | None = None
    ) -> tuple[list[LoggedModel], str | None]:
        """One page of a search in named experiments, at most EXPERIMENTS_PER_REQUEST, and the token of the next."""
        if not search.experiment_ids:
            return [], None
        dataset = search.dataset
        on = (
            {"dataset_name": dataset.name} | ({"dataset_digest": dataset.digest} if dataset.digest else {})
            if dataset
            else {}
        )
        read = self._sent_page if self._client.is_http else self._page
        with explained(search.query, EXAMPLE):
            return self._asked(lambda: read(search, [on] if on else [], most, page_token))

    def _sent_page(
        self, search: ModelSearch, on: list[dict[str, str]], most: int, page_token: str | None
    ) -> tuple[list[LoggedModel], str | None]:
        asked = {"filter": search.query, "datasets": on, "order_by": list(search.order), "page_token": page_token}
        body = {name: value for name, value in asked.items() if value}
        return sent_page(self._client, {"experiment_ids": search.experiment_ids, "max_results": most, **body})

    def _page(
        self, search: ModelSearch, on: list[dict[str, str]], most: int, page_token: str | None
    ) -> tuple[list[LoggedModel], str | None]:
        page = self._client.connection.mlflow.search_logged_models(
            list(search.experiment_ids or ()),
            filter_string=search.query or None,
            datasets=on or None,
            max_results=most,
            order_by=list(search.order) or None,
            page_token=page_token,
        )
        return list(page), token_of(page)

    def _asked(self, request: Callable[[], T]) -> T:
        """What MLflow answers. A server too old for logged models is told to be so, with what it has instead."""
        try:
            return self._client.ask_feature(request, "logged models", since="3.0")
        except UnsupportedByServer as error:
            raise UnsupportedByServer(
                error.failed,
                "search_models(registered=true) lists its registered models, list_artifacts the models among a run's files.",
            ) from error


def _ordered(models: list[LoggedModel], order: Sequence[dict[str, Any]]) -> list[LoggedModel]:
    """Models in MLflow's order: by its clauses, what lacks a value last, then newest first, then by id."""
    found = sorted(models, key=lambda model: (-model.creation_timestamp, model.model_id))
    for clause in reversed(order):
        values = {model.model_id: _value_of(model, clause) for model in found}
        having = [model for model in found if values[model.model_id] is not None]
        lacking = [model for model in found if values[model.model_id] is None]
        having.sort(key=lambda model: values[model.model_id], reverse=not clause.get("ascending", True))
        found = having + lacking
    return found


def _value_of(model: LoggedModel, clause: dict[str, Any]) -> Any:
    """What a clause orders by: an attribute, or the latest value of a metric on the clause's dataset."""
    kind, dot, name = clause["field_name"].partition(".")
    if not dot:
        return getattr(model, kind, None)
    points = [
        each
        for each in model.metrics or ()
        if each.key == name
        and clause.get("dataset_name") in (None, each.dataset_name)
        and clause.get("dataset_digest") in (None, each.dataset_digest)
    ]
    return max(points, key=lambda each: (each.timestamp, each.step)).value if points else None
