"""Find experiments."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from mlflow_mcp.answers.base import Page
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.cursors import decode_cursor, encode_cursor
from mlflow_mcp.entities.run import own_tags
from mlflow_mcp.text import hint, iso, plural
from mlflow_mcp.tools.arguments import Cursor, Limit, one_or_many


class ExperimentTable(Page):
    """Experiments, one a row."""

    experiments: Table


Name = Annotated[str | None, Field(description="Part of the name, in any case, e.g. 'llama'.")]


ExperimentQuery = Annotated[
    str, Field(description="MLflow filter: \"tags.team = 'nlp' AND creation_time > 1735689600000\".")
]


ExperimentOrder = Annotated[
    list[str] | None,
    BeforeValidator(one_or_many),
    Field(description="E.g. ['name', 'creation_time DESC']. Default: last changed first."),
]


def search_experiments(
    client: Client,
    name: Name = None,
    query: ExperimentQuery = "",
    order_by: ExperimentOrder = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> ExperimentTable:
    """Find experiments by a part of their name or by an MLflow filter, last changed first. Use it to learn which experiments
    exist; the run tools search all of them anyway. query_runs with an id or name from here comes next."""
    clauses = [clause for clause in (_name_clause(name), query.strip()) if clause]
    order = list(order_by or ["last_update_time DESC"])
    bound_to = f"{name}|{query}|{order}"
    token, skip = decode_cursor(cursor, bound_to) if cursor else (None, 0)
    page, following = client.experiments.search(" AND ".join(clauses) or None, order, limit + skip, token)
    found = page[skip:]
    rows = [
        [e.experiment_id, e.name, iso(e.creation_time), iso(e.last_update_time), own_tags(e.tags) or None]
        for e in found
    ]
    columns = ["experiment_id", "name", "created", "changed", "tags"]
    answer = ExperimentTable(experiments=Table.of(columns, rows, keep=("experiment_id", "name", "created", "changed")))

    def cursor_after(count: int) -> str:
        if count == len(found) and following:
            return encode_cursor([following, 0], bound_to)
        return encode_cursor([token, skip + count], bound_to)

    answer.continue_with(cursor_after, len(rows), more=following is not None)
    if not rows:
        names = client.experiments.names()
        answer.note(
            f"None of the {plural(len(names), 'active experiment')} matches. {hint(name or '', names.values())}".strip()
        )
    return answer


def _name_clause(name: str | None) -> str:
    if not name:
        return ""
    quote = '"' if "'" in name else "'"
    return f"name ILIKE {quote}%{name}%{quote}"
