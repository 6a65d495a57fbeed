"""Find experiments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, Field

from mlflow_mcp.answers.base import Page
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.cursors import decode_position, encode_cursor
from mlflow_mcp.client.experiments import NOTE_TAG
from mlflow_mcp.client.filters import containing
from mlflow_mcp.client.ids.deleted import deleted_state
from mlflow_mcp.client.moments import with_milliseconds
from mlflow_mcp.entities.run import own_tags
from mlflow_mcp.text import hint, iso, plural, short
from mlflow_mcp.tools.arguments import Cursor, Limit, one_or_many

if TYPE_CHECKING:
    from mlflow.entities import Experiment


# Rows of a request whose answer is filtered again here.
_READ_AT_ONCE = 1_000
_LONGEST_NOTE = 200
_DELETED_NAMED = 5


class ExperimentTable(Page):
    """Experiments, one a row."""

    experiments: Table


Name = Annotated[str | None, Field(description="Part of the name, in any case, e.g. 'llama'.")]


ExperimentQuery = Annotated[str, Field(description="MLflow filter: \"tags.team = 'nlp' AND creation_time > '7d'\".")]


ExperimentOrder = Annotated[
    list[str] | None,
    BeforeValidator(one_or_many),
    Field(description="E.g. ['name', 'creation_time DESC']. Default: newest first."),
]


def search_experiments(
    client: Client,
    name: Name = None,
    query: ExperimentQuery = "",
    order_by: ExperimentOrder = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> ExperimentTable:
    """Find experiments by a part of their name or by an MLflow filter, newest first. Use it to learn which experiments
    exist; the run tools search all of them anyway. query_runs with an id or name from here comes next."""
    client.call.searched_everything = True
    clause, is_exact = containing("name", name) if name else ("", True)
    query_text = " AND ".join(part for part in (clause, with_milliseconds(query.strip())) if part)
    order = list(order_by or ["creation_time DESC"])
    position = decode_position(cursor, name, query, order) if cursor else (None, 0)
    part_of_name = "" if is_exact else name or ""
    found, following = _matching(client, query_text, order, part_of_name, limit, position)
    shown = [each.experiment for each in found[:limit]]
    rows = [
        [e.experiment_id, e.name, iso(e.creation_time), _renamed(e), own_tags(e.tags) or None, _note(client, e)]
        for e in shown
    ]
    columns = ["experiment_id", "name", "created", "renamed_or_restored", "tags", "note"]
    answer = ExperimentTable(experiments=Table.of(columns, rows, keep=("experiment_id", "name", "created")))

    def cursor_after(count: int) -> str:
        start = found[count].position if count < len(found) else (following, 0)
        return encode_cursor(start, name, query, order)

    answer.continue_with(cursor_after, len(rows), more=len(found) > limit or following is not None)
    if not rows and not cursor:
        names = client.experiments.names()
        answer.note(
            f"None of the {plural(len(names), 'active experiment')} matches. {hint(name or '', names.values())}".strip()
        )
        answer.note(*_deleted(client, query_text, part_of_name))
    return answer


def _deleted(client: Client, query: str, part_of_name: str) -> list[str]:
    """A sentence for each deleted experiment that matches."""
    gone = [each for each in client.experiments.all_deleted(query or None) if part_of_name.lower() in each.name.lower()]
    sentences = [
        f"'{each.name}' (id {each.experiment_id}) was {deleted_state(each)}; query_runs(experiment_id='{each.experiment_id}', "
        "deleted=true) reads them without that."
        for each in gone[:_DELETED_NAMED]
    ]
    more = len(gone) - _DELETED_NAMED
    return [*sentences, f"{more} more deleted experiments match."] if more > 0 else sentences


def _renamed(experiment: Experiment) -> str | None:
    """MLflow's last_update_time where it is not that of creation: new runs and tags leave it as it is."""
    changed = experiment.last_update_time
    return iso(changed) if changed != experiment.creation_time else None


def _note(client: Client, experiment: Experiment) -> str | None:
    """What people wrote about the experiment in MLflow's UI."""
    text = experiment.tags.get(NOTE_TAG)
    return short(client.masked(text), _LONGEST_NOTE) if text else None


# The page token that MLflow gave, and how many rows of that page to pass over.
Position = tuple[str | None, int]


@dataclass(frozen=True)
class _Found:
    """An experiment, and the position that a page beginning with it has."""

    experiment: Experiment
    position: Position


def _matching(
    client: Client, query: str, order_by: list[str], part_of_name: str, limit: int, position: Position
) -> tuple[list[_Found], str | None]:
    """The experiments from `position` on that match, at least `limit` if there are as many, and the token after them.

    `part_of_name` is what their names must hold where `query` lets others pass; then one match more than `limit` is
    looked for, so that whether there is a next page is known.
    """
    token, skip = position
    found: list[_Found] = []
    while True:
        size = (_READ_AT_ONCE if part_of_name else limit) + skip
        page, next_token = client.experiments.search(query or None, order_by, size, token)
        found += [
            _Found(each, (token, at))
            for at, each in enumerate(page)
            if at >= skip and part_of_name.lower() in each.name.lower()
        ]
        token, skip = next_token, 0
        if token is None or len(found) >= limit + bool(part_of_name):
            return found, token
