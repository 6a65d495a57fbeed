"""Experiments: the list of all active ones, which is kept and checked, and searches in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from mlflow_mcp.client.filters import equals
from mlflow_mcp.client.transport.codes import not_mlflow
from mlflow_mcp.client.transport.connection import KnownExperiments, token_of
from mlflow_mcp.entities.direction import PrimaryMetric
from mlflow_mcp.entities.run import experiment_name
from mlflow_mcp.errors import NotFound, Unreachable
from mlflow_mcp.text import safe_uri

if TYPE_CHECKING:
    from mlflow.entities import Experiment

    from mlflow_mcp.client import Client

T = TypeVar("T")

# How many experiment ids go into one `runs/search`: the limit that databases and proxies are known to take.
EXPERIMENTS_PER_REQUEST = 1_000

# MLflow sets both when an experiment has a primary metric; the second is `True` or `False`.
PRIMARY_TAG = "mlflow.experiment.primaryMetric.name"
GREATER_TAG = "mlflow.experiment.primaryMetric.greaterIsBetter"
NOTE_TAG = "mlflow.note.content"


# A server with permissions leaves out of its lists what one may not read, and says nothing of it.
NOTHING_VISIBLE = (
    "The server shows these credentials no experiment at all: it has none, or they lack the permission to read any."
)


class Experiments:
    """`client.experiments`. The list of names belongs to the connection: no identity sees that of another."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._connection = client.connection

    def names(self) -> dict[str, str]:
        """Every active experiment's name by id, newest change first, as known; read in full when not known yet."""
        known = self._connection.experiments
        if known is None:
            return self.reread()
        self._tell_if_nothing_is_visible(known.names)
        return known.names

    def checked_names(self) -> dict[str, str]:
        """The names as they are now: the known ones when a small request finds them unchanged, else read in full."""
        known = self._connection.experiments
        return self.reread() if known is None or self._changed_since(known) else self.names()

    def deleted(self, name_or_id: str) -> Experiment | None:
        """The deleted experiment of this name or id."""
        named = self.all_deleted(equals("attribute", "name", name_or_id))
        if named or not name_or_id.isdigit():
            return named[0] if named else None
        with suppress(NotFound):
            found = self._client.ask(lambda: self._connection.mlflow.get_experiment(name_or_id))
            return found if found.lifecycle_stage == "deleted" else None
        return None

    def all_deleted(self, query: str | None = None) -> list[Experiment]:
        """The deleted experiments that match, one page of them."""
        found = self._client.ask(
            lambda: self._connection.mlflow.search_experiments(view_type=2, filter_string=query)  # DELETED_ONLY
        )
        return list(found)

    def name_of(self, experiment_id: str) -> str:
        """The experiment's name, or its id when it is not among the active ones."""
        return experiment_name(self.names(), experiment_id)

    def reread(self) -> dict[str, str]:
        """The names as they are now, read in full.

        A server without experiments is asked for its version: `{}` is MLflow's answer then, and that of many other servers.
        """
        found = [experiment for page in self._pages() for experiment in page]
        if not found and self._client.is_http and self._client.http.server_version() is None:
            raise not_mlflow(safe_uri(self._client.uri), 200)
        names = {str(experiment.experiment_id): str(experiment.name) for experiment in found}
        self._connection.experiments = KnownExperiments(names, _fingerprint(found[:1]))
        self._tell_if_nothing_is_visible(names)
        return names

    def _tell_if_nothing_is_visible(self, names: dict[str, str]) -> None:
        missing = self._client.call.missing
        if not names and self._client.is_http and NOTHING_VISIBLE not in missing:
            missing.append(NOTHING_VISIBLE)

    def search(
        self, query: str | None, order_by: Sequence[str], limit: int, page_token: str | None
    ) -> tuple[list[Experiment], str | None]:
        """One page of active experiments and the token of the next."""
        page = self._client.ask(
            lambda: self._connection.mlflow.search_experiments(
                filter_string=query, order_by=list(order_by), max_results=limit, page_token=page_token
            )
        )
        if any(not each.experiment_id for each in page):
            raise not_mlflow(safe_uri(self._client.uri), 200)
        return list(page), token_of(page)

    def search_all(self, search: Callable[[list[str]], T]) -> T:
        """`search(ids of all active experiments)`, with a list of experiments that is true at this moment.

        The known list is used at once and checked by a small request beside the search; when it proves old, the list is
        read again and the search repeated. So a warm call takes no longer than its search.
        """
        known = self._connection.experiments
        self._client.call.searched_everything = True
        if known is None:
            return search(list(self.reread()))
        results: list[Any] = self._client.run_concurrently(
            lambda: search(list(known.names)), lambda: self._changed_since(known)
        )
        found, has_changed = results
        self._tell_if_nothing_is_visible(known.names)
        return search(list(self.reread())) if has_changed else found

    def search_in(self, experiment_ids: list[str] | None, search: Callable[[list[str]], T]) -> T:
        """`search` in these experiments, or in all active ones when None."""
        return self.search_all(search) if experiment_ids is None else search(experiment_ids)

    def greater_is_better(self, metric: str) -> dict[str, bool]:
        """Of the active experiments whose primary metric this is, whether its greater values are better, by their id."""
        found, _ = self.search(equals("tags", PRIMARY_TAG, metric), ["last_update_time DESC"], 1_000, None)
        by_id = {str(each.experiment_id): each.tags.get(GREATER_TAG, "").lower() for each in found}
        return {id_: text == "true" for id_, text in by_id.items() if text in ("true", "false")}

    def primary_metrics(self, experiment_ids: Sequence[str]) -> dict[str, PrimaryMetric]:
        """The primary metrics of those of these experiments that have one, by their ids."""
        found = self._client.run_concurrently(
            *(
                lambda id_=each: self._client.ask(lambda: self._connection.mlflow.get_experiment(id_))
                for each in experiment_ids
            )
        )
        named = {str(each.experiment_id): primary_metric_of(each.tags) for each in found}
        return {id_: metric for id_, metric in named.items() if metric is not None}

    def get(self, experiment_id: str) -> Experiment:
        """The experiment, deleted ones too. Raises NotFound."""
        return self._client.ask(lambda: self._connection.mlflow.get_experiment(experiment_id))

    def _pages(self) -> Iterator[list[Experiment]]:
        token, seen, ids = None, set[str](), set[str]()
        while True:
            page, token = self.search(None, ["last_update_time DESC"], 1_000, token)
            yield page
            if not token:
                return
            before = len(ids)
            ids.update(str(each.experiment_id) for each in page)
            if token in seen or len(ids) == before:
                raise Unreachable(
                    f"The MLflow server at {safe_uri(self._client.uri)} repeats a page of its list of experiments without end.",
                    "Name the experiment by its id, and ask the server's operator.",
                )
            seen.add(token)

    def _changed_since(self, known: KnownExperiments) -> bool:
        """Whether an experiment was made, renamed or restored since the list was read: a request for one row."""
        latest, _ = self.search(None, ["last_update_time DESC"], 1, None)
        return _fingerprint(latest) != known.newest


def _fingerprint(experiments: Sequence[Experiment]) -> tuple[Any, ...]:
    return tuple((each.experiment_id, each.name, each.last_update_time) for each in experiments)


def primary_metric_of(tags: Mapping[str, str]) -> PrimaryMetric | None:
    """The primary metric that an experiment's tags name."""
    if not tags.get(PRIMARY_TAG):
        return None
    greater = tags.get(GREATER_TAG, "").lower()
    return PrimaryMetric(tags[PRIMARY_TAG], "max" if greater == "true" else "min" if greater == "false" else None)


def chunks(experiment_ids: Sequence[str]) -> list[list[str]]:
    """The ids in lists that one request may carry."""
    ids = list(experiment_ids)
    return [ids[start : start + EXPERIMENTS_PER_REQUEST] for start in range(0, len(ids), EXPERIMENTS_PER_REQUEST)]
